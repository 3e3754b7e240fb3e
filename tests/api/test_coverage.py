"""Who is not in and why: each step of the way, counted by station, and nothing of another's shops."""

from datetime import UTC, datetime, timedelta

import pytest

from api.accounts.actors import Actor
from api.accounts.invitations import invite
from api.accounts.permissions import Role
from api.accounts.tables import FurtherShop
from api.cameras.tables import Camera
from api.coverage.schemas import Counts, NotIn, Obstacle, Reached
from api.coverage.service import count_by_station, list_not_in
from api.edges.tables import Edge
from api.kit.times import now
from api.places.schemas import LicenceEntry
from api.places.tables import LicenceKind
from api.public.tables import PublicStatus, ShopStatus
from contract.edges import StreamFault
from tests.api.world import HOUSE, Place, World


async def why(world: World, place: Place, at: datetime | None = None) -> NotIn | None:
    async with world.centre.database.reading() as work:
        found = await list_not_in(work, HOUSE, at or now())
    return next((one for one in found if one.shop.id == place.shop_id), None)


async def obstacle(world: World, place: Place, at: datetime | None = None) -> Obstacle | None:
    found = await why(world, place, at)
    return found.obstacle if found else None


async def without_camera(world: World, name: str = "Shop") -> Place:
    place = await world.place(name)
    async with world.centre.database.writing() as work:
        await work.delete(await work.get_one(Camera, place.camera_id))
    return place


async def invited(world: World, place: Place, ago: timedelta = timedelta()) -> None:
    async with world.centre.database.writing() as work:
        await invite(
            work, HOUSE, name="Owner", role=Role.STORE_OWNER, is_admin=False, district_id=None, shop_id=place.shop_id,
            at=now() - ago,
        )


async def accepted(world: World, place: Place, state: PublicStatus = PublicStatus.ACTIVE) -> None:
    async with world.centre.database.writing() as work:
        status = ShopStatus(shop_id=place.shop_id, accepted_at=now(), accepted_by="Officer", state=state, since=now())
        status.required_minutes, status.observed_minutes = 1000, 700
        work.add(status)


async def test_who_looks_after_another_shop_has_begun_with_this_one_too(world: World):
    place, theirs = await without_camera(world), await world.place("Theirs")
    owner = (await (await world.person(Role.STORE_OWNER, place=theirs)).get("/api/v1/me")).json()["id"]
    await invited(world, place)
    async with world.centre.database.writing() as work:
        work.add(FurtherShop(user_id=owner, shop_id=place.shop_id))
    assert await obstacle(world, place) is Obstacle.NO_BOX


async def test_step_by_step(any_world: World):
    """From the shop that is only entered to the one that is in."""
    place = await without_camera(any_world)
    assert await obstacle(any_world, place) is Obstacle.NOT_INVITED
    await invited(any_world, place, timedelta(days=8))
    assert await obstacle(any_world, place) is Obstacle.INVITATION_OVER
    await invited(any_world, place)
    assert await obstacle(any_world, place) is Obstacle.INVITATION_OPEN
    await any_world.person(Role.STORE_OWNER, place=place)
    assert await obstacle(any_world, place) is Obstacle.NO_BOX
    box = await any_world.edge(place)
    assert await obstacle(any_world, place) is Obstacle.NO_CAMERA
    admin = await any_world.person(is_admin=True)
    camera = {"area_id": place.area_id, "name": "Stove", "url": "rtsp://192.0.2.9/1"}
    camera_id = (await admin.post("/api/v1/cameras", json=camera)).json()["id"]
    assert await obstacle(any_world, place) is Obstacle.BOX_NEVER_SEEN
    await box.beat(box.minute(1, 0, StreamFault.TIMEOUT, camera_id))
    down = await why(any_world, place)
    assert down is not None
    assert (down.obstacle, down.camera.name if down.camera else None) == (Obstacle.CAMERA_DOWN, "Stove")
    await box.beat(box.minute(0, 20, None, camera_id))
    assert await obstacle(any_world, place) is Obstacle.NOT_ACCEPTED
    assert await obstacle(any_world, place, now() + timedelta(hours=1)) is Obstacle.BOX_SILENT
    await accepted(any_world, place)
    assert await obstacle(any_world, place) is None


