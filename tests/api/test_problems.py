"""What a developer is told who asks in a way that does not work."""

import json

import pytest

from api.accounts.permissions import Role
from tests.api.test_oauth import ACTING, add
from tests.api.world import World, problem_code

CONFIRM = "/api/v1/cases/1/confirm"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "words"),
    [
        ("GET", "/api/v1/case", {}, 404, "openapi.json"),
        ("GET", "/api/v1/oauth/token", {}, 405, "Allow header"),
        ("GET", "/api/v1/cases", {"headers": {"Authorization": "a-token-without-its-scheme"}}, 401, "Authorization: Bearer"),
        ("POST", CONFIRM, {"content": "{}", "headers": {"Content-Type": "text/plain"}}, 422, "takes JSON"),
        ("POST", CONFIRM, {"data": {"note": "x"}}, 422, "takes JSON"),
        ("POST", CONFIRM, {}, 422, "takes JSON"),
        ("POST", CONFIRM, {"json": [1]}, 422, "see errors"),
    ],
)
async def test_says_what_to_do(world: World, method: str, path: str, options: dict[str, object], status: int, words: str):
    client = world.client() if status == 401 else await world.person()
    answer = await client.request(method, path, **options)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    problem_code(answer)
    assert words in answer.json()["detail"]


async def test_a_program_that_asks_by_itself_for_what_people_may(world: World):
    place = await world.place()
    case_id = await world.case(place)
    program = await add(world, place, scopes=ACTING, is_authority=True)
    async with program.by_itself() as client:
        (evidence,) = (await client.get(f"/api/v1/cases/{case_id}")).json()["evidence"]
        answer = await client.get(f"/api/v1/evidence/{evidence['violation_id']}/original.jpg")
    assert (answer.status_code, problem_code(answer)) == (403, "forbidden")
    assert "token of a person" in answer.json()["detail"]


@pytest.mark.parametrize("character", ["\\u0000", "\\ud800"], ids=["nul", "half a character"])
async def test_text_that_no_database_keeps(any_world: World, character: str):
    """JSON can write it (RFC 8259, 8.2). SQLite would keep a NUL, and the centre could never move to PostgreSQL."""
    chief = await any_world.person(Role.CHIEF, is_admin=True)
    district = (await chief.post("/api/v1/districts", json={"name": "Station"})).json()["id"]
    body = f'{{"name": "Station", "address": "East{character}"}}'
    answer = await chief.put(f"/api/v1/districts/{district}", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem_code(answer)) == (422, "invalid"), answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("login", {"login": "chief"}),
        ("targets", {"name": "T", "channel": "dingtalk", "audience": "authority", "token": "k", "events": ["case.opened"]}),
    ],
)
async def test_a_secret_with_half_of_a_character(world: World, path: str, body: dict[str, object]):
    admin = await world.person(Role.ADMIN)
    content = json.dumps({**body, "password" if path == "login" else "secret": "\ud800"})
    answer = await admin.post(f"/api/v1/{path}", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem_code(answer)) == (422, "invalid"), answer.text
