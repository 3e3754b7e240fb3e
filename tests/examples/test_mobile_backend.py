"""The example backend and a centre, as processes of their own; both are killed and started again in the middle of it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.backup import back_up
from api.console.csrf import token_of
from api.feed.publisher import forget_old, publish_all
from api.kit.settings import Settings
from examples.mobile_backend.follower import follow
from examples.mobile_backend.store import Store
from tests.api.test_feed import NOON, set_back
from tests.api.test_oauth import add
from tests.api.world import EdgeBox, Place, World
from tests.ports import hold_port

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, by the one command."""
    folder = tmp_path_factory.mktemp("client")
    done = subprocess.run(
        [ROOT / "scripts" / "client", folder / "sunshine_client"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@dataclass
class Program:
    """Something that serves on a port of its own, and can be killed and started again."""

    arguments: list[str]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", *self.arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, env=os.environ | self.environment, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def serving(*arguments: str, port: int, **environment: str) -> Iterator[Program]:
    program = Program(list(arguments), port, environment)
    program.start()
    try:
        yield program
    finally:
        program.kill()


async def until(check: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What `check` finds, as soon as it finds something."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if found := await check():
                    return found
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


@dataclass
class Scene:
    centre: Program
    backend: Program
    edge: EdgeBox
    officer: dict[str, str]
    app: dict[str, str] = field(default_factory=dict)

    async def report(self, count: int) -> list[int]:
        return [(await self.edge.report()).json()["case_id"] for _ in range(count)]

    async def sign_in(self, person: dict[str, str] | None = None, *, in_another_browser: bool = False) -> int:
        """The officer, or somebody else, lets the backend in; returns what it answers."""
        session = (person or self.officer)[COOKIE]
        async with httpx.AsyncClient(timeout=60) as browser:
            asked = (await browser.get(f"{self.backend.url}/sign-in")).headers["location"]
            form = {"csrf": token_of(session)}
            form |= {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()} | {"allow": "yes"}
            cookie = {"Cookie": f"{COOKIE}={session}"}
            agreed = await browser.post(f"{self.centre.url}/oauth/authorize", data=form, headers=cookie)
            if in_another_browser:
                browser.cookies.clear()
            answer = await browser.get(agreed.headers["location"])
        self.app = {"Authorization": f"Bearer {answer.json().get('session')}"}
        return answer.status_code

    async def ask(self, path: str) -> Any:
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.get(f"{self.backend.url}{path}", headers=self.app)
            return answer.json()

    async def has(self, states: dict[int, str]) -> bool:
        return {case["case_id"]: case["state"] for case in await self.ask("/cases")} == states

    async def answers(self, program: Program, path: str) -> bool:
        async with httpx.AsyncClient(timeout=60) as client:
            return (await client.get(f"{program.url}{path}")).status_code < 500


@pytest.fixture
async def scene(sqlite_settings: Settings, world: World, tmp_path: Path, generated: Path) -> AsyncIterator[Scene]:
    place: Place = await world.place()
    officer = await world.person(Role.OFFICER, place=place)
    with hold_port() as of_centre, hold_port() as of_backend:
        port, other = of_centre.getsockname()[1], of_backend.getsockname()[1]
        back = f"http://127.0.0.1:{other}/back"
        scopes = ["cases:read", "cases:act", "shops:read"]
        program = await add(world, place, scopes=scopes, is_authority=True, redirect_uris=[back])
        code = await world.code(place)
        data = str(sqlite_settings.data)
        environment = {
            "CENTRE": f"http://127.0.0.1:{port}", "CLIENT_ID": program.id, "CLIENT_SECRET": program.secret, "PORT": str(other),
            "STORE": str(tmp_path / "backend.db"), "PYTHONPATH": os.pathsep.join((str(ROOT), str(generated))),
        }
        with (
            serving("sunshine", "serve", "--port", str(port), "--data", data, port=port) as centre,
            serving("examples.mobile_backend", port=other, **environment) as backend,
        ):
            client = httpx.AsyncClient(base_url=centre.url, timeout=60)
            scene = Scene(centre, backend, EdgeBox(client, place), {COOKIE: officer.cookies[COOKIE]})
            await until(lambda: scene.answers(centre, "/healthz"))
            await until(lambda: scene.answers(backend, "/cases"))
            assert (await scene.edge.enrol(code)).status_code == 201
            yield scene
            await client.aclose()


async def test_loses_no_case_and_doubles_no_act_over_kills_of_both(scene: Scene):
    assert await scene.sign_in() == 200
    waiting = dict.fromkeys(await scene.report(2), "pending_review")
    await until(lambda: scene.has(waiting))
    # The backend is away while something happens, and the centre dies meanwhile.
    scene.backend.kill()
    waiting |= dict.fromkeys(await scene.report(2), "pending_review")
    scene.centre.kill()
    scene.backend.start()
    await until(lambda: scene.answers(scene.backend, "/cases"))
    scene.centre.start()
    await until(lambda: scene.has(waiting))
    # The person acts while the centre is dead; then the backend dies too, with the act in its store.
    first = min(waiting)
    scene.centre.kill()
    async with httpx.AsyncClient(base_url=scene.backend.url, headers=scene.app, timeout=60) as app:
        key = (await app.post(f"/cases/{first}/confirm", json={"version": 1})).json()["act"]
        late = (await app.post(f"/cases/{first}/confirm", json={"version": 1})).json()["act"]
    scene.backend.kill()
    scene.centre.start()
    scene.backend.start()

    async def state_of(act: str, state: str) -> Any:
        found = await scene.ask(f"/acts/{act}")
        return found if found["state"] == state else None

    await until(lambda: state_of(key, "done"))
    refused = await until(lambda: state_of(late, "refused"))
    assert refused["problem"]["code"] == "version-conflict"
    await until(lambda: scene.has(waiting | {first: "confirmed"}))
    async with httpx.AsyncClient(base_url=scene.centre.url, cookies=scene.officer, timeout=60) as officer:
        transitions = (await officer.get(f"/api/v1/cases/{first}")).json()["transitions"]
    assert [step["act"] for step in transitions].count("confirm") == 1


async def test_hands_on_no_more_than_each_person_may_see(scene: Scene, world: World):
    (case_id,) = await scene.report(1)
    assert await scene.sign_in() == 200
    await until(lambda: scene.has({case_id: "pending_review"}))
    elsewhere = await world.person(place=await world.place("Elsewhere"))
    assert await scene.sign_in({COOKIE: elsewhere.cookies[COOKIE]}) == 200
    assert await scene.ask("/cases") == []
    owner = await world.person(Role.STORE_OWNER, place=scene.edge.place)
    assert await scene.sign_in({COOKIE: owner.cookies[COOKIE]}) == 403
    assert await scene.sign_in(in_another_browser=True) == 403


@dataclass
class AsProgram:
    """The centre as the follower asks it, in this process; its connection breaks off at what `breaks_at` names."""

    http: httpx.AsyncClient
    breaks_at: str = "nothing"
    is_token_forgotten: bool = False

    async def as_program(self) -> "AsProgram":
        return self

    @asynccontextmanager
    async def get_async_httpx_client(self) -> AsyncIterator["AsProgram"]:
        yield self

    async def get(self, path: str, params: dict[str, Any]) -> httpx.Response:
        if path == self.breaks_at:
            raise httpx.ReadError("killed")
        return await self.http.get(path, params=params)

    def forget_own_token(self) -> None:
        self.is_token_forgotten = True


@dataclass
class Answering:
    """A centre, or a proxy before it, that answers every act alike."""

    answer: httpx.Response

    async def as_person(self, person: str) -> "Answering":
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: self.answer), base_url="http://centre.test")


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code}, headers={"Content-Type": "application/problem+json", **headers})


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (problem(409, "still-running", **{"Retry-After": "2"}), "waiting"),
        (problem(409, "notice-not-possible"), "refused"),
        (problem(409, "act-not-possible"), "refused"),
        (problem(409, "answer-unreadable"), "refused"),
        (problem(412, "version-conflict"), "refused"),
        (problem(429, "rate-limited", **{"Retry-After": "7"}), "waiting"),
        (problem(500, "internal"), "waiting"),
        (httpx.Response(502, html="<html>Bad Gateway</html>"), "waiting"),  # of a proxy
        (httpx.Response(503, html="<html>maintenance</html>", headers={"Retry-After": "60"}), "waiting"),
        (httpx.Response(200, json={}), "done"),
    ],
)
async def test_what_an_answer_to_an_act_means(
    answer: httpx.Response, state: str, tmp_path: Path, generated: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(generated))
    sender, store = import_module("examples.mobile_backend.sender"), Store(tmp_path / "backend.db")
    store.change("INSERT INTO people VALUES ('1', 'Li', '{}', '[]')")
    store.change("INSERT INTO acts (key, person, case_id, act, version, body) VALUES ('k', '1', 7, 'issue', 2, '{}')")
    waits = "Retry-After" in answer.headers
    with pytest.raises(httpx.HTTPStatusError) if waits else nullcontext():  # the loop around it waits for as long
        await sender.send_all(Answering(answer), store)
    row = store.row("SELECT * FROM acts")
    assert row is not None
    assert row["state"] == state


