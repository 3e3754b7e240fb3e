"""The minutes of a camera by day: of its hours, in the shops' time, nothing before it was there."""

from datetime import UTC, date, datetime, timedelta

from api.accounts.permissions import Role
from api.cameras.observed import Observed, count_by_day
from api.cameras.repository import get_camera, store_minutes
from tests.api.test_cameras import new_camera
from tests.api.world import HOUSE, Place, World

# 12:00 in the shops.
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


async def by_day(world: World, place: Place, days: int = 3) -> dict[date, Observed | None]:
    async with world.centre.database.reading() as work:
        camera = await get_camera(work, HOUSE, place.camera_id)
        assert camera is not None
        return {one.day: one.minutes for one in await count_by_day(work, HOUSE, camera, NOON, days)}


async def look(world: World, place: Place, since: datetime, minutes: int, looks: int = 5) -> None:
    rows = [
        {"camera_id": place.camera_id, "minute": since + timedelta(minutes=number), "looks": looks, "fault": None}
        for number in range(minutes)
    ]
    async with world.centre.database.writing() as work:
        await store_minutes(work, HOUSE, rows, since - timedelta(days=9))


async def test_each_day_begins_at_midnight_in_the_shops(any_world: World):
    place = await any_world.place()
    await look(any_world, place, datetime(2026, 11, 18, 15, 50, tzinfo=UTC), 20)  # 23:50 to 00:10
    assert await by_day(any_world, place) == {
        date(2026, 11, 18): Observed(10, 10), date(2026, 11, 19): Observed(1440, 10), date(2026, 11, 20): Observed(715, 0),
    }


async def test_only_its_hours_count(world: World):
    place = await world.place()
    await look(world, place, datetime(2026, 11, 18, 16, 0, tzinfo=UTC), 24 * 60)
    installer = await world.person(Role.INSTALLER)
    hours = [{"start": "09:00", "end": "11:00"}]
    await installer.put(f"/api/v1/cameras/{place.camera_id}", json=new_camera(place, hours=hours))
    assert await by_day(world, place, 2) == {date(2026, 11, 19): Observed(120, 120), date(2026, 11, 20): Observed(120, 0)}


async def test_minutes_in_which_it_could_not_look_are_not_observed(world: World):
    place = await world.place()
    await look(world, place, datetime(2026, 11, 19, 16, 0, tzinfo=UTC), 100, looks=0)
    assert (await by_day(world, place, 1))[date(2026, 11, 20)] == Observed(715, 0)


async def test_of_a_camera_that_was_never_heard_of_nothing_is_said(world: World):
    place = await world.place()
    assert list((await by_day(world, place)).values()) == [None, None, None]
