"""The links in messages to a shop's people: whose they are, what they open, and when they are over."""

import io
import re
from collections.abc import Iterable
from datetime import timedelta

import cv2
import httpx
import numpy as np
import pymupdf
import pytest
from PIL import Image
from sqlalchemy import func, select

from api.accounts.permissions import Role
from api.links.service import ASKED_A_DAY, ASKED_EVERY
from api.links.tables import CaseLink
from tests.api.acts import done
from tests.api.deliveries.phone import PHONE, WECHAT, Phones, fix
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer
from tests.api.world import Place, jpeg


@pytest.fixture
async def phones(post: Post) -> Phones:
    return await Phones.begin(post)


@pytest.fixture
async def any_phones(any_post: Post) -> Phones:
    return await Phones.begin(any_post)


async def opened(phones: Phones) -> tuple[httpx.AsyncClient, str]:
    """Somebody's phone with their link open, as a browser does it."""
    await phones.person()
    await phones.notice()
    device, token = phones.device(), phones.tokens()[0]
    assert (await device.get(f"/n/{token}")).status_code == 200
    assert (await device.post(f"/n/{token}/opened")).status_code == 204
    return device, token


class TestSending:
    async def test_a_phone_gets_its_own_and_a_chat_the_group_s(self, any_phones: Phones):
        await any_phones.person()
        await any_phones.group()
        await any_phones.notice()
        own, group = any_phones.tokens(), any_phones.posted()
        assert (len(own), len(group)) == (1, 1)
        assert own != group
        assert "I fixed it" in (await any_phones.device().get(f"/n/{own[0]}")).text
        assert "I fixed it" not in (await any_phones.device().get(f"/n/{group[0]}")).text

    async def test_officers_and_programs_get_none(self, phones: Phones):
        await phones.post.target("wecom", name="Officers", events=["case.issued"])
        await phones.post.target(name="Program", audience="shop", shop_id=phones.post.place.shop_id, events=["case.issued"])
        await phones.notice()
        assert not any(b"/n/" in request.body for request in phones.post.receiver.requests)

    async def test_no_log_and_no_database_can_open_it(self, phones: Phones):
        await phones.person()
        await phones.group()
        await phones.notice()
        tokens = phones.tokens() + phones.posted()
        for delivery in await phones.post.deliveries():
            log = str(await phones.post.log(delivery["id"]))
            assert not any(token in log for token in tokens)
        content = b"".join(path.read_bytes() for path in phones.post.world.centre.settings.data.glob("sunshine.db*"))
        assert not any(token.encode() in content for token in tokens)

    async def test_it_is_in_the_name_of_the_contact_with_that_number(self, phones: Phones):
        await phones.person("13800000000", name="Phone at the till")  # the number of the shop's owner
        await phones.notice()
        assert "Owner's alone" in (await phones.device().get(f"/n/{phones.tokens()[0]}")).text


