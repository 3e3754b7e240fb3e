"""A centre whose messages are sent when a test says so, by a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from api.accounts.permissions import Role
from api.deliveries.dispatcher import Dispatcher
from api.deliveries.sending import Sender
from api.kit.times import SHOP_TIME
from tests.api.acts import done
from tests.api.deliveries.receiver import Receiver
from tests.api.world import EdgeBox, Place, World, answer_notice

# A Monday; before any day on which these tests run, so that they can also look with the real clock later.
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=SHOP_TIME)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Post:
    world: World
    receiver: Receiver
    clock: Clock
    dispatcher: Dispatcher
    admin: httpx.AsyncClient
    place: Place
    box: EdgeBox
    people: dict[Role, httpx.AsyncClient] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World, receiver: Receiver) -> AsyncIterator["Post"]:
        clock = Clock()
        world.centre.clock = clock
        place = await world.place()
        post = cls(
            world, receiver, clock, Dispatcher(world.centre, chance=lambda: 0.0), await world.person(is_admin=True),
            place, await world.edge(place),
        )
        yield post
        await post.dispatcher.stop()

    def another_dispatcher(self, **options: Any) -> Dispatcher:
        return Dispatcher(self.world.centre, chance=lambda: 0.0, **options)

    def sender(self) -> Sender:
        return Sender(self.world.centre.settings, self.world.centre.keyring)

    async def target(self, channel: str = "webhook", **changes: Any) -> dict[str, Any]:
        """A new target of all places that is told of every step of a case."""
        body: dict[str, Any] = {
            "name": "Target", "channel": channel, "audience": "authority",
            "events": ["case.opened", "case.confirmed", "case.dismissed", "target.dead"],
        }
        if channel == "webhook":
            body["url"] = f"{self.receiver.url}/hook"
        if channel in ("wecom", "dingtalk", "feishu"):
            body["token"] = "robot-key-1234"
        if channel in ("dingtalk", "feishu"):
            body["secret"] = "SEC0123456789"
        answer = await self.admin.post("/api/v1/targets", json={**body, **changes})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def open_case(self, severity: int = 2) -> int:
        rule = {1: "K09", 2: "K01"}[severity]  # in a special room
        answer = await self.box.report(rule=rule)
        assert answer.status_code == 201, answer.text
        case_id: int = answer.json()["case_id"]
        return case_id

    async def act(self, case_id: int, *acts: str, who: Role = Role.OFFICER, **given: object) -> None:
        """The case is handled by somebody of the place, one act after the other."""
        if who not in self.people:
            self.people[who] = await self.world.person(who, place=self.place)
        for act in acts:
            if act == "submit":
                version = (await self.people[who].get(f"/api/v1/cases/{case_id}")).json()["version"]
                answer = await answer_notice(self.people[who], case_id, version)
                assert answer.status_code == 200, answer.text
            else:
                await done(self.people[who], case_id, act, **given)

    async def send(self) -> None:
        """Whatever is due by the clock."""
        await self.dispatcher.look()
        await self.dispatcher.idle()

    async def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        """Oldest first."""
        items: list[dict[str, Any]] = (await self.admin.get("/api/v1/deliveries", params=query)).json()["items"]
        return items[::-1]

    async def log(self, delivery_id: int) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = (await self.admin.get(f"/api/v1/deliveries/{delivery_id}")).json()["log"]
        return entries

    async def state_of(self, target: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.admin.get(f"/api/v1/targets/{target['id']}")).json()
        return found
