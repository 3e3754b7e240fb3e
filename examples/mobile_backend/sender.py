"""Sends people's acts: each is kept with its Idempotency-Key before it is sent, and sent until an answer is there."""

import json

import httpx
from sunshine_client.api.cases import act_on_case
from sunshine_client.models import Act, ActIn

from examples.mobile_backend.centre import Centre, SignInAgain
from examples.mobile_backend.store import Row, Store

# What passes by itself.
AGAIN = frozenset({401, 409, 429, 500, 502, 503, 504, 507})


async def send_all(centre: Centre, store: Store) -> None:
    """Raises httpx.HTTPError while the centre does not answer."""
    for row in store.rows("SELECT * FROM acts WHERE state IN ('waiting', 'sign in') ORDER BY rowid"):
        try:
            await _send(centre, store, row)
        except SignInAgain:
            store.change("UPDATE acts SET state = 'sign in' WHERE key = ?", row["key"])


async def _send(centre: Centre, store: Store, row: Row) -> None:
    answer = await act_on_case.asyncio_detailed(
        row["case_id"], Act(row["act"]), client=await centre.as_person(row["person"]),
        body=ActIn.from_dict(json.loads(row["body"])), if_match=f'"{row["version"]}"', idempotency_key=row["key"],
    )
    if answer.status_code < 300:
        store.change("UPDATE acts SET state = 'done', problem = NULL WHERE key = ?", row["key"])
        return
    problem = json.loads(answer.content or b"{}")
    # Somebody else was faster, or the centre refuses it: the person decides anew. A 409 of the act itself is one of these.
    if answer.status_code not in AGAIN or problem.get("code") == "act-not-possible":
        store.change("UPDATE acts SET state = 'refused', problem = ? WHERE key = ?", json.dumps(problem), row["key"])
    elif answer.status_code == httpx.codes.UNAUTHORIZED:  # revoked: the refresh token says whether for good
        tokens = store.row("SELECT tokens FROM people WHERE id = ?", row["person"])
        if tokens is not None and tokens["tokens"] is not None:
            over = json.loads(tokens["tokens"]) | {"until": 0}
            store.change("UPDATE people SET tokens = ? WHERE id = ?", json.dumps(over), row["person"])
