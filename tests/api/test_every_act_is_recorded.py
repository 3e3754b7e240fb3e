"""Every act leaves its entry, in the chain of the place that it concerns (docs/audit.md); what more it says is tested there."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pyotp
from sqlalchemy import select

from api.accounts import service as accounts
from api.accounts.oidc import account_of
from api.accounts.permissions import Role
from api.accounts.tables import Invitation, User
from api.audit.chain import CENTRE
from api.audit.tables import AuditEntry
from api.cameras.service import rotate_keys
from tests.api.acts import do, done
from tests.api.console.test_audit_pages import recorded
from tests.api.console.test_notice_pages import OFFICERS
from tests.api.test_case_observations import dismiss, spots_of, tell
from tests.api.test_permissions import BROWSER, CAMERA, CLIENT_OF_SHOP, SHOP, TARGET_OF_SHOP, TRIAL, filled
from tests.api.world import HOUSE, Place, World, answer_notice, video

FIRST = {"If-Match": '"1"'}


class Audit:
    """What acts leave, from where it was made on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last = 0

    @classmethod
    async def of(cls, world: World) -> "Audit":
        audit = cls(world)
        await audit.left()
        return audit

    async def left(self) -> list[tuple[str, str]]:
        """Action and chain of each entry since this was asked last."""
        query = select(AuditEntry).where(AuditEntry.id > self._last).order_by(AuditEntry.id)
        async with self._world.centre.database.reading() as work:
            entries = list(await work.scalars(query))
        self._last = max((entry.id for entry in entries), default=self._last)
        return [(entry.action, entry.chain) for entry in entries]

    async def left_by(self, answer: httpx.Response) -> list[tuple[str, str]]:
        assert answer.status_code < 400, answer.text
        return await self.left()


def at(place: Place, body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: filled(value, asdict(place)) for name, value in body.items()}


async def test_districts(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN)
    audit = await Audit.of(world)
    made = await admin.post("/api/v1/districts", json={"name": "North", "parent_id": place.district_id})
    path = f"/api/v1/districts/{made.json()['id']}"
    assert await audit.left_by(made) == [("district.created", made.json()["id"])]
    changed = await admin.put(path, json={"name": "South", "parent_id": place.district_id}, headers=FIRST)
    assert await audit.left_by(changed) == [("district.changed", made.json()["id"])]
    assert await audit.left_by(await admin.delete(path)) == [("district.deleted", place.district_id)]


async def test_shops_areas_and_cameras(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN)
    shop = at(place, SHOP)
    area = {"shop_id": place.shop_id, "kind": "cooking", "name": "Wok"}
    audit = await Audit.of(world)
    assert await audit.left_by(await admin.post("/api/v1/shops", json=shop)) == [("shop.created", place.district_id)]
    changed = await admin.put(f"/api/v1/shops/{place.shop_id}", json=shop, headers=FIRST)
    assert await audit.left_by(changed) == [("shop.changed", place.district_id)]
    assert await audit.left_by(await admin.post("/api/v1/areas", json=area)) == [("area.created", place.district_id)]
    changed = await admin.put(f"/api/v1/areas/{place.area_id}", json=area, headers=FIRST)
    assert await audit.left_by(changed) == [("area.changed", place.district_id)]
    camera = at(place, CAMERA)
    assert await audit.left_by(await admin.post("/api/v1/cameras", json=camera)) == [("camera.created", place.district_id)]
    changed = await admin.put(f"/api/v1/cameras/{place.camera_id}", json=camera, headers=FIRST)
    assert await audit.left_by(changed) == [("camera.changed", place.district_id)]


async def test_keys_that_are_rotated(world: World):
    audit, keyring = await Audit.of(world), world.centre.keyring
    async with world.centre.database.writing() as work:
        await rotate_keys(work, HOUSE, keyring, keyring.with_new_key())
    assert await audit.left() == [("keys.rotated", CENTRE)]


async def test_the_acceptance_of_a_shop(world: World):
    place, officer = await world.place(), await world.person()
    audit, path = await Audit.of(world), f"/api/v1/shops/{place.shop_id}/acceptance"
    assert await audit.left_by(await officer.post(path, json={"accepted": True})) == [("shop.accepted", place.district_id)]
    withdrawn = await officer.post(path, json={"accepted": False})
    assert await audit.left_by(withdrawn) == [("shop.acceptance_withdrawn", place.district_id)]


async def test_edge_boxes(world: World):
    place, admin, chief = await world.place(), await world.person(Role.ADMIN), await world.person(Role.CHIEF)
    audit = await Audit.of(world)
    code = await admin.post("/api/v1/enrolment-codes", json={"shop_id": place.shop_id})
    assert await audit.left_by(code) == [("enrolment_code.created", place.district_id)]
    box = await world.edge(place)
    assert await audit.left() == [("enrolment_code.created", place.district_id), ("edge.enrolled", place.district_id)]
    tried = await admin.post("/cameras/trials/new", data=at(place, TRIAL))
    assert await audit.left_by(tried) == [("camera.tried", place.district_id)]
    assert await audit.left_by(await chief.post(f"/api/v1/edges/{box.id}/revoke")) == [("edge.revoked", place.district_id)]


