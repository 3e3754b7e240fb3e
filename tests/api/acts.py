"""What people do with cases, over the API."""

import httpx


async def do(client: httpx.AsyncClient, case_id: int, act: str, version: int | None = None, **given: object) -> httpx.Response:
    """In the version that somebody has seen, else in the newest."""
    path = f"/api/v1/cases/{case_id}"
    tag = f'"{version}"' if version is not None else (await client.get(path)).headers["ETag"]
    return await client.post(f"{path}/{act}", json=given, headers={"If-Match": tag})


async def done(client: httpx.AsyncClient, case_id: int, *acts: str, **given: object) -> None:
    """One after the other, each of them taken."""
    for act in acts:
        answer = await do(client, case_id, act, **given)
        assert answer.status_code == 200, answer.text
