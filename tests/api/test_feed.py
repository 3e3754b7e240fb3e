"""The feed of events: nothing is skipped and nothing comes twice, whoever writes at the same time."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy.exc import OperationalError

from api.accounts.actors import Actor, ActorKind, Client
from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Permission, Role
from api.backup import back_up
from api.feed import service
from api.feed.endpoints import follow as follow_events
from api.feed.publisher import forget_old, publish_all
from api.feed.service import Stand
from api.feed.shared import SharedReading
from api.feed.tables import FeedEvent
from api.kit.cursors import encode_cursor
from api.kit.database import Work
from api.kit.repeating import repeating
from api.kit.times import SHOP_TIME
from tests.api.acts import done
from tests.api.world import HOUSE, EdgeBox, Place, World, problem_code

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=SHOP_TIME)
WRITERS, EACH = 6, 5


async def follow(client: httpx.AsyncClient, after: str | None = None, limit: int = 3) -> tuple[list[dict[str, Any]], str]:
    """All that there is after a cursor, in pages."""
    found: list[dict[str, Any]] = []
    while True:
        query = {"limit": limit} | ({"after": after} if after else {})
        answer = await client.get("/api/v1/events", params=query)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        after = page["next"]
        if not page["items"]:
            return found, str(after)
        found += page["items"]


def types(items: list[dict[str, Any]]) -> list[str]:
    return [item["event"]["type"] for item in items]


async def act(world: World, place: Place, case_id: int, *acts: str) -> None:
    await done(await world.person(place=place), case_id, *acts)


async def test_in_order_with_an_end_that_goes_on(any_world: World):
    place = await any_world.place()
    box = await any_world.edge(place)
    reader = await any_world.person()
    assert await follow(reader) == ([], (await follow(reader))[1])
    cases = [await any_world.case(place, box) for _ in range(4)]
    await publish_all(any_world.centre)
    found, end = await follow(reader)
    assert [item["event"]["data"]["case_id"] for item in found] == cases
    assert await follow(reader, end) == ([], end)
    await act(any_world, place, cases[0], "confirm", "issue")
    await publish_all(any_world.centre)
    assert types((await follow(reader, end))[0]) == ["case.confirmed", "case.issued"]
    # From the middle, as often as anybody likes.
    assert await follow(reader, found[1]["cursor"], limit=200) == await follow(reader, found[1]["cursor"])


async def test_parallel_writers_and_publishers(any_world: World):
    """Transactions that end in another order than they began; a reader that asks all the time."""
    places = [await any_world.place(f"Shop {number}") for number in range(WRITERS)]
    boxes = [await any_world.edge(place) for place in places]
    reader = await any_world.person()
    written: list[int] = []

    async def write(place: Place, box: EdgeBox) -> None:
        written.extend([await any_world.case(place, box) for _ in range(EACH)])

    async def publish() -> None:
        while len(written) < WRITERS * EACH:
            await publish_all(any_world.centre)

    seen: list[dict[str, Any]] = []

    async def read() -> None:
        after: str | None = None
        while len(seen) < WRITERS * EACH:
            found, after = await follow(reader, after)
            seen.extend(found)

    async with asyncio.timeout(240):
        async with repeating(partial(publish_all, any_world.centre), 0.05, "the test cannot publish"):
            await asyncio.gather(*map(write, places, boxes), publish(), publish(), read())
    told = [item["event"]["data"]["case_id"] for item in seen]
    assert sorted(told) == sorted(written)
    assert (await follow(reader))[0] == seen


class TestUndo:
    async def test_what_is_taken_back_never_appears(self, any_world: World):
        any_world.centre.clock = lambda: NOON
        place = await any_world.place()
        case_id = await any_world.case(place)
        officer = await any_world.person()
        for act in ("confirm", "undo"):
            await done(officer, case_id, act)
            await publish_all(any_world.centre)
        any_world.centre.clock = lambda: NOON + timedelta(days=1)
        await publish_all(any_world.centre)
        assert types((await follow(officer))[0]) == ["case.opened"]

    async def test_what_cannot_be_taken_back_any_more_appears(self, world: World):
        world.centre.clock = lambda: NOON
        place = await world.place()
        await act(world, place, await world.case(place), "confirm")
        world.centre.clock = lambda: NOON + timedelta(seconds=11)
        await publish_all(world.centre)
        assert types((await follow(await world.person()))[0]) == ["case.opened", "case.confirmed"]


async def test_who_sees_what(world: World):
    place, elsewhere = await world.place("Here"), await world.place("Elsewhere")
    case_id = await world.case(place)
    await world.case(elsewhere)
    await act(world, place, case_id, "confirm", "issue")
    await publish_all(world.centre)
    everything = ["case.opened", "case.opened", "case.confirmed", "case.issued"]
    for role, bound, told in (
        (Role.OFFICER, None, everything), (Role.OFFICER, place, ["case.opened", "case.confirmed", "case.issued"]),
        (Role.OFFICER, elsewhere, ["case.opened"]), (Role.STORE_OWNER, place, ["case.issued"]), (Role.STORE_OWNER, elsewhere, []),
        (Role.PARTNER, None, ["case.issued"]),
    ):
        reader = await world.person(role, place=bound)
        assert types((await follow(reader))[0]) == told, role
    # A cursor says only where to go on: taken from another's feed, it opens nothing.
    cursor = (await follow(await world.person()))[0][0]["cursor"]
    assert types((await follow(await world.person(Role.STORE_OWNER, place=elsewhere), cursor))[0]) == []


@pytest.mark.parametrize("cursor", ["x", "e30", "eyJhZnRlciI6ImFiYyJ9", "eyJhZnRlciI6LTF9"])
@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/events/stream"])
async def test_a_cursor_that_is_none(world: World, path: str, cursor: str):
    answer = await (await world.person()).get(path, params={"after": cursor})
    assert (answer.status_code, problem_code(answer)) == (422, "bad-cursor")


@asynccontextmanager
async def live(world: World, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The same client on a real server: only there an answer comes bit by bit."""
    listener = socket.create_server(("127.0.0.1", 0))  # who comes before the server is ready waits here
    server = uvicorn.Server(uvicorn.Config(world.app, log_level="warning", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    cookies = {COOKIE: client.cookies[COOKIE]}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=60) as online:
            yield online
    finally:
        server.should_exit = True
        await running


async def events_of(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif not line and "data" in fields:
            yield fields
            fields = {}


async def test_server_sent_events_go_on_where_a_follower_was(world: World):
    place = await world.place()
    box = await world.edge(place)
    first, second = [await world.case(place, box) for _ in range(2)]
    async with live(world, await world.person()) as online:
        async with online.stream("GET", "/api/v1/events/stream") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            assert response.headers["x-accel-buffering"] == "no"
            stream = events_of(response)
            events = [await anext(stream), await anext(stream)]
        assert [event["event"] for event in events] == ["case.opened"] * 2
        assert [json.loads(event["data"])["data"]["case_id"] for event in events] == [first, second]
        resumed = {"Last-Event-ID": events[0]["id"]}
        async with online.stream("GET", "/api/v1/events/stream", headers=resumed) as response:
            stream = events_of(response)
            assert await anext(stream) == events[1]
            # It waits for what is still to come, and hears of it.
            third = asyncio.create_task(world.case(place, box))
            event = await anext(stream)
            assert json.loads(event["data"])["data"]["case_id"] == await third


async def test_one_person_has_so_many_streams_at_once(world: World):
    """Each holds a connection, and a system gives a process only so many."""
    world.centre.settings.streams_at_once = 1
    async with live(world, await world.person()) as online:
        async with online.stream("GET", "/api/v1/events/stream"):
            answer = await online.get("/api/v1/events/stream")
            assert (answer.status_code, problem_code(answer)) == (429, "too-many-requests")
        status = 429
        async with asyncio.timeout(60):  # the place is free again when one has gone away
            while status == 429:
                async with online.stream("GET", "/api/v1/events/stream") as response:
                    status = response.status_code
        assert status == 200


async def test_a_stream_ends_so_that_who_follows_is_asked_again(world: World):
    world.centre.settings.stream_s = 0.01
    answer = await (await world.person()).get("/api/v1/events/stream")
    assert answer.status_code == 200
    assert {line.partition(": ")[0] for line in answer.text.splitlines()} <= {"", "id"}


async def test_a_stream_ends_where_the_database_goes_away(world: World, monkeypatch: pytest.MonkeyPatch):
    """Each follower would write an error of a hundred lines, just when the log is looked at."""
    async def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

    monkeypatch.setattr(SharedReading, "read", away)
    assert [told async for told in follow_events(world.centre, HOUSE, Stand())] == []


async def test_a_stream_ends_when_the_centre_does(world: World):
    """It would be waited for: a restart took 8 s longer, and wrote an error for each."""
    async with live(world, await world.person()) as online, online.stream("GET", "/api/v1/events/stream") as response:
        assert response.status_code == 200
        world.centre.bell.close()
        async with asyncio.timeout(60):
            assert [line async for line in response.aiter_lines() if line.startswith("data")] == []


class TestManyFollowers:
    @pytest.fixture
    def readings(self, monkeypatch: pytest.MonkeyPatch) -> list[Actor]:
        """For whom the database was read."""
        asked: list[Actor] = []
        whole = service.list_events

        async def counted(work: Work, actor: Actor, *, after: Stand | None, limit: int) -> tuple[list[FeedEvent], Stand]:
            asked.append(actor)
            return await whole(work, actor, after=after, limit=limit)

        monkeypatch.setattr(service, "list_events", counted)
        return asked

    async def test_those_who_see_the_same_are_read_for_once(self, world: World, readings: list[Actor]):
        case_id = await world.case(await world.place())
        await publish_all(world.centre)
        followers = [follow_events(world.centre, officer(name), Stand()) for name in "abcdefgh"]
        told = await asyncio.gather(*map(anext, followers))
        assert len(readings) == 1
        assert [told_of(text) for text in told] == [[case_id]] * 8
        # And so it is with what happens while they wait.
        waiting = [asyncio.create_task(anext(follower)) for follower in followers]
        await asyncio.sleep(0)
        another = await world.case(await world.place("Another"))
        await publish_all(world.centre)
        assert [told_of(text) for text in await asyncio.gather(*waiting)] == [[another]] * 8
        assert len(readings) <= 3

    async def test_people_through_one_program_are_not_one(self, world: World, readings: list[Actor]):
        """Each of them may have ended what they let the program do."""
        program = Client("app", "App", frozenset(), frozenset(), is_authority=False)
        followers = [
            asyncio.create_task(everything(follow_events(world.centre, replace(officer(name), client=program), Stand())))
            for name in "ab"
        ]
        world.centre.settings.stream_s = 0.01
        await asyncio.gather(*followers)
        assert {actor.id for actor in readings} == {"a", "b"}

    async def test_each_sees_its_own(self, world: World, readings: list[Actor]):
        places = [await world.place(name) for name in ("Here", "There")]
        cases = [await world.case(place) for place in places]
        await publish_all(world.centre)
        actors = [officer("all"), *(replace(officer("one"), shop_id=place.shop_id) for place in places)]
        actors.append(replace(officer("outside"), role=Role.PARTNER))
        world.centre.settings.stream_s = 0.01
        followers = [follow_events(world.centre, actor, Stand()) for actor in actors]
        told = [told_of("".join(texts)) for texts in await asyncio.gather(*map(everything, followers))]
        assert told == [cases, cases[:1], cases[1:], []]
        assert len(readings) >= 4

    async def test_what_was_begun_before_it_rang_is_not_shared_after(self, world: World, monkeypatch: pytest.MonkeyPatch):
        case_id = await world.case(await world.place())
        has_read, may_go_on, whole = asyncio.Event(), asyncio.Event(), service.list_events

        async def slow(work: Work, actor: Actor, *, after: Stand | None, limit: int) -> tuple[list[FeedEvent], Stand]:
            found = await whole(work, actor, after=after, limit=limit)
            if not has_read.is_set():
                has_read.set()
                await may_go_on.wait()
            return found

        monkeypatch.setattr(service, "list_events", slow)
        reading = world.centre.shared_reading
        early = asyncio.create_task(reading.read(world.centre.database, officer("early"), Stand(), known=0))
        await has_read.wait()
        await publish_all(world.centre)
        async with asyncio.timeout(10):
            late = await reading.read(world.centre.database, officer("late"), Stand(), known=world.centre.bell.position)
        assert late is not None
        assert told_of(late[1]) == [case_id]
        may_go_on.set()
        assert await early == (Stand(), "")

    async def test_one_who_hears_nothing_is_spoken_to_however_often_it_rings(self, world: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("api.feed.endpoints.SILENT_S", 0.05)
        world.centre.settings.stream_s = 0.5
        quiet = replace(officer("quiet"), shop_id=(await world.place("Quiet")).shop_id)
        following = asyncio.create_task(everything(follow_events(world.centre, quiet, Stand())))
        while not following.done():
            world.centre.bell.ring(world.centre.bell.position + 1)
            await asyncio.sleep(0)
        texts = await following
        assert texts
        assert {text.splitlines()[1] for text in texts} == {": here"}

    async def test_one_who_goes_away_takes_nothing_from_the_others(self, world: World):
        case_id = await world.case(await world.place())
        await publish_all(world.centre)
        first, second = (asyncio.create_task(anext(follow_events(world.centre, officer(name), Stand()))) for name in "ab")
        await asyncio.sleep(0)
        first.cancel()
        assert told_of(await second) == [case_id]


def officer(name: str) -> Actor:
    return Actor(ActorKind.PERSON, name, name, permissions=frozenset({Permission.CASES_READ}), role=Role.OFFICER, address=name)


def told_of(text: str) -> list[int]:
    return [json.loads(line[6:])["data"]["case_id"] for line in text.splitlines() if line.startswith("data: ")]


async def everything(follower: AsyncIterator[str]) -> list[str]:
    return [text async for text in follower]


class TestRetention:
    async def followed(self, world: World, cases: int) -> tuple[httpx.AsyncClient, list[str]]:
        """A reader, and the cursor after each event; one event a day."""
        place = await world.place()
        box = await world.edge(place)
        for day in range(cases):
            world.centre.clock = lambda day=day: NOON + timedelta(days=day)  # type: ignore[misc]
            await world.case(place, box)
            await publish_all(world.centre)
        reader = await world.person()
        return reader, [item["cursor"] for item in (await follow(reader))[0]]

    async def test_what_is_old_goes_and_a_cursor_from_before_is_told_so(self, any_world: World):
        reader, cursors = await self.followed(any_world, 5)
        any_world.centre.settings.feed_days = 2
        any_world.centre.clock = lambda: NOON + timedelta(days=4)
        await forget_old(any_world.centre)
        assert [item["cursor"] for item in (await follow(reader))[0]] == cursors[2:]
        for path in ("events", "events/stream"):
            answer = await reader.get(f"/api/v1/{path}", params={"after": cursors[0]})
            assert (answer.status_code, problem_code(answer)) == (410, "cursor-expired")
            assert "GET /api/v1/cases" in answer.json()["detail"]
        # Whoever had read up to the last one that is gone has missed nothing.
        assert [item["cursor"] for item in (await follow(reader, cursors[1]))[0]] == cursors[2:]

    async def test_a_follower_of_a_quiet_shop_does_not_fall_behind(self, any_world: World):
        quiet = await any_world.place("Quiet")
        follower = await any_world.person(Role.STORE_OWNER, place=quiet)
        _, cursors = await self.followed(any_world, 3)
        found, end = await follow(follower)
        assert (found, end) == ([], cursors[2])
        any_world.centre.clock = lambda: NOON + timedelta(days=400)
        await forget_old(any_world.centre)
        assert (await follower.get("/api/v1/events", params={"after": end})).status_code == 200

    async def test_the_last_one_stays_so_that_no_position_comes_twice(self, any_world: World):
        reader, cursors = await self.followed(any_world, 3)
        any_world.centre.clock = lambda: NOON + timedelta(days=400)
        await forget_old(any_world.centre)
        assert [item["cursor"] for item in (await follow(reader))[0]] == cursors[2:]
        await any_world.case(await any_world.place("Later"))
        await publish_all(any_world.centre)
        (item,) = (await follow(reader, cursors[2]))[0]
        assert item["cursor"] not in cursors

    async def test_more_than_one_transaction_takes(self, world: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("api.feed.publisher.BATCH", 2)
        reader, cursors = await self.followed(world, 6)
        world.centre.clock = lambda: NOON + timedelta(days=400)
        await forget_old(world.centre)
        assert [item["cursor"] for item in (await follow(reader))[0]] == cursors[5:]


async def set_back(world: World, copy: Path) -> None:
    """As docs/centre.md says: while the centre is stopped, the copy takes the place of what is there."""
    await world.centre.database.close()
    del world.centre.__dict__["database"]
    for leftover in world.centre.settings.data.glob("sunshine.db-*"):
        leftover.unlink()
    shutil.copy(copy / "sunshine.db", world.centre.settings.data)


class TestSetBackToACopy:
    async def happens(self, world: World, name: str) -> None:
        await world.case(await world.place(name))
        await publish_all(world.centre)

    async def test_who_had_read_on_begins_anew_also_when_as_much_has_happened_since(
        self, world: World, tmp_path_factory: pytest.TempPathFactory
    ):
        await self.happens(world, "Kept")
        reader = await world.person()
        _, kept = await follow(reader)
        copy = back_up(world.centre.settings, tmp_path_factory.mktemp("disk"), 7, NOON, print).folder
        await self.happens(world, "Lost")
        _, lost = await follow(reader)
        await set_back(world, copy)
        for happens in (False, True):
            if happens:
                await self.happens(world, "After")
            for path in ("events", "events/stream"):
                answer = await reader.get(f"/api/v1/{path}", params={"after": lost})
                assert (answer.status_code, problem_code(answer)) == (410, "cursor-expired"), (happens, path)
                assert "set back" in answer.json()["detail"]
        # Who had not read on misses nothing, and hears of what came since.
        assert len((await follow(reader, kept))[0]) == 1

    async def test_a_cursor_from_before_cursors_said_which_event_they_mean(self, world: World):
        """Clients keep them."""
        await self.happens(world, "Shop")
        reader = await world.person()
        assert len((await follow(reader, encode_cursor(0)))[0]) == 1
        assert (await follow(reader, encode_cursor(1)))[0] == []
        answer = await reader.get("/api/v1/events", params={"after": encode_cursor(7)})
        assert (answer.status_code, problem_code(answer)) == (410, "cursor-expired")
