"""One's own account, accounts of others, invitations, and the second factor at the sign-in."""

import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from authlib.integrations.base_client import OAuthError

from api.accounts import service as accounts
from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.accounts.second_factor import STEP_S
from api.console import accounts_pages
from api.kit.times import now
from tests.api.test_oauth import TOKEN, add
from tests.api.world import HOUSE, World

NEW = "rice washed three times"


@pytest.fixture
def at(world: World, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The clock of the centre; tests move its only entry."""
    moment = [now().replace(second=5, microsecond=0)]
    monkeypatch.setattr(accounts, "now", lambda: moment[0])
    world.centre.clock = lambda: moment[0]
    return moment


def browser_of(world: World, **cookies: str) -> httpx.AsyncClient:
    return world.client(headers={"Accept": "text/html", "Accept-Language": "en", "User-Agent": "Test Browser 1"}, cookies=cookies)


async def somebody(world: World, login: str = "wang") -> tuple[httpx.AsyncClient, str]:
    """Signed in, with the password."""
    async with world.centre.database.writing() as work:
        password = (await accounts.create_user(work, HOUSE, login=login, name="Wang", role=Role.OFFICER)).get_secret_value()
    browser = browser_of(world)
    assert (await sign_in(browser, password, login)).status_code == 303
    return browser, password


async def sign_in(browser: httpx.AsyncClient, password: str, login: str = "wang") -> httpx.Response:
    return await browser.post("/login", data={"username": login, "password": password})


async def switch_on(browser: httpx.AsyncClient, password: str, at: list[datetime]) -> pyotp.TOTP:
    page = (await browser.get("/account/second-factor")).text
    totp = pyotp.TOTP(_between(page, '<p class="code"><code>', "<").replace(" ", ""))
    # Who sits at the phone itself cannot read a code off its screen.
    assert 'href="otpauth://totp/' in page
    assert totp.secret in _between(page, 'href="otpauth://', '"')
    ticket = _between(page, 'name="ticket" value="', '"')
    answer = await browser.post("/account/second-factor", data={"ticket": ticket, "code": totp.at(at[0]), "present": password})
    assert answer.headers["location"] == "/account?done=on", answer.text
    at[0] += timedelta(seconds=STEP_S)
    return totp


def _between(text: str, before: str, after: str) -> str:
    return text.partition(before)[2].partition(after)[0]


class TestPassword:
    async def test_changed_and_other_sessions_end(self, world: World):
        browser, password = await somebody(world)
        other = browser_of(world)
        await sign_in(other, password)
        answer = await browser.post("/account/password", data={"present": password, "new": NEW})
        assert answer.headers["location"] == "/account?done=password"
        assert (await browser.get("/account")).status_code == 200
        assert (await other.get("/account")).status_code == 303
        assert (await sign_in(browser_of(world), password)).status_code == 401
        assert (await sign_in(browser_of(world), NEW)).status_code == 303

    async def test_with_signs_in_full_width(self, world: World):
        browser, password = await somebody(world)
        new = "今天天气很好！我们一起去吃火锅吧"
        answer = await browser.post("/account/password", data={"present": password, "new": new})
        assert answer.headers["location"] == "/account?done=password"
        assert (await sign_in(browser_of(world), new)).status_code == 303

    @pytest.mark.parametrize(("new", "words"), [("short", "at least 15 characters"), ("password1password1", "Many people have")])
    async def test_a_weak_one(self, world: World, new: str, words: str):
        browser, password = await somebody(world)
        answer = await browser.post("/account/password", data={"present": password, "new": new})
        assert (answer.status_code, words in answer.text, f'"{new}"' in answer.text) == (422, True, False)

    async def test_tapped_twice(self, world: World):
        browser, password = await somebody(world)
        form = {"present": password, "new": NEW}
        answers = [await browser.post("/account/password", data=form) for _ in range(2)]
        assert [answer.headers.get("location") for answer in answers] == ["/account?done=password"] * 2

    async def test_only_with_the_present_one(self, world: World):
        browser, _ = await somebody(world)
        answer = await browser.post("/account/password", data={"present": "wrong", "new": NEW})
        assert (answer.status_code, "not your current password" in answer.text) == (422, True)

    async def test_a_browser_left_open_sets_no_second_factor(self, world: World, at: list[datetime]):
        """Neither the first, which would lock the owner out, nor another one in its place."""
        owner, password = await somebody(world)
        await switch_on(owner, password, at)
        page = (await owner.get("/account/second-factor")).text
        totp = pyotp.TOTP(_between(page, '<p class="code"><code>', "<").replace(" ", ""))
        data = {"ticket": _between(page, 'name="ticket" value="', '"'), "code": totp.at(at[0])}
        for present in ({}, {"present": "wrong"}):
            answer = await owner.post("/account/second-factor", data=data | present)
            assert (answer.status_code, "not your current password" in answer.text) == (422, True)

    @pytest.mark.parametrize("path", ["/account/password", "/account/second-factor/off"])
    async def test_guessing_the_present_one_is_slowed_down(self, world: World, path: str):
        browser, password = await somebody(world)
        answers = [(await browser.post(path, data={"present": f"wrong {n}", "new": NEW})).status_code for n in range(7)]
        assert (answers[0], answers[-1]) == (422, 429)
        assert (await browser.post(path, data={"present": password, "new": NEW})).status_code == 429

    async def test_the_right_present_one_leaves_nothing_counted(self, world: World):
        browser, password = await somebody(world)
        for _ in range(4):
            for present, expected in (("wrong", 422), (password, 303)):
                data = {"present": present, "new": NEW}
                assert (await browser.post("/account/second-factor/off", data=data)).status_code == expected


class TestSecondFactor:
    async def test_the_sign_in_asks_for_a_code(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        moment = [now().replace(second=5, microsecond=0)]
        monkeypatch.setattr(accounts, "now", lambda: moment[0])
        any_world.centre.clock = lambda: moment[0]
        owner, password = await somebody(any_world)
        totp = await switch_on(owner, password, moment)
        browser = browser_of(any_world)
        asked = await sign_in(browser, password)
        assert (asked.status_code, "The code from your phone" in asked.text, COOKIE in browser.cookies) == (200, True, False)
        assert password not in asked.text
        ticket = _between(asked.text, 'name="ticket" value="', '"')
        wrong = await browser.post("/login/code", data={"ticket": ticket, "code": "000000"})
        assert (wrong.status_code, COOKIE in browser.cookies) == (401, False)
        answer = await browser.post("/login/code", data={"ticket": ticket, "code": totp.at(moment[0])})
        assert answer.status_code == 303
        assert (await browser.get("/account")).status_code == 200

    async def test_a_code_is_good_once(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        totp = await switch_on(owner, password, at)
        code = totp.at(at[0])
        answers = []
        for _ in range(2):
            browser = browser_of(world)
            ticket = _between((await sign_in(browser, password)).text, 'name="ticket" value="', '"')
            answers.append((await browser.post("/login/code", data={"ticket": ticket, "code": code})).status_code)
        assert answers == [303, 401]

    async def test_guessing_codes_is_slowed_down(self, world: World, at: list[datetime], monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("api.accounts.throttle.now", lambda: at[0])
        owner, password = await somebody(world)
        await switch_on(owner, password, at)
        browser = browser_of(world)
        ticket = _between((await sign_in(browser, password)).text, 'name="ticket" value="', '"')
        codes = [(await browser.post("/login/code", data={"ticket": ticket, "code": f"{n:06}"})).status_code for n in range(7)]
        assert codes[0] == 401
        assert codes[-1] == 429

    @pytest.mark.parametrize("ticket", ["", "forged", "k1.AAAA"])
    async def test_a_forged_ticket(self, world: World, ticket: str):
        await somebody(world)
        answer = await browser_of(world).post("/login/code", data={"ticket": ticket, "code": "123456"})
        assert (answer.status_code, "Type the password again" in answer.text) == (401, True)

    async def test_a_ticket_is_good_for_five_minutes(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        totp = await switch_on(owner, password, at)
        browser = browser_of(world)
        ticket = _between((await sign_in(browser, password)).text, 'name="ticket" value="', '"')
        at[0] += timedelta(minutes=5)
        answer = await browser.post("/login/code", data={"ticket": ticket, "code": totp.at(at[0])})
        assert answer.status_code == 401

    async def test_a_ticket_ends_with_the_password_that_it_was_given_for(self, world: World, at: list[datetime]):
        """The phone is lost and the password known to somebody, who has typed it just before an administrator was called."""
        owner, password = await somebody(world)
        await switch_on(owner, password, at)
        browser = browser_of(world)
        ticket = _between((await sign_in(browser, password)).text, 'name="ticket" value="', '"')
        async with world.centre.database.writing() as work:
            await accounts.reset_password(work, HOUSE, "wang")
            await accounts.drop_second_factor(work, HOUSE, "wang")
        answer = await browser.post("/login/code", data={"ticket": ticket, "code": "000000"})
        assert (answer.status_code, COOKIE in browser.cookies) == (401, False)

    async def test_for_programs(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        totp = await switch_on(owner, password, at)
        body: dict[str, Any] = {"login": "wang", "password": password}
        asked = await world.client().post("/api/v1/login", json=body)
        assert (asked.status_code, asked.json()["code"]) == (401, "code-needed")
        assert (await world.client().post("/api/v1/login", json=body | {"code": totp.at(at[0])})).status_code == 200

    async def test_the_database_does_not_hold_the_secret(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        totp = await switch_on(owner, password, at)
        content = b"".join(path.read_bytes() for path in world.centre.settings.data.glob("sunshine.db*"))
        assert totp.secret.encode() not in content

    async def test_off_again_with_the_password(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        await switch_on(owner, password, at)
        assert (await owner.post("/account/second-factor/off", data={"present": "wrong"})).status_code == 422
        assert (await owner.post("/account/second-factor/off", data={"present": password})).status_code == 303
        assert (await sign_in(browser_of(world), password)).status_code == 303


class TestSessions:
    async def test_seen_and_ended(self, any_world: World):
        browser, password = await somebody(any_world)
        other = browser_of(any_world)
        await sign_in(other, password)
        page = (await browser.get("/account")).text
        assert page.count("Test Browser 1") == 2
        session, = re.findall(r"/account/sessions/(\w{20})/end", page)
        for _ in range(2):  # a second tap
            answer = await browser.post(f"/account/sessions/{session}/end")
            assert answer.headers["location"] == "/account?done=ended"
        assert (await other.get("/account")).status_code == 303
        assert (await browser.get("/account")).status_code == 200

    async def test_all_others(self, world: World):
        browser, password = await somebody(world)
        others = [browser_of(world) for _ in range(2)]
        for other in others:
            await sign_in(other, password)
        await browser.post("/account/sessions/end")
        assert [(await other.get("/account")).status_code for other in others] == [303, 303]
        assert (await browser.get("/account")).status_code == 200

    async def test_not_another_person_s(self, world: World):
        browser, _ = await somebody(world)
        page = (await browser.get("/account")).text
        other, password = await somebody(world, "li")
        theirs = browser_of(world)
        await sign_in(theirs, password, "li")
        session, = re.findall(r"/account/sessions/(\w{20})/end", (await other.get("/account")).text)
        assert session not in page
        await browser.post(f"/account/sessions/{session}/end")
        assert (await theirs.get("/account")).status_code == 200


class TestGrants:
    async def test_seen_and_ended(self, world: World):
        browser, _ = await somebody(world)
        assert "None. A program of another system" in (await browser.get("/account")).text
        program = await add(world, await world.place())
        async with program.for_person(browser, "cases:read") as client:
            page = (await browser.get("/account")).text
            assert "County app" in page
            assert "Read cases, notices and what happens to them" in page
            assert "See whether cameras are looked at" not in page
            for _ in range(2):  # a second tap
                answer = await browser.post(f"/account/grants/{program.id}/end")
                assert answer.headers["location"] == "/account?done=grant"
            assert (await client.get("/api/v1/cases")).status_code == 401
        page = (await browser.get("/account?done=grant")).text
        assert ("County app" in page, "can no longer do anything in your name" in page) == (False, True)

    async def test_end_with_one_s_own_password(self, world: World):
        browser, password = await somebody(world)
        program = await add(world, await world.place())
        async with program.for_person(browser, "cases:read") as client:
            await browser.post("/account/password", data={"present": password, "new": NEW})
            assert (await client.get("/api/v1/cases")).status_code == 401
            with pytest.raises(OAuthError, match="invalid_grant"):
                await client.refresh_token(TOKEN)


class TestAccounts:
    async def test_a_lost_phone(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        await switch_on(owner, password, at)
        admin = await world.person(Role.ADMIN)
        page = (await admin.get("/accounts", headers={"Accept-Language": "en"})).text
        account, = re.findall(r"/accounts/(\w+)/second-factor", page)
        assert (await admin.post(f"/accounts/{account}/second-factor")).status_code == 303
        assert (await owner.get("/account")).status_code == 303
        assert (await sign_in(browser_of(world), password)).status_code == 303

    async def test_disabled_and_let_in_again(self, world: World):
        owner, _ = await somebody(world)
        admin = await world.person(Role.ADMIN)
        page = (await admin.get("/accounts")).text
        # What shuts somebody out takes a second press.
        account, = re.findall(r"<details>(?:(?!</details>).)*/accounts/(\w+)/disable", page, re.DOTALL)
        done = (await admin.post(f"/accounts/{account}/disable")).headers["location"]
        assert "所有登录已退出" in (await admin.get(done)).text
        assert (await owner.get("/account")).status_code == 303
        done = (await admin.post(f"/accounts/{account}/enable")).headers["location"]
        assert "账号已恢复使用" in (await admin.get(done)).text

    async def test_who_changes_posts_keeps_name_and_password(self, any_world: World):
        """The account is the person's: with a second one, they could verify what they themselves had reported."""
        old, new = await any_world.place("Old"), await any_world.place("New")
        owner, password = await somebody(any_world)
        admin = await any_world.person(Role.ADMIN)
        account, = re.findall(r'href="(/accounts/\w+/post)"', (await admin.get("/accounts")).text)
        for district, role in ((old.district_id, "officer"), (new.district_id, "chief")):
            form = {"name": "Wang Wei", "role": role, "place": f"district:{district}"}
            saved = await admin.post(account, data=form)
            assert "重新登录后按新的岗位查看" in (await admin.get(saved.headers["location"])).text
        assert (await owner.get("/account")).status_code == 303
        assert (await sign_in(owner, password)).status_code == 303
        me = (await owner.get("/api/v1/me")).json()
        assert (me["name"], me["role"], me["district_id"], me["is_admin"]) == ("Wang Wei", "chief", new.district_id, False)
        # Its form says what it is now.
        page = (await admin.get(account)).text
        assert f'value="district:{new.district_id}" selected' in page
        for place in (old, new):
            auditor = await any_world.person(Role.AUDITOR, place=place)
            entries = (await auditor.get("/api/v1/audit")).json()["items"]
            roles = [entry["detail"]["role"] for entry in entries if entry["action"] == "user.post_changed"]
            assert roles[0] == "chief"

    @pytest.mark.parametrize(("form", "status"), [({"role": "store_admin"}, 422), ({"name": " "}, 422), ({"place": ""}, 403)])
    async def test_nobody_is_given_a_post_that_could_not_be_given_to_somebody_new(
        self, world: World, form: dict[str, str], status: int
    ):
        place = await world.place()
        admin, officer = await world.person(Role.ADMIN, place=place), await world.person(place=place)
        account = f"/accounts/{(await officer.get('/api/v1/me')).json()['id']}/post"
        given = {"name": "Wang", "role": "officer", "place": f"district:{place.district_id}"}
        assert (await admin.post(account, data=given | form)).status_code == status
        assert (await officer.get("/api/v1/me")).status_code == 200

    async def test_hundreds_are_found_by_name_and_on_further_pages(self, world: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(accounts_pages, "_PAGE", 2)
        for login in ("wang", "wu"):
            await somebody(world, login)
        admin = await world.person(Role.ADMIN)
        shown = {}
        for path in ("/accounts", "/accounts?who=WU", "/accounts?who=nobody%25"):
            page = (await admin.get(path, headers={"Accept-Language": "en"})).text
            shown[path] = re.findall(r'<p class="soft">(\S+) · ', page), "A part of the name" in page
        everybody = [*shown["/accounts"][0]]
        following = re.search(r'href="(/accounts\?cursor=[^"]+)" rel="next"', (await admin.get("/accounts")).text)
        assert following is not None
        everybody += re.findall(r'<p class="soft">(\S+) · ', (await admin.get(following[1])).text)
        assert (len(shown["/accounts"][0]), everybody[-2:], len(everybody)) == (2, ["wang", "wu"], len(set(everybody)))
        assert (shown["/accounts?who=WU"], shown["/accounts?who=nobody%25"]) == ((["wu"], False), ([], True))

    async def test_nobody_locks_themself_out(self, world: World):
        admin = await world.person(Role.ADMIN)
        me = (await admin.get("/api/v1/me")).json()["id"]
        for change in ("disable", "password", "second-factor", "post"):
            answer = await admin.post(f"/accounts/{me}/{change}", data={"name": "Me", "role": "officer"})
            assert answer.status_code == 422, change
        assert (await admin.get("/accounts")).status_code == 200


class TestForgottenPassword:
    async def ask(self, world: World, login: str = "wang") -> str:
        """The address in the code, made by an administrator."""
        admin = await world.person(Role.ADMIN)
        answer = await admin.post(f"/accounts/{await self.account(world, login)}/password")
        assert answer.status_code == 200, answer.text
        return "/join/" + _between(answer.text, "/join/", "<")

    async def account(self, world: World, login: str = "wang") -> str:
        async with world.centre.database.reading() as work:
            return next(user.id for user in await accounts.list_users(work, HOUSE) if user.login == login)

    async def test_its_owner_chooses_a_new_one_and_all_else_ends(self, any_world: World):
        owner, password = await somebody(any_world)
        path, phone = await self.ask(any_world), browser_of(any_world)
        assert (await owner.get("/account")).status_code == 200, "the old one stays good until then"
        shown = (await phone.get(path)).text
        assert ("A new password for Wang" in shown, "stays: wang" in shown, "You join as" in shown) == (True, True, False)
        assert (await phone.post(path, data={"login": "somebody else", "password": NEW})).headers["location"] == "/"
        assert (await phone.get("/api/v1/me")).json()["name"] == "Wang"
        assert (await owner.get("/account")).status_code == 303
        assert (await sign_in(browser_of(any_world), password)).status_code == 401
        assert (await sign_in(browser_of(any_world), NEW)).status_code == 303

    async def test_good_once(self, world: World):
        await somebody(world)
        path = await self.ask(world)
        assert (await browser_of(world).post(path, data={"password": NEW})).status_code == 303
        again = await browser_of(world).post(path, data={"password": "another three grains"})
        assert (again.headers["location"], COOKIE in again.cookies) == ("/login?joined=yes", False)
        assert (await sign_in(browser_of(world), NEW)).status_code == 303

    async def test_sent_again_after_the_answer_was_lost(self, world: World):
        await somebody(world)
        path = await self.ask(world)
        answers = [await browser_of(world).post(path, data={"login": "wang", "password": NEW}) for _ in range(2)]
        assert [(answer.headers["location"], COOKIE in answer.cookies) for answer in answers] == [("/", True)] * 2

    async def test_a_weak_one(self, world: World):
        await somebody(world)
        answer = await browser_of(world).post(await self.ask(world), data={"password": "wang wang wang wang"})
        assert (answer.status_code, "easy to guess" in answer.text, "stays: wang" in answer.text) == (422, True, True)

    async def test_with_a_second_factor_the_code_is_still_asked_for(self, world: World, at: list[datetime]):
        owner, password = await somebody(world)
        await switch_on(owner, password, at)
        phone = browser_of(world)
        answer = await phone.post(await self.ask(world), data={"password": NEW})
        assert (answer.headers["location"], COOKIE in answer.cookies) == ("/login?joined=yes", False)
        assert "The code from your phone" in (await sign_in(phone, NEW)).text

    @pytest.mark.parametrize("end", ["time", "newer", "disabled", "changed", "withdrawn"])
    async def test_ends(self, world: World, end: str):
        owner, password = await somebody(world)
        path, admin = await self.ask(world), await world.person(Role.ADMIN)
        match end:
            case "time":
                later = now() + timedelta(hours=24, seconds=1)
                world.centre.clock = lambda: later
            case "newer":
                newer = await self.ask(world)
                assert (await browser_of(world).get(newer)).status_code == 200
            case "disabled":
                for change in ("disable", "enable"):
                    await admin.post(f"/accounts/{await self.account(world)}/{change}")
            case "changed":
                await owner.post("/account/password", data={"present": password, "new": NEW})
            case "withdrawn":
                listed = (await admin.get("/accounts?lang=en")).text
                assert "Wang · New password · All places" in listed
                invitation = _between(listed, "/invitations/", "/withdraw").rpartition("/")[2]
                await admin.post(f"/invitations/{invitation}/withdraw")
        for answer in (await browser_of(world).get(path), await browser_of(world).post(path, data={"password": NEW})):
            assert (answer.status_code, "This link is no longer valid" in answer.text) == (404, True)

    async def test_of_a_disabled_account_none_is_made(self, world: World):
        await somebody(world)
        admin, account = await world.person(Role.ADMIN), await self.account(world)
        await admin.post(f"/accounts/{account}/disable")
        assert f"/accounts/{account}/password" not in (await admin.get("/accounts")).text
        assert (await admin.post(f"/accounts/{account}/password")).status_code == 422

    async def test_who_made_it_and_that_it_was_used_is_in_the_audit(self, world: World):
        await somebody(world)
        await browser_of(world).post(await self.ask(world), data={"password": NEW})
        auditor = await world.person(Role.AUDITOR)
        told = (await auditor.get("/audit?lang=en")).text
        assert ("Link to a new password made" in told, "Password of an account set anew" in told) == (True, True)


class TestInvitation:
    async def invite(self, world: World, **form: str) -> str:
        """The address in the code."""
        admin = await world.person(Role.ADMIN)
        answer = await admin.post("/invitations/new", data={"name": "Zhao", "role": "officer", "place": "", **form})
        assert answer.status_code == 200, answer.text
        return "/join/" + _between(answer.text, "/join/", "<")

    async def test_accepted(self, any_world: World):
        place = await any_world.place()
        path = await self.invite(any_world, role="store_owner", place=f"shop:{place.shop_id}")
        browser = browser_of(any_world)
        assert "Welcome, Zhao" in (await browser.get(path)).text
        answer = await browser.post(path, data={"login": "zhao", "password": NEW})
        assert answer.status_code == 303, answer.text
        me = (await browser.get("/api/v1/me")).json()
        assert (me["name"], me["role"], me["shop_id"]) == ("Zhao", "store_owner", place.shop_id)
        assert (await sign_in(browser_of(any_world), NEW, "zhao")).status_code == 303

    async def test_once(self, world: World):
        path = await self.invite(world)
        assert (await browser_of(world).post(path, data={"login": "zhao", "password": NEW})).status_code == 303
        again = await browser_of(world).post(path, data={"login": "zhao2", "password": NEW})
        for answer in (await browser_of(world).get(path), again):
            assert (answer.status_code, answer.headers["location"], COOKIE in answer.cookies) == (303, "/login?joined=yes", False)
        assert "have been chosen" in (await browser_of(world).get("/login?joined=yes")).text

    async def test_its_link_opened_again_leads_in(self, world: World):
        """It is the only address of the centre that somebody invited has."""
        path, browser = await self.invite(world), browser_of(world)
        assert (await browser.post(path, data={"login": "zhao", "password": NEW})).status_code == 303
        answer = await browser.get((await browser.get(path)).headers["location"])
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    async def test_sent_again_after_the_answer_was_lost(self, world: World):
        path = await self.invite(world)
        answers = [await browser_of(world).post(path, data={"login": "zhao", "password": NEW}) for _ in range(2)]
        assert [(answer.headers["location"], COOKIE in answer.cookies) for answer in answers] == [("/", True)] * 2

    @pytest.mark.parametrize("login", ["", "zh\u200bao", "zh\0ao", "zhao\nadmin", "z" * 65])
    async def test_a_login_that_could_look_like_anothers_is_none(self, world: World, login: str):
        path = await self.invite(world)
        answer = await browser_of(world).post(path, data={"login": login, "password": NEW}, headers={"Accept-Language": "en"})
        assert (answer.status_code, "all of which can be seen" in answer.text) == (422, True)

    async def test_a_login_that_is_taken_does_not_use_it_up(self, world: World):
        await somebody(world, "zhao")
        path = await self.invite(world)
        answer = await browser_of(world).post(path, data={"login": "zhao", "password": NEW})
        assert (answer.status_code, "taken" in answer.text) == (422, True)
        assert (await browser_of(world).post(path, data={"login": "zhao2", "password": NEW})).status_code == 303

    async def test_a_weak_password(self, world: World):
        path = await self.invite(world)
        answer = await browser_of(world).post(path, data={"login": "zhao", "password": "12345678"})
        assert (answer.status_code, "at least 15" in answer.text, 'value="zhao"' in answer.text) == (422, True, True)

    async def test_for_seven_days(self, world: World):
        path = await self.invite(world)
        later = now() + timedelta(days=7, seconds=1)
        world.centre.clock = lambda: later
        answer = await browser_of(world).get(path)
        assert (answer.status_code, "This link is no longer valid" in answer.text) == (404, True)

    async def test_of_many_the_newest_are_listed(self, world: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(accounts_pages, "_PAGE", 1)
        for name in ("Qian", "Sun"):
            await self.invite(world, name=name)
        admin = await world.person(Role.ADMIN)
        pages = [(await admin.get(f"/accounts?{query}&lang=en")).text for query in ("", "who=qian")]
        told = [("Sun · " in page, "Qian · " in page, "1 more: look for them" in page) for page in pages]
        assert told == [(True, False, True), (False, True, False)]
        assert "A part of the name" not in pages[1]

    async def test_withdrawn(self, world: World):
        path = await self.invite(world)
        admin = await world.person(Role.ADMIN)
        invitation = _between((await admin.get("/accounts")).text, "/invitations/", "/withdraw").rpartition("/")[2]
        for _ in range(2):  # a second tap
            assert (await admin.post(f"/invitations/{invitation}/withdraw")).headers["location"] == "/accounts"
        assert (await browser_of(world).get(path)).status_code == 404
        told = await (await world.person(Role.AUDITOR)).get("/api/v1/audit?action=invitation.withdrawn")
        assert len(told.json()["items"]) == 1

    async def test_one_that_was_accepted_cannot_be_withdrawn(self, world: World):
        path = await self.invite(world)
        admin = await world.person(Role.ADMIN)
        invitation = _between((await admin.get("/accounts")).text, "/invitations/", "/withdraw").rpartition("/")[2]
        await browser_of(world).post(path, data={"login": "cook", "password": NEW})
        assert (await admin.post(f"/invitations/{invitation}/withdraw")).status_code == 409

    async def test_another_district_s_is_none_to_withdraw(self, world: World):
        path = await self.invite(world)
        admin, other = await world.person(Role.ADMIN), await world.person(Role.ADMIN, place=await world.place("Elsewhere"))
        invitation = _between((await admin.get("/accounts")).text, "/invitations/", "/withdraw").rpartition("/")[2]
        assert (await other.post(f"/invitations/{invitation}/withdraw")).status_code == 404
        assert (await browser_of(world).get(path)).status_code == 200

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"name": " "}, "on one line"), ({"name": "Zhao\nAdmin"}, "on one line"), ({"role": "store_owner"}, "needs a shop"),
            ({"role": "partner"}, "Choose a station"), ({"role": "emperor"}, "Choose one"),
        ],
    )
    async def test_what_is_missing(self, world: World, form: dict[str, str], words: str):
        admin = await world.person(Role.ADMIN)
        answer = await admin.post(
            "/invitations/new", data={"name": "Zhao", "role": "officer", **form}, headers={"Accept-Language": "en"}
        )
        assert (answer.status_code, words in answer.text) == (422, True)

    async def test_scripts_in_names(self, world: World):
        path = await self.invite(world, name="<script>alert(1)</script>")
        assert "<script>alert" not in (await browser_of(world).get(path)).text


