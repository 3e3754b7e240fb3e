"""Extra channels through Apprise itself, against a server on this machine."""

import json
from pathlib import Path

import pytest

from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer, receiving
from tests.api.world import problem_code


def address(post: Post) -> str:
    return f"json://{post.receiver.url.removeprefix('http://')}/topic-of-the-county"


async def open_and_send(post: Post) -> dict[str, object]:
    """The only try to tell of a new case."""
    await post.open_case()
    await post.send()
    delivery, = [one for one in await post.deliveries() if one["event"] == "case.opened"]
    entry, = await post.log(delivery["id"])
    return entry | {"state": delivery["state"]}


async def test_a_message_arrives_and_its_address_is_in_no_log(any_post: Post):
    post = any_post
    target = await post.target("apprise", token=address(post))
    entry = await open_and_send(post)
    request, = post.receiver.requests
    assert (request.method, request.path) == ("POST", "/topic-of-the-county")
    told = json.loads(request.body)
    assert told["title"].startswith("【待审核】AI 线索，须经人工审核")
    assert told["message"].endswith("http://127.0.0.1:8000/cases/1")
    assert (entry["state"], entry["fault"]) == ("delivered", None)
    for text in (entry, await post.state_of(target), target):
        assert "topic-of-the-county" not in str(text)


async def test_what_the_service_refuses_is_tried_again(post: Post):
    post.receiver.answers = [Answer(status=500)]
    await post.target("apprise", token=address(post))
    entry = await open_and_send(post)
    assert (entry["state"], entry["fault"]) == ("waiting", "service_error")
    assert "topic-of-the-county" not in str(entry)


async def test_an_address_inside_is_not_connected_to(post: Post):
    await post.target("apprise", token=address(post))
    post.world.centre.settings.outbound_networks = None
    entry = await open_and_send(post)
    assert (entry["fault"], post.receiver.requests) == ("address_refused", [])


async def test_a_name_that_leads_inside_is_not_connected_to(post: Post):
    post.world.centre.settings.outbound_networks = "127.0.0.2/32"
    await post.target("apprise", token=address(post).replace("127.0.0.1", "localhost"))
    entry = await open_and_send(post)
    assert (entry["fault"], post.receiver.requests) == ("address_refused", [])


async def test_a_redirect_leads_nowhere_inside(post: Post):
    async with receiving("127.0.0.2") as inner:
        post.world.centre.settings.outbound_networks = "127.0.0.1/32"
        post.receiver.answers = [Answer(status=302, headers={"Location": f"{inner.url}/inner"})]
        await post.target("apprise", token=f"{address(post)}?redirect=yes")
        entry = await open_and_send(post)
        assert entry["fault"] in ("address_refused", "service_error")
        assert inner.requests == []


async def test_a_file_that_an_address_names_is_not_sent(post: Post, tmp_path: Path):
    """Microsoft's and others' services take a template; an administrator of one station could read the machine with it."""
    card = tmp_path / "card.json"
    card.write_text('{"type": "message", "attachments": [{"contentType": "secret"}]}')
    host = post.receiver.url.removeprefix("http://")
    await post.target("apprise", token=f"workflows://{host}/workflow/signature/?template={card}")
    entry = await open_and_send(post)
    assert (entry["state"], entry["fault"]) == ("waiting", "service_error")
    assert "could not be read" in str(entry["answer"])


async def test_one_that_never_answers_ends_with_its_time(post: Post):
    post.world.centre.settings.delivery_timeout_s = 3
    post.receiver.answers = [Answer(hangs=True)]
    await post.target("apprise", token=f"{address(post)}?rto=600")
    entry = await open_and_send(post)
    assert (entry["state"], entry["fault"]) == ("waiting", "no_answer")


@pytest.mark.parametrize("token", ["syslog://", "dbus://", "no-such-service://x", "not an address", None])
async def test_what_apprise_does_not_know_is_refused(post: Post, token: str | None):
    body = {"name": "Extra", "channel": "apprise", "audience": "authority", "events": ["case.opened"], "token": token}
    answer = await post.admin.post("/api/v1/targets", json=body)
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")


async def test_a_test_message_from_the_console(post: Post):
    target = await post.target("apprise", token=address(post))
    answer = await post.admin.post(f"/targets/{target['id']}/test")
    assert answer.status_code == 303
    await post.send()
    request, = post.receiver.requests
    assert json.loads(request.body)["title"] == "【测试】收到这条消息，说明通知能送达。"