class TestOpening:
    async def test_it_says_what_was_seen_and_what_to_do(self, phones: Phones):
        device, token = await opened(phones)
        page = (await device.get(f"/n/{token}")).text
        for words in ("No work cap", "worked in the food-processing area", "Hair and dandruff", "3 days and 5 hours left"):
            assert words in page
        picture = await device.get(f"/n/{token}/picture.jpg")
        assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
        assert f"/n/{token}/picture.jpg?close=true" in page
        whole, close = (
            Image.open(io.BytesIO(one.content)).size
            for one in (picture, await device.get(f"/n/{token}/picture.jpg?close=true"))
        )
        assert (close[0], close[0]) == close != whole

    async def test_its_pictures_need_not_come_twice(self, phones: Phones):
        device, token = await opened(phones)
        await fix(device, token)
        sent = re.search(rf"/n/{token}/photographs/\w+", (await device.get(f"/n/{token}")).text)
        assert sent is not None
        for path in (f"/n/{token}/picture.jpg", f"/n/{token}/picture.jpg?close=true", sent[0]):
            first = await device.get(path)
            again = await device.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (first.headers["cache-control"], again.status_code) == ("private, no-cache", 304), path

    async def test_nothing_happens_by_it(self, phones: Phones):
        await phones.person()
        case_id = await phones.notice()
        token = phones.tokens()[0]
        before = (await phones.post.admin.get(f"/api/v1/cases/{case_id}")).json()
        for path in ("", "/notice", "/picture.jpg", "?done=acknowledge", "/answer.png"):
            assert (await phones.device().get(f"/n/{token}{path}")).status_code == 200
        assert (await phones.post.admin.get(f"/api/v1/cases/{case_id}")).json() == before
        assert await phones.recorded("link.opened") == []

    async def test_a_preview_of_the_chat_does_not_take_it_away(self, phones: Phones):
        await phones.person()
        await phones.notice()
        token = phones.tokens()[0]
        await phones.device(**{"User-Agent": "preview robot"}).get(f"/n/{token}")
        assert "I fixed it" in (await phones.device().get(f"/n/{token}")).text

    async def test_on_another_device_it_shows_no_more_than_a_group_s(self, any_phones: Phones):
        _, token = await opened(any_phones)
        other = any_phones.device()
        page = (await other.get(f"/n/{token}")).text
        assert "This link is not yours" in page
        assert "I fixed it" not in page
        assert PHONE not in page
        assert (await other.get(f"/n/{token}/notice")).status_code == 403

    async def test_another_device_cannot_act(self, phones: Phones):
        _, token = await opened(phones)
        other = phones.device()
        await other.get(f"/n/{token}")
        for answer in (await other.post(f"/n/{token}/received", data={"version": "3"}), await fix(other, token)):
            assert answer.status_code == 403
        assert await phones.state() == "issued"

    async def test_a_browser_without_cookies_is_told_so(self, phones: Phones):
        await phones.person()
        await phones.notice()
        answer = await phones.device().post(f"/n/{phones.tokens()[0]}/received", data={"version": "3"})
        assert (answer.status_code, "keeps no cookies" in answer.text) == (403, True)

    async def test_an_earlier_notice_is_read_with_it_by_whose_it_is(self, any_phones: Phones):
        _, first = await opened(any_phones)
        earlier = any_phones.case_id
        await any_phones.notice()
        token, device = any_phones.tokens()[-1], any_phones.device()
        page = (await device.get(f"/n/{token}")).text
        assert (token == first, f"/n/{token}/notice?case={earlier}" in page) == (False, True)
        await device.post(f"/n/{token}/opened")
        read = await device.get(f"/n/{token}/notice?case={earlier}")
        assert (read.status_code, f"answer.png?case={earlier}" in read.text) == (200, True)
        for path in ("notice", "answer.png"):
            assert (await device.get(f"/n/{token}/{path}?case={earlier}")).status_code == 200
            assert (await any_phones.device().get(f"/n/{token}/{path}?case={earlier}")).status_code == 403

    async def test_another_open_notice_is_answered_from_its_page(self, any_phones: Phones):
        device, token = await opened(any_phones)
        await any_phones.notice()
        form = {"case": str(any_phones.case_id)}
        assert f'name="case" value="{any_phones.case_id}"' in (await device.get(f"/n/{token}")).text
        answer = await device.post(f"/n/{token}/other", data=form)
        other = answer.headers["Location"].removeprefix("/n/")
        assert answer.status_code == 303
        assert (await fix(device, other)).status_code == 303
        assert await any_phones.state() == "submitted"
        assert len(await any_phones.recorded("link.opened")) == 2

    async def test_of_large_answers_a_person_sends_two_at_once(self, phones: Phones):
        device, token = await opened(phones)
        target, = (await phones.post.admin.get("/api/v1/targets")).json()["items"]
        large = bytes(2_500_000)
        bodies = phones.post.world.centre.large_bodies
        with bodies.one_more(target["id"]), bodies.one_more(target["id"]):
            assert (await fix(device, token, large)).status_code == 429
        assert (await fix(device, token, large)).status_code == 422

    async def test_no_other_notice_on_another_device(self, phones: Phones):
        _, token = await opened(phones)
        device = phones.device()
        await device.get(f"/n/{token}")
        assert (await device.post(f"/n/{token}/other", data={"case": str(phones.case_id)})).status_code == 403

    @pytest.mark.parametrize("form", ["received", "answer", "own", "other"])
    async def test_where_a_form_was_sent_to_is_opened_again(self, phones: Phones, form: str):
        device, token = await opened(phones)
        answer = await device.get(f"/n/{token}/{form}")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/n/{token}")

    async def test_no_notice_of_another_shop(self, phones: Phones):
        device, token = await opened(phones)
        other = await phones.post.world.place("Foreign")
        foreign = await phones.post.world.case(other)
        officer = await phones.post.world.person()
        await done(officer, foreign, "confirm", "issue")
        for case in (foreign, 999_999):
            assert (await device.get(f"/n/{token}/notice?case={case}")).status_code == 404
            assert (await device.get(f"/n/{token}/answer.png?case={case}")).status_code == 404
            assert (await device.post(f"/n/{token}/other", data={"case": str(case)})).status_code == 404

    async def test_scripts_in_names_do_nothing(self, phones: Phones):
        await phones.person(name="<script>alert(1)</script>")
        await phones.group()
        await phones.notice()
        for token in phones.tokens() + phones.posted():
            answer = await phones.device().get(f"/n/{token}")
            assert "<script>alert" not in answer.text
            assert "script-src 'self'" in answer.headers["content-security-policy"]