async def test_boxes_of_a_shops_own(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN)
    path = f"/alarm-boxes/{(await world.alarm_box(place)).id}"
    audit = await Audit.of(world)
    new = {"shop_id": place.shop_id, "name": "New", "form": "carrier_cloud"}
    assert await audit.left_by(await admin.post("/alarm-boxes/new", data=new)) == [("alarm_box.created", place.district_id)]
    changed = await admin.post(path, data={f"code-{place.camera_id}": "device-2"})
    assert await audit.left_by(changed) == [("alarm_box.changed", place.district_id)]
    assert await audit.left_by(await admin.post(f"{path}/token")) == [("alarm_box.token_changed", place.district_id)]
    assert await audit.left_by(await admin.post(f"{path}/revoke")) == [("alarm_box.revoked", place.district_id)]


async def test_targets_of_messages(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN)
    target = at(place, TARGET_OF_SHOP)
    audit = await Audit.of(world)
    made = await admin.post("/api/v1/targets", json=target)
    path = f"/api/v1/targets/{made.json()['id']}"
    assert await audit.left_by(made) == [("target.created", place.district_id)]
    assert await audit.left_by(await admin.put(path, json=target, headers=FIRST)) == [("target.changed", place.district_id)]
    assert await audit.left_by(await admin.post(f"{path}/rotate")) == [("target.secret_rotated", place.district_id)]
    assert await audit.left_by(await admin.post(f"{path}/test")) == [("target.tested", place.district_id)]


async def test_a_browser_that_is_told(world: World):
    officer = await world.person(place=await world.place())
    audit = await Audit.of(world)
    (made,) = await audit.left_by(await officer.post("/notifications", data=BROWSER))
    target_id, = re.findall(r"/notifications/(\w+)/test", (await officer.get("/notifications")).text)
    tested = await audit.left_by(await officer.post(f"/notifications/{target_id}/test"))
    off = await audit.left_by(await officer.post(f"/notifications/{target_id}/off"))
    assert [made[0], *(action for action, _ in tested + off)] == ["target.created", "target.tested", "target.changed"]


async def test_programs_of_other_systems(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN)
    audit = await Audit.of(world)
    made = await admin.post("/api/v1/clients", json=at(place, CLIENT_OF_SHOP))
    path = f"/api/v1/clients/{made.json()['id']}"
    assert await audit.left_by(made) == [("client.created", CENTRE)]
    rotated = await admin.post(f"{path}/rotate")
    assert await audit.left_by(rotated) == [("client.secret_rotated", CENTRE)]
    secret = {"client_id": made.json()["id"], "client_secret": rotated.json()["secret"]}
    token = await world.client().post("/api/v1/oauth/token", data={"grant_type": "client_credentials", **secret})
    ended = await world.client().post("/api/v1/oauth/revoke", data={"token": token.json()["access_token"], **secret})
    assert await audit.left_by(ended) == [("client.token_revoked", CENTRE)]
    assert await audit.left_by(await admin.post(f"{path}/revoke")) == [("client.revoked", CENTRE)]


async def test_invitations(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN, is_admin=True)
    audit = await Audit.of(world)
    invited = {"name": "Li", "role": "officer", "place": f"district:{place.district_id}"}
    shown = await admin.post("/invitations/new", data=invited)
    token, = re.findall(r"/join/([\w-]+)", shown.text)[:1]
    assert await audit.left_by(shown) == [("invitation.created", place.district_id)]
    joined = await world.client().post(f"/join/{token}", data={"login": "li", "password": "rice washed three times"})
    assert await audit.left_by(joined) == [("user.created", place.district_id), ("session.started", place.district_id)]
    await admin.post("/invitations/new", data=invited)
    await audit.left()
    async with world.centre.database.reading() as work:
        waiting = await work.scalar(select(Invitation.id).where(Invitation.used_at.is_(None)))
    withdrawn = await admin.post(f"/invitations/{waiting}/withdraw")
    assert await audit.left_by(withdrawn) == [("invitation.withdrawn", place.district_id)]


