"""E-mail as a real mail server takes it, and what its refusals mean."""

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest
from pydantic import SecretStr

from tests.api.deliveries.mail_server import PASSWORD, USER, MailServer, serving_mail
from tests.api.deliveries.post import NOON, Post
from tests.api.world import problem_code

RECIPIENT = "zhang.san@example.org"


@pytest.fixture
async def mail(post: Post) -> AsyncIterator[MailServer]:
    settings = post.world.centre.settings
    async with serving_mail() as mail:
        settings.smtp_host, settings.smtp_port, settings.smtp_security = "127.0.0.1", mail.port, "none"
        settings.mail_from = "centre@sunshine.example"
        yield mail


async def test_as_it_arrives(post: Post, mail: MailServer):
    target = await post.target("email", recipient=RECIPIENT)
    case_id = await post.open_case()
    await post.send()
    (sender, recipients, message), = mail.taken
    assert (sender, recipients) == ("centre@sunshine.example", [RECIPIENT])
    assert (message["From"], message["To"]) == ("centre@sunshine.example", RECIPIENT)
    assert message["Subject"] == "【待审核】AI 线索，须经人工审核 未戴工作帽 (较重)"
    assert parsedate_to_datetime(message["Date"]) == NOON
    assert message["Auto-Submitted"] == "auto-generated"
    delivery, = await post.deliveries()
    assert message["Message-ID"] == f"<{delivery['message_id']}@sunshine.example>"
    lines = message.get_content().splitlines()
    assert lines[0] == message["Subject"]
    assert lines[-1] == f"http://127.0.0.1:8000/cases/{case_id}"
    assert (delivery["state"], target["recipient"]) == ("delivered", RECIPIENT)


async def test_a_doubtful_time_is_marked(post: Post, mail: MailServer):
    await post.target("email", recipient=RECIPIENT)
    assert (await post.box.report(rule="K01", clock_offset_s=None)).status_code == 201
    await post.send()
    (_, _, message), = mail.taken
    assert message.get_content().splitlines()[1].endswith("（时间存疑）")


async def test_a_repeat_carries_the_same_id(post: Post, mail: MailServer):
    """The server takes the message, and the connection breaks before it says so."""
    await post.target("email", recipient=RECIPIENT)
    mail.data_answer = "451 4.3.0 try again"
    await post.open_case()
    await post.send()
    mail.data_answer = "250 kept"
    post.clock.pass_by(seconds=5)
    await post.send()
    assert [message["Message-ID"] for _, _, message in mail.taken] == [mail.taken[0][2]["Message-ID"]] * 2
    delivery, = await post.deliveries()
    assert (delivery["state"], delivery["possibly_twice"]) == ("delivered", False)


@pytest.mark.parametrize(
    ("answer", "fault", "state"),
    [
        ("550 5.1.1 no such user", "no_such_recipient", "dead"), ("553 5.1.3 bad mailbox", "no_such_recipient", "dead"),
        ("552 5.2.2 mailbox full", "service_error", "failing"), ("451 4.7.1 greylisted", "service_error", "failing"),
    ],
)
async def test_a_recipient_that_is_refused(post: Post, mail: MailServer, answer: str, fault: str, state: str):
    target = await post.target("email", recipient=RECIPIENT)
    mail.answers = [answer]
    await post.open_case()
    await post.send()
    entry, = await post.log((await post.deliveries())[0]["id"])
    assert (entry["status"], entry["fault"], entry["answer"]) == (int(answer[:3]), fault, answer[4:])
    assert (await post.state_of(target))["state"] == state


class TestSignIn:
    async def test_with_the_password_of_the_settings(self, post: Post, mail: MailServer):
        settings = post.world.centre.settings
        settings.smtp_user, settings.smtp_password = USER, SecretStr(PASSWORD)
        await post.target("email", recipient=RECIPIENT)
        await post.open_case()
        await post.send()
        assert len(mail.taken) == 1

    async def test_a_wrong_password_is_the_centres_own_fault_and_in_no_log(self, post: Post, mail: MailServer):
        settings = post.world.centre.settings
        settings.smtp_user, settings.smtp_password = USER, SecretStr("wrong-password-2")
        target = await post.target("email", recipient=RECIPIENT)
        await post.open_case()
        await post.send()
        entry, = await post.log((await post.deliveries())[0]["id"])
        assert (entry["status"], entry["fault"]) == (535, "not_set_up")
        assert "wrong-password-2" not in str(entry)
        assert (await post.state_of(target))["state"] == "failing"
        assert mail.taken == []


async def test_a_server_that_is_not_there(post: Post, mail: MailServer):
    post.world.centre.settings.smtp_port = 1
    await post.target("email", recipient=RECIPIENT)
    await post.open_case()
    await post.send()
    entry, = await post.log((await post.deliveries())[0]["id"])
    assert (entry["fault"], mail.taken) == ("cannot_connect", [])


class TestSlowServer:
    async def test_all_steps_together_take_no_longer_than_one_try_may(self, post: Post, mail: MailServer):
        """Or another process, to which the delivery looks forgotten by then, sends it too."""
        post.world.centre.settings.delivery_timeout_s, mail.step_s = 0.3, 0.2
        await post.target("email", recipient=RECIPIENT)
        await post.open_case()
        await post.send()
        entry, = await post.log((await post.deliveries())[0]["id"])
        assert (entry["fault"], mail.taken) == ("no_answer", [])

    async def test_what_was_taken_is_not_sent_again_for_a_slow_goodbye(self, post: Post, mail: MailServer):
        post.world.centre.settings.delivery_timeout_s, mail.step_s = 0.75, 0.3
        await post.target("email", recipient=RECIPIENT)
        await post.open_case()
        await post.send()
        assert [delivery["state"] for delivery in await post.deliveries()] == ["delivered"]
        assert len(mail.taken) == 1


async def test_no_e_mail_before_a_server_is_named(post: Post):
    body = {"name": "T", "channel": "email", "audience": "authority", "events": ["case.opened"], "recipient": RECIPIENT}
    answer = await post.admin.post("/api/v1/targets", json=body)
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")
    assert "SUNSHINE_SMTP_HOST" in answer.json()["detail"]


@pytest.mark.parametrize(
    "recipient", [None, "", "nobody", "a b@example.org", "a@example.org\nBcc: all@example.org", "<a@example.org>", "a@localhost"]
)
async def test_an_address_that_is_none(post: Post, mail: MailServer, recipient: str | None):
    body = {"name": "T", "channel": "email", "audience": "authority", "events": ["case.opened"], "recipient": recipient}
    answer = await post.admin.post("/api/v1/targets", json=body)
    assert (answer.status_code, mail.taken) == (422, [])
    assert answer.json()["errors"][0]["field"] == "recipient"


async def test_mail_does_not_wait_for_the_morning(post: Post, mail: MailServer):
    await post.target("email", recipient=RECIPIENT)
    post.clock.pass_by(hours=11)
    await post.open_case()
    await post.send()
    assert len(mail.taken) == 1
