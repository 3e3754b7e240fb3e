"""Two who act at the same moment: nothing is done twice, and nobody waits for who waits for them. With SQLite, only one writes
at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from api.accounts import invitations, posts, sessions
from api.accounts import repository as accounts
from api.accounts.actors import Actor
from api.accounts.permissions import Role
from api.accounts.service import actor_of
from api.accounts.tables import Invitation, User
from api.audit.tables import AuditEntry
from api.cameras import pictures
from api.cases import repository as cases
from api.cases.tables import MutedSpot
from api.edges import repository as edges
from api.edges.service import revoke_edge
from api.evidence import deletion
from api.kit.settings import Settings
from api.kit.times import now
from api.links import service as links
from api.links.tables import CaseLink, LinkKind
from api.places.service import delete_district
from contract.evidence import MarkedBox
from tests.api.acts import do, done
from tests.api.world import HOUSE, EdgeBox, World, problem_code, video

pytestmark = pytest.mark.postgres
# Longer than the server takes to find two who wait for each other (1 s).
PATIENCE_S = 60


@pytest.fixture
async def world(postgres_settings: Settings) -> AsyncIterator[World]:
    async with World.open(postgres_settings) as world:
        yield world


async def somebody_waits(world: World) -> None:
    """For a lock that another transaction holds."""
    waiting = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    async with asyncio.timeout(PATIENCE_S), world.centre.database.reading() as work:
        while await work.scalar(waiting) is None:
            pass


async def recorded(world: World, action: str) -> int:
    async with world.centre.database.reading() as work:
        return len(list(await work.scalars(select(AuditEntry.id).where(AuditEntry.action == action))))


async def person(world: World) -> User:
    client = await world.person(Role.CHIEF)
    me = (await client.get("/api/v1/me")).json()
    async with world.centre.database.reading() as work:
        return await work.get_one(User, me["id"])


class TestAccount:
    async def invited(self, world: World, user: User) -> str:
        async with world.centre.database.writing() as work:
            return (await invitations.invite_to_password(work, HOUSE, user, now()))[1]

    async def test_a_link_is_used_while_the_account_is_changed(self, world: World):
        user = await person(world)
        token = await self.invited(world, user)

        async def accept() -> None:
            async with world.centre.database.writing() as work:
                await invitations.accept(work, token, "", "!", "192.0.2.1", now())

        async with world.centre.database.writing() as work:
            await posts.get_other(work, HOUSE, user.id)
            accepting = asyncio.create_task(accept())
            await somebody_waits(world)
            await accounts.end_password_links(work, HOUSE, user.id, now())
        with pytest.raises(invitations.InvitationOver):
            await accepting

    async def test_an_invitation_is_accepted_while_it_is_withdrawn(self, world: World):
        """The form came before that; then the password was hashed, which takes its time."""
        async with world.centre.database.writing() as work:
            given = {"name": "New", "role": Role.OFFICER, "is_admin": False, "district_id": None, "shop_id": None, "at": now()}
            invitation, token = await invitations.invite(work, HOUSE, **given)  # type: ignore[arg-type]
        came_at = now()
        async with world.centre.database.writing() as work:
            await invitations.withdraw(work, HOUSE, invitation.id, now())
        with pytest.raises(invitations.InvitationOver):
            async with world.centre.database.writing() as work:
                await invitations.accept(work, token, "new", "!", "192.0.2.1", came_at)

    async def test_two_links_to_a_new_password_are_made_one_after_the_other(self, world: World):
        user = await person(world)

        async def make() -> None:
            async with world.centre.database.writing() as work:
                await invitations.invite_to_password(work, HOUSE, await posts.get_other(work, HOUSE, user.id), now())

        async with world.centre.database.writing() as work:
            await invitations.invite_to_password(work, HOUSE, await posts.get_other(work, HOUSE, user.id), now())
            making = asyncio.create_task(make())
            await somebody_waits(world)
        await making
        async with world.centre.database.reading() as work:
            is_open = Invitation.user_id == user.id, Invitation.expires_at > now() + timedelta(minutes=1)
            assert len(list(await work.scalars(select(Invitation).where(*is_open)))) == 1

    async def test_a_session_is_ended_by_one(self, world: World):
        user = await person(world)
        actor: Actor = actor_of(user, None)
        (session,) = await self.sessions(world, actor)

        async def end() -> None:
            async with world.centre.database.writing() as work:
                await sessions.end_own(work, actor, session)

        async with world.centre.database.writing() as work:
            await sessions.end_own(work, actor, session)
            ending = asyncio.create_task(end())
            await somebody_waits(world)
        await ending
        assert await recorded(world, "session.ended") == 1

    async def sessions(self, world: World, actor: Actor) -> list[str]:
        async with world.centre.database.reading() as work:
            return [session.id for session in await sessions.list_own(work, actor)]


class TestCase:
    async def test_two_merge_crosswise(self, world: World):
        place, chief = await world.place(), await world.person(Role.CHIEF)
        box = await world.edge(place)
        first, second = await world.case(place, box), await world.case(place, box)
        async with world.centre.database.writing() as work:
            await cases.get_case(work, HOUSE, first, for_change=True)
            merging = asyncio.create_task(do(chief, second, "merge", 1, into=first))
            await somebody_waits(world)
            await cases.get_case(work, HOUSE, second, for_change=True)
        assert (await merging).status_code == 200

    async def test_a_link_is_revoked_by_one(self, world: World):
        place, chief = await world.place(), await world.person(Role.CHIEF)
        case_id = await world.case(place)
        await done(chief, case_id, "confirm", "issue")
        async with world.centre.database.writing() as work:
            link = CaseLink(token_hash="0", kind=LinkKind.GROUP, case_id=case_id, person="", created_at=now())
            work.add(link)
        async with world.centre.database.writing() as work:
            await links.revoke(work, HOUSE, case_id, link.id, now())
            revoking = asyncio.create_task(chief.post(f"/cases/{case_id}/links/{link.id}/revoke"))
            await somebody_waits(world)
        assert (await revoking).status_code == 303
        assert await recorded(world, "link.revoked") == 1

    async def test_two_dismissals_of_one_spot_mute_it(self, world: World):
        box, chief = await world.edge(await world.place()), await world.person(Role.CHIEF)
        first, second = [await self.seen(box, days) for days in (1, 5)]
        dismissals = []
        async with world.centre.database.writing() as work:
            await cases.lock_spots(work, box.place.camera_id)
            for case_id in (first, second):
                dismissals.append(asyncio.create_task(do(chief, case_id, "dismiss", 1, reason="not_a_violation")))
            await somebody_waits(world)
        assert [(await dismissal).status_code for dismissal in dismissals] == [200, 200]
        async with world.centre.database.reading() as work:
            assert len(list(await work.scalars(select(MutedSpot)))) == 1

    async def seen(self, box: EdgeBox, days_ago: int) -> int:
        at = now() - timedelta(days=days_ago)
        boxes = [MarkedBox(kind="head", box=(1, 2, 11, 12), score=0.9, violating=True)]
        answer = await box.report(boxes=boxes, captured_at=at, since=at - timedelta(seconds=20))
        case_id: int = answer.json()["case_id"]
        return case_id

    async def test_a_hold_on_a_part_is_not_overtaken_by_retention(self, world: World):
        place, chief = await world.place(), await world.person(Role.CHIEF)
        box = await world.edge(place)
        part, whole = await world.case(place, box), await world.case(place, box)
        await done(chief, part, "merge", into=whole)
        await done(chief, whole, "dismiss", reason="test")
        centre, later = world.centre, now() + timedelta(days=400)
        async with centre.database.writing() as first:
            await deletion.set_hold(first, HOUSE, part, "Court asks.", now())
            async with centre.database.writing() as second:
                deleted = await deletion.delete_expired(second, centre.keyring, centre.retention, later)
        assert deleted == 1  # the whole's own


class TestEdge:
    async def test_its_clip_comes_while_it_is_revoked(self, world: World):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await box.send(manifest)
        box.sequence, box.previous = manifest.sequence, manifest.digest()
        await world.reopen_database(2)
        async with world.centre.database.writing() as work:
            await edges.get_edge(work, HOUSE, box.id)
            answer = await box.send_clip(box.clip_manifest(manifest, video()), video())
        assert answer.status_code == 201, answer.text

    async def test_a_camera_that_was_given_to_one_while_it_was_revoked_is_not_lost(self, world: World):
        place, admin = await world.place(), await world.person(Role.ADMIN)
        box = await world.edge(place)
        body = {"area_id": place.area_id, "name": "New", "url": "rtsp://192.0.2.7/x"}
        async with world.centre.database.writing() as work:
            await work.execute(text("UPDATE cameras SET edge_id = NULL"))
        async with world.centre.database.writing() as work:
            await revoke_edge(work, HOUSE, box.id)
            assert (await admin.put(f"/api/v1/cameras/{place.camera_id}", json=body)).json()["edge_id"] == box.id
        other = await world.edge(place)
        assert (await admin.get(f"/api/v1/cameras/{place.camera_id}")).json()["edge_id"] == other.id

    async def test_its_picture_comes_while_the_camera_is_switched_off(self, world: World, monkeypatch: pytest.MonkeyPatch):
        place, admin = await world.place(), await world.person(Role.ADMIN)
        box, store = await world.edge(place), pictures.store
        body = {"area_id": place.area_id, "name": "New", "url": "rtsp://192.0.2.7/x", "enabled": False}

        async def switched_off_first(*given: object) -> None:
            assert (await admin.put(f"/api/v1/cameras/{place.camera_id}", json=body)).status_code == 200
            await store(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(pictures, "store", switched_off_first)
        answer = await box.show()
        assert (answer.status_code, problem_code(answer)) == (403, "not-your-camera")
        assert list((world.centre.settings.data / "files").rglob("*.jpg")) == []


async def test_a_district_is_deleted_while_somebody_is_invited_to_it(world: World):
    admin = await world.person(Role.OFFICER, is_admin=True)
    district = (await admin.post("/api/v1/districts", json={"name": "New"})).json()["id"]
    form = {"name": "New", "role": "officer", "place": f"district:{district}"}
    async with world.centre.database.writing() as work:
        await delete_district(work, HOUSE, district)
        inviting = asyncio.create_task(admin.post("/invitations/new", data=form))
        await somebody_waits(world)
    assert (await inviting).status_code == 503
    assert (await admin.post("/invitations/new", data=form)).status_code == 404
