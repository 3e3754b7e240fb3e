"""Follows cases: nothing is lost, whichever side is killed and whenever."""

from typing import TYPE_CHECKING

import httpx

from examples.mobile_backend.store import Store

if TYPE_CHECKING:
    from examples.mobile_backend.centre import Centre

PAGE = 200


async def follow(centre: "Centre", store: Store) -> bool:
    """Take over what is new; whether there may be more. Raises httpx.HTTPError while the centre does not answer.

    Events are read as they come, without the generated types: a centre that is younger than the client may tell new kinds.
    """
    client = await centre.as_program()
    async with client.get_async_httpx_client() as http:
        if store.cursor is None:
            # Events are not kept for ever: what is older than they are stands among the cases only. Killed in the middle of it,
            # there is no cursor yet, and all are read again.
            await _read_all(centre, http, store)
        answer = await http.get("/api/v1/events", params={"limit": PAGE} | ({"after": store.cursor} if store.cursor else {}))
        if answer.status_code == httpx.codes.GONE:
            # Away for too long, or the centre was set back to a backup, with lower versions.
            with store.transaction():
                store.forget_cases()
                store.keep_cursor(None)
            return True
        _check(centre, answer)
    page = answer.json()
    with store.transaction():  # the events, and that they were read
        for item in page["items"]:
            facts = item["event"]["data"]
            store.keep_case(facts["case_id"], facts["version"], facts)
        store.keep_cursor(page["next"])
    return len(page["items"]) == PAGE


def _check(centre: "Centre", answer: httpx.Response) -> None:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        centre.forget_own_token()
    answer.raise_for_status()


async def _read_all(centre: "Centre", http: httpx.AsyncClient, store: Store) -> None:
    cursor = None
    while True:
        answer = await http.get("/api/v1/cases", params={"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
        _check(centre, answer)
        page = answer.json()
        with store.transaction():
            for case in page["items"]:
                facts = {name: case[name] for name in ("rule", "severity", "state", "version", "due_at")}
                store.keep_case(case["id"], case["version"], {"case_id": case["id"], "shop_id": case["shop"]["id"], **facts})
        cursor = page["next"]
        if cursor is None:
            return
