"""Sends people's acts: each is kept with its Idempotency-Key before it is sent, and sent until an answer is there."""

import json

import httpx

from examples.mobile_backend.centre import Centre, SignInAgain
from examples.mobile_backend.store import Row, Store

# What passes by itself. Of a 409 only one that says so: any other is the answer to this act.
AGAIN = frozenset({401, 429, 500, 502, 503, 504, 507})


async def send_all(centre: Centre, store: Store) -> None:
    """Raises httpx.HTTPError while the centre does not answer, or wants to be asked later."""
    for row in store.rows("SELECT * FROM acts WHERE state IN ('waiting', 'sign in') ORDER BY rowid"):
        try:
            await _send(centre, store, row)
        except SignInAgain:
            store.change("UPDATE acts SET state = 'sign in' WHERE key = ?", row["key"])


async def _send(centre: Centre, store: Store, row: Row) -> None:
    """Answers are read without the generated types: those of a proxy before the centre are none of its documents."""
    client = await centre.as_person(row["person"])
    async with client.get_async_httpx_client() as http:
        answer = await http.post(
            f"/api/v1/cases/{row['case_id']}/{row['act']}", json=json.loads(row["body"]),
            headers={"If-Match": f'"{row["version"]}"', "Idempotency-Key": row["key"]},
        )
    if answer.is_success:
        store.change("UPDATE acts SET state = 'done', problem = NULL WHERE key = ?", row["key"])
        return
    is_problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    problem = answer.json() if is_problem else {"status": answer.status_code}
    if answer.status_code not in AGAIN and problem.get("code") != "still-running":
        # Somebody else was faster, or the centre refuses it: the person decides anew.
        store.change("UPDATE acts SET state = 'refused', problem = ? WHERE key = ?", json.dumps(problem), row["key"])
    elif answer.status_code == httpx.codes.UNAUTHORIZED:  # revoked: the refresh token says whether for good
        tokens = store.row("SELECT tokens FROM people WHERE id = ?", row["person"])
        if tokens is not None and tokens["tokens"] is not None:
            over = json.loads(tokens["tokens"]) | {"until": 0}
            store.change("UPDATE people SET tokens = ? WHERE id = ?", json.dumps(over), row["person"])
    elif "Retry-After" in answer.headers:
        answer.raise_for_status()