class TestActs:
    async def test_received(self, any_phones: Phones):
        device, token = await opened(any_phones)
        answer = await device.post(f"/n/{token}/received", data={"version": "3"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/n/{token}?done=acknowledge")
        assert "Received. The station knows" in (await device.get(answer.headers["location"])).text
        assert await any_phones.state() == "acknowledged"

    async def test_fixed(self, any_phones: Phones):
        device, token = await opened(any_phones)
        answer = await fix(device, token)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/n/{token}?done=submit")
        assert await any_phones.state() == "submitted"
        case = (await any_phones.post.admin.get(f"/api/v1/cases/{any_phones.case_id}")).json()
        assert (case["answers"][0]["entered_by"], case["answers"][0]["is_for_shop"]) == ("Li Mei", False)

    async def test_what_was_sent_is_shown_again_and_to_nobody_else(self, any_phones: Phones):
        device, token = await opened(any_phones)
        await fix(device, token)
        page = (await device.get(f"/n/{token}")).text
        sent = page.partition("What the shop has answered")[2]
        assert ("Caps are worn." in sent, "· Li Mei" in sent) == (True, True)
        picture = sent.partition('class="phone-sent" src="')[2].partition('"')[0]
        small = await device.get(picture)
        assert (small.status_code, Image.open(io.BytesIO(small.content)).width <= 256) == (200, True)
        other = any_phones.device()
        assert "Caps are worn." not in (await other.get(f"/n/{token}")).text
        assert (await other.get(picture)).status_code == 403

    async def test_a_photograph_of_another_case_is_not_shown(self, phones: Phones):
        device, token = await opened(phones)
        await fix(device, token)
        photograph = (await phones.post.admin.get(f"/api/v1/cases/{phones.case_id}")).json()["answers"][0]["photographs"][0]["id"]
        await phones.notice()
        later = phones.tokens()[-1]
        await device.get(f"/n/{later}")
        assert (await device.get(f"/n/{token}/photographs/{photograph}")).status_code == 200
        assert (await device.get(f"/n/{later}/photographs/{photograph}")).status_code == 404

    async def test_disagree(self, phones: Phones):
        device, token = await opened(phones)
        answer = await device.post(
            f"/n/{token}/answer", data={"act": "appeal", "version": "3", "text": "It is a white scarf.", "person": "Li"},
            files={"photographs": ("", b"", "application/octet-stream")},
        )
        assert answer.status_code == 303
        assert await phones.state() == "appealed"

    @pytest.mark.parametrize(
        ("act", "told"), [("reject", "Your objection was not accepted"), ("uphold", "Your objection was accepted")]
    )
    async def test_what_became_of_the_objection_and_why(self, phones: Phones, act: str, told: str):
        device, token = await opened(phones)
        await phones.post.act(phones.case_id, "appeal", note="It is a white scarf.")
        await phones.post.act(phones.case_id, act, who=Role.CHIEF, note="Looked at the clip again.")
        page = (await device.get(f"/n/{token}")).text
        assert told in page
        assert "The section head writes: “Looked at the clip again.”" in page

    async def test_person_device_and_address_are_recorded(self, phones: Phones):
        device, token = await opened(phones)
        await device.post(f"/n/{token}/received", data={"version": "3"})
        entry, = await phones.recorded("case.acknowledge")
        assert (entry["actor_name"], entry["address"], entry["detail"]["device"]) == ("Li Mei", "127.0.0.1", WECHAT)

    @pytest.mark.parametrize("accept", ["text/html", "application/json"])
    async def test_sent_twice_is_done_once(self, phones: Phones, accept: str):
        """A double tap, or an answer that got lost on its way back."""
        device, token = await opened(phones)
        device.headers["Accept"] = accept
        first, second = await fix(device, token), await fix(device, token)
        assert (first.status_code, first.text) == (second.status_code, second.text)
        case = (await phones.post.admin.get(f"/api/v1/cases/{phones.case_id}")).json()
        assert len(case["answers"]) == 1

    async def test_back_button_after_an_act(self, phones: Phones):
        device, token = await opened(phones)
        await fix(device, token)
        answer = await device.post(f"/n/{token}/received", data={"version": "3"})
        assert answer.status_code == 409
        assert "Your answer was sent" in answer.text
        assert await phones.state() == "submitted"

    async def test_two_tabs_and_an_officer(self, phones: Phones):
        """What was typed is not lost."""
        device, token = await opened(phones)
        await phones.post.act(phones.case_id, "withdraw", who=Role.CHIEF, reason="wrong_facts")
        answer = await fix(device, token, text="All caps are new.")
        assert answer.status_code == 409
        assert "The notice was withdrawn" in answer.text
        assert "All caps are new." in answer.text

    async def test_a_photograph_is_missing(self, phones: Phones):
        device, token = await opened(phones)
        answer = await device.post(
            f"/n/{token}/answer", data={"act": "submit", "version": "3", "text": "New caps.", "person": "Li"},
            files={"photographs": ("", b"", "application/octet-stream")},
        )
        assert (answer.status_code, "at least one photograph" in answer.text, "New caps." in answer.text) == (422, True, True)

    @pytest.mark.parametrize(("act", "field"), [("submit", "What was done"), ("appeal", "What is not right?")])
    async def test_what_is_missing_is_said_before_everything(self, phones: Phones, act: str, field: str):
        """Its field lies below the first screen, or is closed: a browser without scripts has lost the photograph."""
        device, token = await opened(phones)
        page = (await fix(device, token, act=act, text="")).text
        assert f"<strong>{field}</strong> Fill this in." in page
        assert page.index("Not sent yet") < page.index("<h1>")

    async def test_fifty_megabytes(self, phones: Phones):
        device, token = await opened(phones)
        answer = await fix(device, token, jpeg() + b"\0" * 50_000_000, text="New caps.")
        assert answer.status_code == 422
        assert "larger than 10 MB" in answer.text
        assert "New caps." in answer.text
        assert await phones.state() == "issued"

    async def test_more_photographs_than_six(self, phones: Phones):
        device, token = await opened(phones)
        answer = await fix(device, token, *[jpeg()] * 7, text="New caps.")
        assert (answer.status_code, "more than six" in answer.text, "New caps." in answer.text) == (422, True, True)

    async def test_no_photograph_at_all_but_a_script(self, phones: Phones):
        device, token = await opened(phones)
        answer = await fix(device, token, b"<script>alert(1)</script>")
        assert (answer.status_code, "no photograph" in answer.text) == (422, True)


class TestEnd:
    @pytest.mark.parametrize("token", ["forged", "a" * 22, "x" * 64, "%00"])
    async def test_a_forged_link(self, phones: Phones, token: str):
        answer = await phones.device().get(f"/n/{token}")
        assert (answer.status_code, "This link leads nowhere" in answer.text) == (404, True)
        assert "tap the link in it" in answer.text

    @pytest.mark.parametrize("path", ["", "/answer.png", "/notice", "/nothing"])
    async def test_no_way_leads_to_where_one_signs_in(self, phones: Phones, path: str):
        page = (await phones.device().get(f"/n/forged{path}")).text
        assert set(re.findall(r'<a [^>]*href="([^"]*)', page)) == {"/n/forged?lang=zh-CN"}

    async def test_seven_days_after_the_case_has_ended(self, phones: Phones):
        device, token = await opened(phones)
        await fix(device, token)
        await phones.post.act(phones.case_id, "close")
        phones.post.clock.pass_by(days=7)
        assert "verified" in (await device.get(f"/n/{token}")).text
        phones.post.clock.pass_by(seconds=1)
        answer = await device.get(f"/n/{token}")
        assert (answer.status_code, "This link has run out" in answer.text) == (410, True)
        assert 'href="tel:' in answer.text
        assert (await device.get(f"/n/{token}/picture.jpg")).status_code == 410

    async def test_an_open_case_keeps_it(self, phones: Phones):
        device, token = await opened(phones)
        phones.post.clock.pass_by(days=300)
        assert "The time is over" in (await device.get(f"/n/{token}")).text

    async def test_revoked_by_an_officer(self, any_phones: Phones):
        device, token = await opened(any_phones)
        officer = await any_phones.post.world.person(place=any_phones.post.place)
        listed = (await officer.get(f"/cases/{any_phones.case_id}/links", headers={"Accept-Language": "en"})).text
        link_id = listed.partition("/links/")[2].partition("/revoke")[0]
        assert "WeChat on Android" in listed
        answer = await officer.post(f"/cases/{any_phones.case_id}/links/{link_id}/revoke")
        assert answer.status_code == 303, (answer.text, listed)
        answer = await device.get(f"/n/{token}")
        assert (answer.status_code, "This link was revoked" in answer.text) == (410, True)
        assert (await device.post(f"/n/{token}/received", data={"version": "3"})).status_code == 410
        assert [entry["detail"]["name"] for entry in await any_phones.recorded("link.revoked")] == ["Li Mei"]

    @pytest.mark.parametrize("change", [{"enabled": False}, {"recipient": "13900139000"}])
    async def test_whose_number_it_is_no_more(self, phones: Phones, change: dict[str, object]):
        device, token = await opened(phones)
        target = next(item for item in (await phones.post.admin.get("/api/v1/targets")).json()["items"])
        fields = ("name", "channel", "audience", "shop_id", "recipient", "events")
        body = {name: target[name] for name in fields} | change
        assert (await phones.post.admin.put(f"/api/v1/targets/{target['id']}", json=body)).status_code == 200
        assert (await device.get(f"/n/{token}")).status_code == 410

    async def test_a_neighbour_s_officer_sees_and_revokes_none(self, phones: Phones):
        await opened(phones)
        other: Place = await phones.post.world.place("Foreign")
        officer = await phones.post.world.person(place=other)
        assert (await officer.get(f"/cases/{phones.case_id}/links")).status_code == 404


def scanned(pictures: Iterable[np.ndarray]) -> str:
    """Some codes are found only from nearer or farther away, which a camera is held by itself. Of OpenCV's two readers, this one
    read all of 80 at any distance; the other missed up to four of them."""
    return next(filter(None, (cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0] for picture in pictures)))


class TestPaper:
    """The link on the printed notice."""

    async def printed(self, phones: Phones) -> str:
        """Its token, as a camera reads it off the sheet."""
        officer = await phones.post.world.person(place=phones.post.place)
        paper = (await officer.get(f"/api/v1/cases/{phones.case_id}/notice.pdf")).content
        with pymupdf.open("pdf", paper) as document:
            text = "".join(page.get_text() for page in document).replace("\n", "")
            sheets = (page.get_pixmap(dpi=dpi) for dpi in (200, 300, 150, 250, 400, 120) for page in reversed(document))
            url = scanned(np.frombuffer(sheet.samples, np.uint8).reshape(sheet.height, sheet.width, -1) for sheet in sheets)
        assert url in text
        begin, token = url.split("/n/")
        assert begin == phones.post.world.centre.public_url
        return token

    async def test_whoever_scans_it_can_look_and_have_their_own_link_sent(self, any_phones: Phones):
        await any_phones.person()
        await any_phones.notice()
        token = await self.printed(any_phones)
        assert token not in any_phones.tokens()
        device = any_phones.device()
        page = (await device.get(f"/n/{token}")).text
        assert "Send me my own link" in page
        assert "I fixed it" not in page
        assert PHONE not in page
        assert (await device.get(f"/n/{token}/picture.jpg")).status_code == 200
        assert (await device.get(f"/n/{token}/notice")).status_code == 403
        assert (await device.post(f"/n/{token}/received", data={"version": "3"})).status_code == 403
        await device.post(f"/n/{token}/own", data={"who": page.partition('name="who" value="')[2].partition('"')[0]})
        await any_phones.post.send()
        assert "I fixed it" in (await any_phones.device().get(f"/n/{any_phones.tokens()[-1]}")).text

    async def test_each_print_has_the_same_until_it_is_revoked(self, any_phones: Phones):
        await any_phones.notice()
        token = await self.printed(any_phones)
        assert await self.printed(any_phones) == token
        officer = await any_phones.post.world.person(place=any_phones.post.place)
        listed = (await officer.get(f"/cases/{any_phones.case_id}/links", headers={"Accept-Language": "en"})).text
        assert listed.count("Printed notice") == 1
        link_id = listed.partition("/links/")[2].partition("/revoke")[0]
        await officer.post(f"/cases/{any_phones.case_id}/links/{link_id}/revoke")
        assert (await any_phones.device().get(f"/n/{token}")).status_code == 410
        again = await self.printed(any_phones)
        assert again != token
        assert (await any_phones.device().get(f"/n/{again}")).status_code == 200

    async def test_it_runs_out_seven_days_after_the_case_has_ended(self, phones: Phones):
        device, own = await opened(phones)
        token = await self.printed(phones)
        await fix(device, own)
        await phones.post.act(phones.case_id, "close")
        phones.post.clock.pass_by(days=7)
        assert (await phones.device().get(f"/n/{token}")).status_code == 200
        phones.post.clock.pass_by(seconds=1)
        assert (await phones.device().get(f"/n/{token}")).status_code == 410

    async def test_a_print_from_the_phone_has_it_too(self, phones: Phones):
        """Not the link of the person whose phone it is."""
        device, own = await opened(phones)
        token = await self.printed(phones)
        paper = (await device.get(f"/n/{own}/notice")).text.partition("<article")[2]
        assert f"/n/{token}" in paper
        code = np.frombuffer((await device.get(f"/n/{own}/answer.png")).content, np.uint8)
        picture = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
        assert scanned(cv2.resize(picture, None, fx=near, fy=near) for near in (1.0, 0.75, 0.5, 1.5)).endswith(f"/n/{token}")

    async def test_the_database_cannot_open_it(self, phones: Phones):
        await phones.notice()
        token = await self.printed(phones)
        content = b"".join(path.read_bytes() for path in phones.post.world.centre.settings.data.glob("sunshine.db*"))
        assert token.encode() not in content


class TestOwn:
    async def ask(self, phones: Phones, token: str, number: int = 0) -> str:
        device = phones.device()
        page = (await device.get(f"/n/{token}")).text
        who = page.split('name="who" value="')[number + 1].partition('"')[0]
        answer = await device.post(f"/n/{token}/own", data={"who": who})
        await phones.post.send()
        return (await device.get(answer.headers["location"])).text

    async def test_from_the_group_s_to_a_registered_number(self, any_phones: Phones):
        await any_phones.person()
        await any_phones.group()
        await any_phones.notice()
        told = await self.ask(any_phones, any_phones.posted()[0])
        assert "Sent. It is in the messages" in told
        first, second = any_phones.tokens()
        assert first != second
        assert "I fixed it" in (await any_phones.device().get(f"/n/{second}")).text

    async def test_from_another_s_only_to_the_person_it_belongs_to(self, phones: Phones):
        await phones.person("13900139000", name="Wang")
        _, token = await opened(phones)
        page = (await phones.device().get(f"/n/{token}")).text
        assert page.count('name="who"') == 1

    async def test_names_and_numbers_are_hidden(self, phones: Phones):
        await phones.person()
        await phones.group()
        await phones.notice()
        page = (await phones.device().get(f"/n/{phones.posted()[0]}")).text
        assert "L* 138****8000" in page
        assert "Li Mei" not in page

    async def test_at_night_too(self, phones: Phones):
        await phones.person()
        await phones.group()
        await phones.notice()
        phones.post.clock.pass_by(hours=14)
        await self.ask(phones, phones.posted()[0])
        assert len(phones.tokens()) == 2

    async def test_to_no_stand_in_where_it_does_not_arrive(self, phones: Phones):
        await phones.group()
        other = await phones.person("13900139000", name="Wang")
        person = await phones.person(next_id=other["id"])
        await phones.notice()
        phones.post.receiver.answers = [Answer(500)]
        await phones.device().post(f"/n/{phones.posted()[0]}/own", data={"who": person["id"]})
        await phones.post.send()
        phones.post.clock.pass_by(hours=1)
        await phones.post.send()
        asked = [delivery for delivery in await phones.post.deliveries() if delivery["event"] == "link.asked"]
        assert [delivery["target_name"] for delivery in asked] == ["Li Mei"]

    async def test_not_again_and_again(self, phones: Phones):
        await phones.person()
        await phones.group()
        await phones.notice()
        group = phones.posted()[0]
        await self.ask(phones, group)
        assert "sent a moment ago" in await self.ask(phones, group)
        for _ in range(ASKED_A_DAY + 1):
            phones.post.clock.now += ASKED_EVERY + timedelta(seconds=1)
            await self.ask(phones, group)
        assert len(phones.tokens()) == 1 + ASKED_A_DAY

    async def test_to_nobody_else(self, phones: Phones):
        await phones.group()
        officers = await phones.post.target("wecom", name="Officers", events=["case.issued"])
        await phones.notice()
        device, group = phones.device(), phones.posted()[0]
        assert "Nobody at this shop has a number" in (await device.get(f"/n/{group}")).text
        for who in (officers["id"], "", "nobody"):
            answer = await device.post(f"/n/{group}/own", data={"who": who})
            assert answer.headers["location"].endswith("asked=nobody")


async def test_practice_needs_no_link_and_sends_nothing(phones: Phones):
    device = phones.device()
    page = (await device.get("/n/practice")).text
    assert 'method="post"' not in page
    assert "nothing was sent" in (await device.get("/n/practice?done=submit&photographs=me.jpg")).text


class TestDeletion:
    """A link holds a name, a number, and the address and browser of who opened it."""

    async def test_goes_with_the_messages_of_its_case(self, any_phones: Phones):
        phones = any_phones
        device, token = await opened(phones)
        await phones.post.act(phones.case_id, "withdraw", who=Role.CHIEF, reason="wrong_facts")
        await phones.after(179)
        assert (await device.get(f"/n/{token}")).status_code == 410
        await phones.after(2)
        assert (await device.get(f"/n/{token}")).status_code == 404
        async with phones.post.world.centre.database.reading() as work:
            assert await work.scalar(select(func.count()).select_from(CaseLink)) == 0

    async def test_of_an_open_case_stays(self, phones: Phones):
        device, token = await opened(phones)
        await phones.after(4000)
        assert (await device.get(f"/n/{token}")).status_code == 200

    async def test_one_on_paper_that_was_revoked_opens_nothing_again(self, phones: Phones):
        """The next one is made of how many were revoked."""
        case_id, officer = await phones.notice(), phones.post.people[Role.OFFICER]
        await officer.get(f"/cases/{case_id}/notice")
        async with phones.post.world.centre.database.reading() as work:
            first = await work.scalar(select(CaseLink.token_hash))
            link_id = await work.scalar(select(CaseLink.id))
        await officer.post(f"/cases/{case_id}/links/{link_id}/revoke")
        await phones.post.act(case_id, "withdraw", who=Role.CHIEF, reason="wrong_facts")
        await phones.after(400)
        await officer.get(f"/cases/{case_id}/notice")
        async with phones.post.world.centre.database.reading() as work:
            made = {row.token_hash: row.revoked_at for row in await work.scalars(select(CaseLink))}
        assert (len(made), made[first] is None) == (2, False)
