"""Who is given which cases of the queue, on both engines."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from api.accounts.actors import Actor
from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.accounts.service import authenticate
from api.cases import repository, review
from api.cases.queues import Queue, QueueName
from api.kit.times import now
from tests.api.acts import done
from tests.api.world import World

JUDGE = Queue(QueueName.JUDGE)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "WINDOW", 2)


async def actor(world: World, client: httpx.AsyncClient) -> Actor:
    async with world.centre.database.reading() as work:
        return (await authenticate(work, client.cookies[COOKIE], "192.0.2.1"))[0]


async def claim(world: World, who: Actor, had: tuple[int, ...] = (), wanted: Queue = JUDGE, later_s: float = 0) -> review.Window:
    async with world.centre.database.writing() as work:
        return await review.claim(work, who, wanted, now() + timedelta(seconds=later_s), had)


def numbers(window: review.Window) -> list[int]:
    return [case.id for case in window.new]


async def two(world: World) -> tuple[Actor, Actor]:
    return await actor(world, await world.person()), await actor(world, await world.person(Role.REVIEWER))


async def cases(world: World, count: int) -> list[int]:
    place = await world.place()
    box = await world.edge(place)
    return [await world.case(place, box) for _ in range(count)]


@pytest.mark.usefixtures("few")
class TestClaim:
    async def test_two_who_ask_at_once_get_different_cases(self, any_world: World):
        ids = await cases(any_world, 4)
        one, other = await two(any_world)
        windows = await asyncio.gather(claim(any_world, one), claim(any_world, other))
        given = [case_id for window in windows for case_id in numbers(window)]
        assert len(given) == len(set(given))
        assert set(given) <= set(ids)

    async def test_goes_on_with_what_one_has(self, any_world: World):
        ids = await cases(any_world, 3)
        one, other = await two(any_world)
        assert numbers(await claim(any_world, one)) == ids[:2]
        again = await claim(any_world, one, (ids[0],))
        assert (again.kept, numbers(again)) == ({ids[0]}, [ids[1]])
        assert numbers(await claim(any_world, other)) == ids[2:]

    async def test_ends_by_itself_and_then_is_anothers(self, any_world: World):
        ids = await cases(any_world, 1)
        one, other = await two(any_world)
        await claim(any_world, one)
        assert numbers(await claim(any_world, other, later_s=119)) == []
        assert numbers(await claim(any_world, other, later_s=121)) == ids
        late = await claim(any_world, one, tuple(ids), later_s=122)
        assert (late.kept, [lease.actor_name for lease in late.lost]) == (frozenset(), [other.name])

    async def test_an_act_ends_it(self, any_world: World):
        case_id, = await cases(any_world, 1)
        client = await any_world.person()
        who = await actor(any_world, client)
        await claim(any_world, who)
        await done(client, case_id, "confirm")
        async with any_world.centre.database.writing() as work:
            assert await review.look_at(work, (await two(any_world))[0], case_id, now()) is None

    async def test_of_another_district_is_not_taken(self, any_world: World):
        await cases(any_world, 1)
        neighbour = await actor(any_world, await any_world.person(place=await any_world.place("Mine")))
        assert numbers(await claim(any_world, neighbour)) == []
        window = await claim(any_world, neighbour, (1,))
        assert (window.kept, window.lost) == (frozenset(), [])


async def test_what_was_taken_back_is_no_past_verdict(any_world: World):
    first, second, third = await cases(any_world, 3)
    officer = await any_world.person()
    await done(officer, first, "confirm", "undo")
    await done(officer, second, "dismiss", reason="not_staff")
    who = await actor(any_world, officer)
    async with any_world.centre.database.reading() as work:
        case = await repository.get_case(work, who, third)
        assert case is not None
        past = await review.past_verdicts(work, who, case)
    assert [(verdict.case_id, verdict.reason) for verdict in past] == [(second, "not_staff")]


async def test_a_name_is_found_in_capitals_or_not(any_world: World):
    """On any database: LIKE of PostgreSQL tells them apart."""
    case_id = await any_world.case(await any_world.place("KFC"))
    reviewer = await any_world.person(Role.REVIEWER)
    assert f'data-case="{case_id}"' in (await reviewer.get("/review?words=kfc")).text