async def test_accounts_of_others(world: World):
    place, admin = await world.place(), await world.person(Role.ADMIN, is_admin=True)
    await world.person(place=place)
    async with world.centre.database.reading() as work:
        user = (await work.scalars(select(User).where(User.role == Role.OFFICER))).one()
    audit, path = await Audit.of(world), f"/accounts/{user.id}"
    assert await audit.left_by(await admin.post(f"{path}/disable")) == [("user.disabled", place.district_id)]
    assert await audit.left_by(await admin.post(f"{path}/enable")) == [("user.enabled", place.district_id)]
    link = await admin.post(f"{path}/password")
    token, = re.findall(r"/join/([\w-]+)", link.text)[:1]
    assert await audit.left_by(link) == [("user.password_link", place.district_id)]
    joined = await world.client().post(f"/join/{token}", data={"password": "rice washed three times"})
    assert await audit.left_by(joined) == [("user.password_reset", place.district_id), ("session.started", place.district_id)]
    async with world.centre.database.writing() as work:
        await accounts.reset_password(work, HOUSE, user.login)
    assert await audit.left() == [("user.password_reset", place.district_id)]


async def test_ones_own_account(world: World):
    async with world.centre.database.writing() as work:
        password = await accounts.create_user(work, HOUSE, login="li", name="Li", role=Role.OFFICER)
    client, audit, present = world.client(), await Audit.of(world), {"present": password.get_secret_value()}
    entered = await client.post("/api/v1/login", json={"login": "li", "password": present["present"]})
    assert await audit.left_by(entered) == [("session.started", CENTRE)]
    await client.post("/account/password", data={"present": "wrong", "new": "rice washed three times"})
    assert await audit.left() == [("user.password_refused", CENTRE)]
    page = (await client.get("/account/second-factor")).text
    ticket, = re.findall('name="ticket" value="([^"]+)"', page)
    secret, = re.findall('<p class="code"><code>([^<]+)<', page)
    code = pyotp.TOTP(secret.replace(" ", "")).at(world.centre.clock())
    on = await client.post("/account/second-factor", data={"ticket": ticket, "code": code, **present})
    assert await audit.left_by(on) == [("second_factor.on", CENTRE)]
    off = await client.post("/account/second-factor/off", data=present)
    assert await audit.left_by(off) == [("second_factor.off", CENTRE)]
    changed = await client.post("/account/password", data={**present, "new": "rice washed three times"})
    assert await audit.left_by(changed) == [("session.ended", CENTRE), ("user.password_changed", CENTRE)]
    assert await audit.left_by(await client.post("/api/v1/logout")) == [("session.ended", CENTRE)]


async def test_an_account_that_is_bound_to_the_identity_provider(world: World):
    async with world.centre.database.writing() as work:
        await accounts.create_user(work, HOUSE, login="li", name="Li", role=Role.OFFICER)
    audit = await Audit.of(world)
    async with world.centre.database.writing() as work:
        await account_of(work, "https://id.example.org", {"sub": "42"}, "li", "192.0.2.1")
    assert await audit.left() == [("oidc.bound", CENTRE)]


async def test_what_an_edge_sees(world: World):
    place = await world.place()
    box = await world.edge(place)
    audit = await Audit.of(world)
    await box.report_with_clip(video())
    first = [("centre_key.created", CENTRE), ("case.opened", place.district_id), ("clip.received", place.district_id)]
    assert await audit.left() == first
    await tell(box, track=9)
    await audit.left()
    await tell(box, track=9)
    assert await audit.left() == [("case.observed", place.district_id)]


async def test_a_spot_that_is_muted(world: World):
    place = await world.place()
    box, officer = await world.edge(place), await world.person()
    await dismiss(officer, (await tell(box, track=1))[0])
    case_id, _ = await tell(box, track=2)
    audit = await Audit.of(world)
    await dismiss(officer, case_id)
    assert await audit.left() == [("case.dismiss", place.district_id), ("spot.muted", place.district_id)]
    spot, = await spots_of(officer, box)
    lifted = await officer.post(f"/api/v1/muted-spots/{spot['id']}/revoke")
    assert await audit.left_by(lifted) == [("spot.lifted", place.district_id)]


async def test_a_case_with_a_notice(world: World):
    place = await world.place()
    case_id, officer = await world.case(place), await world.person()
    audit = await Audit.of(world)
    evidence = (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]
    linked = await officer.post(f"/api/v1/evidence/{evidence['violation_id']}/links", json={})
    assert await audit.left_by(linked) == [("evidence.linked", place.district_id)]
    await done(officer, case_id, "confirm")
    assert await audit.left() == [("case.confirm", place.district_id)]
    issued = await do(officer, case_id, "issue")
    assert await audit.left_by(issued) == [("case.issue", place.district_id), ("notice.issued", place.district_id)]
    drafted = await officer.get(f"/cases/{case_id}/order.pdf", params=OFFICERS)
    assert await audit.left_by(drafted) == [("order.drafted", place.district_id), ("hold.set", place.district_id)]
    answered = await answer_notice(officer, case_id, 3)
    assert await audit.left_by(answered) == [("case.submit", place.district_id), ("case.answered", place.district_id)]


async def test_every_action_is_asked_for_by_a_test():
    """What no test names may go without any test noticing it."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py"))
    assert sorted({action for action, _ in recorded() if f'"{action}"' not in tests}) == []
