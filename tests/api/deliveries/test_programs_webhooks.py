"""A webhook that was named as some program's ends with that program."""

import asyncio
from typing import Any

import pytest

from api.app import create_app
from api.kit.settings import Settings
from tests.api.deliveries.post import Post
from tests.api.world import World, problem_code


async def program(post: Post, *, is_authority: bool = True) -> str:
    body = {
        "name": "App", "scopes": ["cases:read"], "district_ids": [post.place.district_id], "is_authority": is_authority,
    }
    answer = await post.admin.post("/api/v1/clients", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def of_program(post: Post, client_id: str) -> dict[str, Any]:
    return await post.target(client_id=client_id, district_id=post.place.district_id)


async def revoke(post: Post, client_id: str) -> None:
    assert (await post.admin.post(f"/api/v1/clients/{client_id}/revoke")).status_code == 200


def change(post: Post, target: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": "Target", "channel": "webhook", "audience": "authority", "events": ["case.opened"], "url": target["url"],
        "district_id": post.place.district_id, **changes,
    }


async def test_is_sent_nothing_more_once_the_program_is_revoked(any_post: Post):
    post = any_post
    client_id = await program(post)
    ended, other = await of_program(post, client_id), await post.target()
    await post.open_case()  # waits for both
    await revoke(post, client_id)
    await post.open_case()
    await post.send()
    assert [item["target_id"] for item in await post.deliveries(state="delivered")] == [other["id"]] * 2
    assert await post.deliveries(state="waiting") == []
    now = await post.state_of(ended)
    assert (now["client_id"], now["enabled"], now["state"], now["dead_reason"]) == (client_id, False, "dead", "program_revoked")


async def test_what_waited_is_missed_by_nobody(post: Post):
    client_id = await program(post)
    await of_program(post, client_id)
    await post.open_case()
    await revoke(post, client_id)
    post.clock.pass_by(days=1)
    await post.send()
    assert await post.deliveries(late=True) == []


async def test_stays_ended(post: Post):
    client_id = await program(post)
    target = await of_program(post, client_id)
    await revoke(post, client_id)
    path = f"/api/v1/targets/{target['id']}"
    refused = await post.admin.put(path, json=change(post, target))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "client_id")
    assert (await post.admin.put(path, json=change(post, target, enabled=False))).status_code == 200
    assert (await post.state_of(target))["dead_reason"] == "program_revoked"
    assert (await post.admin.post(f"{path}/test")).status_code == 409


async def test_is_named_later_and_then_stays(post: Post):
    target, first, second = await post.target(district_id=post.place.district_id), await program(post), await program(post)
    path = f"/api/v1/targets/{target['id']}"
    assert (await post.admin.put(path, json=change(post, target, client_id=first))).json()["client_id"] == first
    assert (await post.admin.put(path, json=change(post, target))).json()["client_id"] == first
    assert (await post.admin.put(path, json=change(post, target, client_id=second))).status_code == 422


async def test_of_a_program_that_is_revoked_or_nowhere(post: Post):
    client_id = await program(post)
    await revoke(post, client_id)
    for wrong in (client_id, "0" * 20):
        body = change(post, {"url": f"{post.receiver.url}/hook"}, client_id=wrong)
        answer = await post.admin.post("/api/v1/targets", json=body)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")


async def test_only_webhooks_are_a_programs(post: Post):
    body = change(post, {"url": None}, channel="wecom", token="robot-key-1234", client_id=await program(post))
    assert (await post.admin.post("/api/v1/targets", json=body)).status_code == 422


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"audience": "partner", "events": ["case.issued"]}, 201),
        ({}, 422),  # as officers are told: of findings that nobody has confirmed
        ({"audience": "partner", "events": ["case.issued"], "district_id": None}, 422),  # of all places
        ({"audience": "partner", "events": ["case.issued"], "district_id": None, "shop_id": "here"}, 201),
        ({"audience": "partner", "events": ["case.issued"], "district_id": "elsewhere"}, 422),
        ({"audience": "partner", "events": ["case.issued"], "district_id": None, "shop_id": "elsewhere"}, 422),
    ],
)
async def test_tells_no_more_than_the_program_may_ask(post: Post, changes: dict[str, Any], status: int):
    elsewhere = await post.world.place("Elsewhere")
    ids = {
        "here": post.place.shop_id,
        "elsewhere": elsewhere.shop_id if "shop_id" in changes else elsewhere.district_id,
    }
    named = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    client_id = await program(post, is_authority=False)
    body = change(post, {"url": f"{post.receiver.url}/hook"}, client_id=client_id, **named)
    answer = await post.admin.post("/api/v1/targets", json=body)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["errors"][0]["field"] == "client_id"


class TestWhenTheShopMovesAway:
    async def moved(self, post: Post) -> None:
        shop = (await post.admin.get(f"/api/v1/shops/{post.place.shop_id}")).json()
        elsewhere = (await post.world.place("Elsewhere")).district_id
        body = {"district_id": elsewhere, "name": shop["name"]}
        assert (await post.admin.put(f"/api/v1/shops/{post.place.shop_id}", json=body)).status_code == 200

    async def test_its_webhook_tells_what_the_program_may_ask(self, any_post: Post):
        post = any_post
        bound = await program(post)
        given = await post.admin.post(
            "/api/v1/clients",
            json={"name": "B", "scopes": ["cases:read"], "shop_ids": [post.place.shop_id], "is_authority": True},
        )
        await post.target(client_id=bound, shop_id=post.place.shop_id)
        goes_on = await post.target(client_id=given.json()["id"], shop_id=post.place.shop_id)
        await self.moved(post)
        await post.open_case()
        assert [item["target_id"] for item in await post.deliveries()] == [goes_on["id"]]

    async def test_nor_does_it_stand_in(self, post: Post):
        instead = await post.target(client_id=await program(post), shop_id=post.place.shop_id, events=["case.closed"])
        await post.target(next_id=instead["id"], url="http://127.0.0.1:1/nobody")
        await self.moved(post)
        await post.open_case()
        post.clock.pass_by(days=1)
        await post.send()
        await post.send()
        assert [item["target_id"] for item in await post.deliveries() if item["target_id"] == instead["id"]] == []


@pytest.mark.postgres
async def test_named_and_revoked_at_the_same_moment(postgres_settings: Settings):
    """Either it was named in time, and has ended, or it is refused."""
    world = World(create_app(postgres_settings))
    world.centre.settings.outbound_networks = "127.0.0.0/8"
    place, admin = await world.place(), await world.person(is_admin=True)
    for _ in range(5):
        body = {"name": "App", "scopes": ["cases:read"], "district_ids": [place.district_id], "is_authority": True}
        client_id = (await admin.post("/api/v1/clients", json=body)).json()["id"]
        new = {
            "name": "T", "channel": "webhook", "audience": "authority", "events": ["case.opened"], "url": "http://127.0.0.1/hook",
            "client_id": client_id, "district_id": place.district_id,
        }
        added, _ = await asyncio.gather(
            admin.post("/api/v1/targets", json=new), admin.post(f"/api/v1/clients/{client_id}/revoke")
        )
        if added.status_code == 201:
            assert (await admin.get(f"/api/v1/targets/{added.json()['id']}")).json()["state"] == "dead"
        else:
            assert added.status_code == 422
    await world.centre.close()
