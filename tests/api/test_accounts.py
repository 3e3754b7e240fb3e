import asyncio
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select

from api.accounts import dependencies, repository, second_factor, service, throttle
from api.accounts.dependencies import COOKIE
from api.accounts.passwords import password_fits
from api.accounts.permissions import PERMISSIONS, Permission, Role, permissions_of
from api.accounts.tables import SignInFailures, User, UserSession
from api.accounts.throttle import TooManyLogins
from api.kit.database import Work
from api.kit.times import now
from tests.api.world import HOUSE, World, problem_code


async def add_user(world: World, login: str = "li") -> str:
    async with world.centre.database.writing() as work:
        password = await service.create_user(work, HOUSE, login=login, name="Li", role=Role.OFFICER)
    return password.get_secret_value()


async def sign_in(client: httpx.AsyncClient, password: str, login: str = "li") -> httpx.Response:
    return await client.post("/api/v1/login", json={"login": login, "password": password})


class TestLogin:
    async def test_valid(self, any_world: World):
        client = any_world.client()
        answer = await sign_in(client, await add_user(any_world))
        assert (answer.status_code, answer.json()["role"]) == (200, "officer")
        assert (await client.get("/api/v1/me")).json()["name"] == "Li"

    async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(self, world: World):
        answer = await sign_in(world.client(), await add_user(world))
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie  # plain HTTP on loopback; over HTTPS it is set

    @pytest.mark.parametrize("login", ["li", "nobody"])
    async def test_a_wrong_password_and_a_wrong_login_are_told_alike(self, world: World, login: str):
        await add_user(world)
        answer = await sign_in(world.client(), "wrong", login)
        assert (answer.status_code, answer.json()["detail"]) == (401, "The login or the password is wrong.")

    async def test_guessing_is_slowed_down(self, world: World, monkeypatch: pytest.MonkeyPatch):
        Clock(monkeypatch)
        password = await add_user(world)
        client = world.client()
        for _ in range(throttle.FREE_FAILURES):
            await sign_in(client, "wrong")
        answer = await sign_in(client, password)
        assert (answer.status_code, problem_code(answer)) == (429, "too-many-logins")
        assert int(answer.headers["retry-after"]) > 0

    async def test_many_guesses_at_once_are_no_way_around(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        Clock(monkeypatch)
        await add_user(any_world)
        guesses = [sign_in(any_world.client(), "wrong") for _ in range(throttle.FREE_FAILURES * 3)]
        codes = [answer.status_code for answer in await asyncio.gather(*guesses)]
        assert (codes.count(401), codes.count(429)) == (throttle.FREE_FAILURES, throttle.FREE_FAILURES * 2)

    async def test_a_refusal_is_recorded_without_what_was_typed(self, any_world: World):
        await add_user(any_world)
        await sign_in(any_world.client(), "wrong-password")
        await sign_in(any_world.client(), "wrong-password", "a-password-in-the-wrong-field")
        auditor = await any_world.person(Role.AUDITOR)
        answer = await auditor.get("/api/v1/audit")
        refused = [entry for entry in answer.json()["items"] if entry["action"] == "session.refused"]
        assert [(entry["actor_kind"], entry["detail"]) for entry in refused] == [("nobody", {"failures": 1})] * 2
        unknown, known = (entry["object_id"] for entry in refused)
        assert (unknown, len(known)) == ("unknown", 20)
        assert "wrong" not in answer.text

    async def test_an_account_that_was_disabled(self, world: World):
        password = await add_user(world)
        client = world.client()
        await sign_in(client, password)
        async with world.centre.database.writing() as work:
            await service.set_disabled(work, HOUSE, "li", True)
        assert (await client.get("/api/v1/me")).status_code == 401
        assert (await sign_in(world.client(), password)).status_code == 401

    async def test_a_password_is_never_repeated(self, world: World):
        answer = await world.client().post("/api/v1/login", json={"login": "li", "password": ["hunter2"]})
        assert answer.status_code == 422
        assert "hunter2" not in answer.text

    async def test_from_another_site(self, world: World):
        password = await add_user(world)
        for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "http://["}):
            answer = await sign_in(world.client(headers=headers), password)
            assert (answer.status_code, problem_code(answer)) == (403, "from-another-site")
        assert (await sign_in(world.client(headers={"Origin": "http://centre.test"}), password)).status_code == 200