class TestForms:
    async def test_a_token_of_another_session(self, world: World):
        mine, _ = await somebody(world)
        theirs, _ = await somebody(world, "li")
        token = _between((await theirs.get("/account")).text, 'name="csrf" value="', '"')
        raw = httpx.AsyncClient(
            transport=mine._transport, base_url="http://centre.test", cookies={COOKIE: mine.cookies[COOKIE]}
        )
        for data, expected in (({}, 403), ({"csrf": token}, 403)):
            assert (await raw.post("/logout", data=data)).status_code == expected
        own = _between((await mine.get("/account")).text, 'name="csrf" value="', '"')
        assert (await raw.post("/logout", data={"csrf": own})).status_code == 303
        await raw.aclose()

    async def test_every_form_of_a_page_has_it(self, world: World):
        admin = await world.person(is_admin=True)
        for path in ("/login", "/account", "/accounts", "/invitations/new", "/shops/new", "/targets/new", "/edge-boxes/new"):
            page = (await admin.get(path)).text
            assert len(re.findall(r'<form\b[^>]*method="post"', page)) == page.count('<input type="hidden" name="csrf"'), path

    async def test_of_files_it_comes_first(self, world: World):
        browser, _ = await somebody(world)
        raw = httpx.AsyncClient(
            transport=browser._transport, base_url="http://centre.test", cookies={COOKIE: browser.cookies[COOKIE]},
            headers={"Accept": "text/html"},
        )
        own = _between((await browser.get("/account")).text, 'name="csrf" value="', '"')
        files = {"photographs": ("a.jpg", b"x" * 5000, "image/jpeg")}
        assert (await raw.post("/cases/1/answer", data={"csrf": own, "act": "submit"}, files=files)).status_code == 404
        assert (await raw.post("/cases/1/answer", data={"act": "submit"}, files=files)).status_code == 403
        await raw.aclose()