async def test_one_that_is_seen_too_little(world: World):
    place = await world.place()
    box = await world.edge(place)
    await box.beat(box.minute(0))
    await accepted(world, place, PublicStatus.DEGRADED)
    found = await why(world, place)
    assert found is not None
    assert (found.obstacle, found.share) == (Obstacle.TOO_LITTLE, 0.7)


async def test_a_box_that_waits_for_approval(world: World):
    place = await world.place()
    box = await world.edge(place)
    async with world.centre.database.writing() as work:
        (await work.get_one(Edge, box.id)).approved_at = None
    assert await obstacle(world, place) is Obstacle.BOX_WAITS


async def test_counted_by_station(any_world: World):
    await without_camera(any_world, "Entered")
    asked = await without_camera(any_world, "Invited")
    await invited(any_world, asked)
    for name in ("Connected", "In"):
        place = await any_world.place(name, licences=[LicenceEntry(kind=LicenceKind.FOOD_BUSINESS, number="JY15101000000001")])
        box = await any_world.edge(place)
        await box.beat(box.minute(0))
    await accepted(any_world, place)
    async with any_world.centre.database.reading() as work:
        counted = {district.name: counts for district, counts in await count_by_station(work, HOUSE, now())}
    assert counted == {
        "Entered district": Counts(1, 0, 0, 0, 1), "Invited district": Counts(1, 1, 0, 0, 1),
        "Connected district": Counts(1, 1, 1, 0, 0), "In district": Counts(1, 1, 1, 1, 0),
    }


async def test_a_licence_that_has_run_out_is_none(world: World):
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date()
    licence = LicenceEntry(kind=LicenceKind.FOOD_BUSINESS, number="JY15101000000001", expires_on=yesterday)
    await world.place("Old", licences=[licence])
    async with world.centre.database.reading() as work:
        ((_, counts),) = await count_by_station(work, HOUSE, now())
    assert counts.unlicensed == 1


@pytest.mark.parametrize(
    ("reached", "names"), [(Reached.ENTERED, ["Entered"]), (Reached.INVITED, ["Asked"]), (Reached.CONNECTED, ["Seen"]), (None, 3)]
)
async def test_only_those_who_stopped_at_a_step(world: World, reached: Reached | None, names: list[str] | int):
    await without_camera(world, "Entered")
    await invited(world, await without_camera(world, "Asked"))
    place = await world.place("Seen")
    box = await world.edge(place)
    await box.beat(box.minute(0))
    async with world.centre.database.reading() as work:
        found = [one.shop.name for one in await list_not_in(work, HOUSE, now(), reached=reached)]
    assert len(found) == names if isinstance(names, int) else found == names


async def test_of_a_station_and_page_by_page(world: World):
    places = [await without_camera(world, name) for name in ("A", "B", "C")]
    async with world.centre.database.reading() as work:
        first = await list_not_in(work, HOUSE, now(), limit=2)
        rest = await list_not_in(work, HOUSE, now(), after=first[-1].shop.id, limit=2)
        of_one = await list_not_in(work, HOUSE, now(), district_id=places[1].district_id)
    assert (len(first), len(rest)) == (2, 1)
    assert [one.shop.id for one in of_one] == [places[1].shop_id]


async def test_nothing_of_a_neighbours_shops(world: World):
    mine, theirs = await world.place("Mine"), await world.place("Theirs")
    await invited(world, theirs)
    chief = Actor(
        HOUSE.kind.PERSON, "1", "Chief", permissions=HOUSE.permissions, role=Role.CHIEF, district_id=mine.district_id
    )
    async with world.centre.database.reading() as work:
        assert [district.id for district, _ in await count_by_station(work, chief, now())] == [mine.district_id]
        assert [one.shop.id for one in await list_not_in(work, chief, now())] == [mine.shop_id]