class TestSession:
    async def test_ends_with_signing_out(self, any_world: World):
        client = await any_world.person()
        token = client.cookies[COOKIE]
        assert (await client.post("/api/v1/logout")).status_code == 204
        assert (await any_world.client(cookies={COOKIE: token}).get("/api/v1/me")).status_code == 401

    async def test_ends_after_idling(self, world: World, monkeypatch: pytest.MonkeyPatch):
        client = await world.person()
        monkeypatch.setattr(service, "now", lambda: now() + timedelta(hours=12, seconds=1))
        assert (await client.get("/api/v1/me")).status_code == 401

    async def test_is_prolonged_by_use_until_the_longest(self, world: World, monkeypatch: pytest.MonkeyPatch):
        client, start = await world.person(), now()
        alive = 0
        for hours in range(11, 24 * 9, 11):
            monkeypatch.setattr(service, "now", lambda moment=start + timedelta(hours=hours): moment)
            if (await client.get("/api/v1/me")).status_code != 200:
                break
            alive = hours
        assert 24 * 6 < alive <= 24 * 7

    async def test_ended_while_it_was_to_be_prolonged(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        """By another process, between reading it and writing it."""
        client, found = await any_world.person(), repository.find_session
        asked: list[str] = []

        async def ends_meanwhile(work: Work, token_hash: str) -> UserSession | None:
            session = await found(work, token_hash)
            asked.append(token_hash)
            if len(asked) == 2:
                await work.execute(delete(UserSession).execution_options(synchronize_session=False))
            return session

        monkeypatch.setattr(service, "now", lambda: now() + timedelta(hours=2))
        monkeypatch.setattr(repository, "find_session", ends_meanwhile)
        assert (await client.get("/api/v1/me")).status_code in (200, 401)

    async def test_none_for_a_password_that_was_changed_while_it_was_checked(
        self, any_world: World, monkeypatch: pytest.MonkeyPatch
    ):
        old = await add_user(any_world)

        async def checked_slowly(password: SecretStr, password_hash: str | None) -> bool:
            async with any_world.centre.database.writing() as work:
                await service.reset_password(work, HOUSE, "li")
            return await password_fits(password, password_hash)

        monkeypatch.setattr(dependencies, "password_fits", checked_slowly)
        assert (await sign_in(any_world.client(), old)).status_code == 401

    async def test_a_page_that_is_left_open_does_not_keep_it_alive(self, world: World, monkeypatch: pytest.MonkeyPatch):
        client, start = await world.person(), now()
        answers = []
        for hours in (6, 11, 13):
            monkeypatch.setattr(service, "now", lambda moment=start + timedelta(hours=hours): moment)
            answers.append((await client.get("/cases/list")).status_code)
        assert answers == [200, 200, 401]

    async def test_ends_with_a_new_password(self, world: World):
        client, password = world.client(), await add_user(world)
        await sign_in(client, password)
        async with world.centre.database.writing() as work:
            new = await service.reset_password(work, HOUSE, "li")
        assert (await client.get("/api/v1/me")).status_code == 401
        assert (await sign_in(world.client(), password)).status_code == 401
        assert (await sign_in(world.client(), new.get_secret_value())).status_code == 200

    async def test_the_database_cannot_sign_in_with_what_it_holds(self, world: World):
        client = await world.person()
        token = client.cookies[COOKIE]
        content = b"".join(path.read_bytes() for path in world.centre.settings.data.glob("sunshine.db*"))
        assert token.encode() not in content


class TestFirstLogin:
    async def test_only_in_an_empty_database(self, any_world: World):
        async with any_world.centre.database.writing() as work:
            first = await service.first_login(work)
        async with any_world.centre.database.writing() as work:
            assert await service.first_login(work) is None
        assert first is not None
        assert first.password not in repr(first)
        me = (await sign_in(any_world.client(), first.password, first.login)).json()
        assert (me["role"], me["is_admin"]) == ("officer", True)

    async def test_can_judge_cases_and_manage_accounts(self):
        permissions = permissions_of(Role.OFFICER, is_admin=True)
        assert {Permission.CASES_JUDGE, Permission.EVIDENCE_READ, Permission.ACCOUNTS_WRITE} <= permissions


class TestPermissions:
    def test_every_role_has_an_entry(self):
        assert set(PERMISSIONS) == set(Role)

    def test_the_administrator_alone_sees_no_evidence(self):
        assert not {Permission.CASES_READ, Permission.EVIDENCE_READ} & PERMISSIONS[Role.ADMIN]

    def test_only_officials_see_pictures(self):
        seeing = {role for role in Role if Permission.EVIDENCE_READ in PERMISSIONS[role]}
        assert seeing == {Role.REVIEWER, Role.OFFICER, Role.CHIEF, Role.BUREAU}


class Clock:
    """Hands on the time that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = now()
        monkeypatch.setattr(throttle, "now", lambda: self.at)

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


async def begin(world: World, login: str = "li", address: str = "192.0.2.1") -> None:
    async with world.centre.database.writing() as work:
        await throttle.begin(work, login, address)


class TestThrottle:
    async def test_the_wait_doubles_and_ends(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        clock = Clock(monkeypatch)
        for number in range(throttle.FREE_FAILURES + 3):  # waits of 1, 2, 4 and 8 s after the free ones
            await begin(any_world)
            clock.wait(2.0 ** max(0, number + 1 - throttle.FREE_FAILURES))
        await begin(any_world)
        with pytest.raises(TooManyLogins, match="in 17 s"):
            await begin(any_world)
        await begin(any_world, address="192.0.2.2")

    async def test_holds_for_every_process_and_after_a_restart(self, world: World, monkeypatch: pytest.MonkeyPatch):
        Clock(monkeypatch)
        for _ in range(throttle.FREE_FAILURES):
            await begin(world)
        await world.reopen_database(wait_s=5)
        with pytest.raises(TooManyLogins):
            await begin(world)

    async def test_a_customers_ipv6_addresses_are_one(self, world: World, monkeypatch: pytest.MonkeyPatch):
        Clock(monkeypatch)
        for number in range(throttle.FREE_FAILURES):
            await begin(world, address=f"2001:db8::{number}")
        with pytest.raises(TooManyLogins):
            await begin(world, address="2001:db8::ffff:1")
        await begin(world, address="2001:db8:0:1::1")

    async def test_addresses_of_ipv4_that_are_written_as_ipv6_are_not_one(self, world: World, monkeypatch: pytest.MonkeyPatch):
        Clock(monkeypatch)
        for _ in range(throttle.FREE_FAILURES):
            await begin(world, address="::ffff:192.0.2.1")
        with pytest.raises(TooManyLogins):
            await begin(world, address="192.0.2.1")
        await begin(world, address="::ffff:192.0.2.2")

    async def test_success_forgives(self, world: World):
        for _ in range(throttle.FREE_FAILURES_OF_ADDRESS + 1):
            await begin(world)
            async with world.centre.database.writing() as work:
                await throttle.succeeded(work, "li", "192.0.2.1")

    async def test_an_office_that_signs_in_with_codes_all_day(self, world: World, monkeypatch: pytest.MonkeyPatch):
        """Each sign-in asks twice: once without the code, once with it."""
        Clock(monkeypatch)
        await add_user(world)
        async with world.centre.database.writing() as work:
            (await work.scalars(select(User))).one().totp_encrypted = "of the phone"

        async def fits(*_: object) -> bool:
            return True

        monkeypatch.setattr(dependencies, "password_fits", fits)
        monkeypatch.setattr(second_factor, "fits", lambda *_: True)
        client, body = world.client(), {"login": "li", "password": "right"}
        for _ in range(throttle.FREE_FAILURES_OF_ADDRESS + 2):
            asked = await client.post("/api/v1/login", json=body)
            assert (asked.status_code, problem_code(asked)) == (401, "code-needed")
            assert (await client.post("/api/v1/login", json={**body, "code": "123456"})).status_code == 200

    async def test_who_knows_the_password_cannot_guess_codes_from_many_addresses(
        self, any_world: World, monkeypatch: pytest.MonkeyPatch
    ):
        clock = Clock(monkeypatch)
        await add_user(any_world)
        async with any_world.centre.database.writing() as work:
            (await work.scalars(select(User))).one().totp_encrypted = "of the phone"
        monkeypatch.setattr(second_factor, "fits", lambda keyring, user, code, at: code == "right")
        centre = any_world.centre

        async def guess(code: str, number: int) -> object:
            async with centre.database.writing() as work:
                user, address = (await work.scalars(select(User))).one(), f"192.0.2.{number}"
                return await service.end_sign_in(work, centre.settings, centre.keyring, user, True, code, "li", address)

        for number in range(throttle.FREE_CODES):
            assert await guess("wrong", number) is None
        with pytest.raises(TooManyLogins):
            await guess("wrong", throttle.FREE_CODES)
        clock.wait(2)
        assert await guess("right", throttle.FREE_CODES) is not None
        assert await guess("wrong", throttle.FREE_CODES) is None

    async def test_failures_of_an_office_do_not_add_up_over_days(self, world: World, monkeypatch: pytest.MonkeyPatch):
        clock = Clock(monkeypatch)
        for number in range(throttle.FREE_FAILURES_OF_ADDRESS * 2):
            await begin(world, f"colleague {number}")
            clock.wait(throttle.FORGOTTEN_AFTER.total_seconds() + 1)

    async def test_nothing_is_kept_for_ever_or_in_the_clear(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        clock = Clock(monkeypatch)
        await begin(any_world, "a-password-in-the-wrong-field")
        clock.wait(throttle.FORGOTTEN_AFTER.total_seconds() + 1)
        async with any_world.centre.database.writing() as work:
            await throttle.succeeded(work, "li", "192.0.2.2")
        async with any_world.centre.database.reading() as work:
            left = list(await work.scalars(select(SignInFailures)))
        assert len(left) == 2
        assert all(entry.last_at == clock.at for entry in left)


async def test_a_shops_account_needs_a_shop(world: World):
    with pytest.raises(service.Invalid, match="needs the shop's id"):
        async with world.centre.database.writing() as work:
            await service.create_user(work, HOUSE, login="x", name="X", role=Role.STORE_OWNER)


@pytest.mark.parametrize("name", ["", "Li\nAdmin", "Li\x1b[2J", "L" * 101])
async def test_a_name_is_one_line(world: World, name: str):
    with pytest.raises(service.Invalid, match="on one line"):
        async with world.centre.database.writing() as work:
            await service.create_user(work, HOUSE, login="x", name=name, role=Role.OFFICER)


async def test_another_department_sees_only_what_it_is_given(world: World):
    with pytest.raises(service.Invalid, match="name a district or a shop"):
        async with world.centre.database.writing() as work:
            await service.create_user(work, HOUSE, login="x", name="X", role=Role.PARTNER)


def test_a_first_login_shows_no_password():
    assert "hunter2" not in repr(service.FirstLogin("admin", "hunter2"))
    assert "hunter2" not in repr(SecretStr("hunter2"))