class TestWhatEventsDoNotTell:
    async def aged(self, world: World, tmp_path: Path) -> tuple[AsProgram, Store, str, list[int]]:
        """Three cases, of which events are kept of the last alone; the first cursor of all."""
        place = await world.place()
        box, cases, cursors = await world.edge(place), list[int](), list[str]()
        person = await world.person()
        for day in range(3):
            world.centre.clock = lambda day=day: NOON + timedelta(days=day)  # type: ignore[misc]
            cases.append(await world.case(place, box))
            await publish_all(world.centre)
            cursors.append((await person.get("/api/v1/events")).json()["next"])
        world.centre.settings.feed_days = 0.5
        await forget_old(world.centre)
        return AsProgram(person), Store(tmp_path / "backend.db"), cursors[0], cases

    async def test_a_new_backend_sees_older_cases_too(self, world: World, tmp_path: Path):
        centre, store, _, cases = await self.aged(world, tmp_path)
        await follow(centre, store)  # type: ignore[arg-type]
        assert [case["case_id"] for case in store.list_cases()] == cases

    async def test_its_token_ends_before_it_has_read_anything(self, world: World, tmp_path: Path):
        centre = AsProgram(world.client())
        with suppress(httpx.HTTPStatusError):
            await follow(centre, Store(tmp_path / "backend.db"))  # type: ignore[arg-type]
        assert centre.is_token_forgotten

    async def test_away_for_too_long_and_killed_while_all_are_read(self, world: World, tmp_path: Path):
        centre, store, cursor, cases = await self.aged(world, tmp_path)
        store.keep_cursor(cursor)
        # Of a centre that was set back since: what it says now holds.
        store.keep_case(cases[0], 99, {"case_id": cases[0]})
        centre.breaks_at = "/api/v1/cases"
        for _ in range(2):
            with suppress(httpx.ReadError):
                await follow(centre, store)  # type: ignore[arg-type]
        centre.breaks_at = "nothing"
        while await follow(centre, store):  # type: ignore[arg-type]
            pass
        assert [(case["case_id"], case["version"]) for case in store.list_cases()] == [(case_id, 1) for case_id in cases]

    async def test_the_centre_was_set_back_and_other_cases_have_the_numbers_of_those_that_are_lost(
        self, world: World, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ):
        centre, store = AsProgram(await world.person()), Store(tmp_path / "backend.db")

        async def happens(shop: str) -> None:
            await world.case(await world.place(shop))
            await publish_all(world.centre)
            while await follow(centre, store):  # type: ignore[arg-type]
                pass

        await happens("Kept")
        copy = back_up(world.centre.settings, tmp_path_factory.mktemp("disk"), 7, NOON, print)
        await happens("Lost")
        await set_back(world, copy.folder)
        await happens("After")
        now = (await centre.http.get("/api/v1/cases")).json()["items"]
        kept = {case["case_id"]: case["shop_id"] for case in store.list_cases()}
        assert kept == {case["id"]: case["shop"]["id"] for case in now}
        assert len(kept) == 2
