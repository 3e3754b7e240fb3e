"""Access for other systems, by OAuth 2; the client's side is Authlib's."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from api.accounts.permissions import Role
from api.accounts.service import list_users, reset_password, set_disabled
from api.accounts.throttle import FREE_FAILURES
from api.clients import service as clients
from api.clients.grants import InvalidToken, authenticate, by_refresh
from api.clients.limits import Limiter, RateLimited
from api.clients.repository import delete_expired_tokens, find_client
from api.clients.scopes import Scope
from api.feed.endpoints import follow as follow_events
from api.feed.publisher import publish_all
from api.feed.service import Stand
from tests.api.acts import done
from tests.api.world import HOUSE, EdgeBox, Place, World, problem_code

BACK = "https://app.example.org/back"
TOKEN = "https://centre.test/api/v1/oauth/token"
READING = ["cases:read", "evidence:read", "shops:read", "cameras:read"]
ACTING = [*READING, "cases:act", "evidence:unblur"]


@dataclass
class Program:
    """A client that the administrator has added."""

    world: World
    id: str
    secret: str

    def oauth(self, **options: Any) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self.id, options.pop("secret", self.secret), transport=httpx.ASGITransport(self.world.app),
            base_url="https://centre.test", redirect_uri=BACK, code_challenge_method="S256", token_endpoint=TOKEN, **options,
        )

    @asynccontextmanager
    async def by_itself(self) -> AsyncIterator[AsyncOAuth2Client]:
        async with self.oauth() as client:
            await client.fetch_token(TOKEN, grant_type="client_credentials")
            yield client

    @asynccontextmanager
    async def for_person(self, person: httpx.AsyncClient, scope: str = " ".join(ACTING)) -> AsyncIterator[AsyncOAuth2Client]:
        async with self.oauth(scope=scope) as client:
            verifier = generate_token(48)
            back = await self.agree(client, person, verifier)
            await client.fetch_token(TOKEN, authorization_response=back, code_verifier=verifier)
            yield client

    async def agree(self, client: AsyncOAuth2Client, person: httpx.AsyncClient, verifier: str, allow: str = "yes") -> str:
        """Where the browser ends up."""
        url, state = client.create_authorization_url("/oauth/authorize", code_verifier=verifier)
        asked = await person.get(url)
        assert asked.status_code == 200, asked.text
        form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = await person.post("/oauth/authorize", data=form | {"allow": allow})
        assert answer.status_code == 303, answer.text
        back = answer.headers["location"]
        assert parse_qs(urlsplit(back).query)["state"] == [state]
        return str(back)


async def add(world: World, *places: Place, scopes: list[str] = READING, **changes: Any) -> Program:
    admin = await world.person(Role.ADMIN)
    body = {
        "name": "County app", "scopes": scopes, "district_ids": [place.district_id for place in places], "redirect_uris": [BACK],
        **changes,
    }
    answer = await admin.post("/api/v1/clients", json=body)
    assert answer.status_code == 201, answer.text
    created = answer.json()
    return Program(world, created["id"], created["secret"])


async def told(world: World, place: Place, box: EdgeBox | None = None) -> int:
    """A case with a notice."""
    case_id, officer = await world.case(place, box), await world.person(place=place)
    await done(officer, case_id, "confirm", "issue")
    return case_id


class TestClientCredentials:
    async def test_reads_what_lies_in_its_places(self, any_world: World):
        here, elsewhere = await any_world.place("Here"), await any_world.place("Elsewhere")
        mine, theirs = await told(any_world, here), await told(any_world, elsewhere)
        program = await add(any_world, here)
        async with program.by_itself() as client:
            assert client.token["token_type"] == "Bearer"
            assert client.token["expires_in"] == 3600
            assert "refresh_token" not in client.token
            assert [case["id"] for case in (await client.get("/api/v1/cases")).json()["items"]] == [mine]
            assert (await client.get(f"/api/v1/cases/{theirs}")).status_code == 404
            assert [shop["id"] for shop in (await client.get("/api/v1/shops")).json()["items"]] == [here.shop_id]
            assert (await client.get(f"/api/v1/shops/{elsewhere.shop_id}")).status_code == 404
            assert [row["id"] for row in (await client.get("/api/v1/districts")).json()["items"]] == [here.district_id]

    async def test_a_platform_gets_the_badges_of_its_shops(self, world: World):
        here = await world.place("Here", credit_code="91510104MA6CA0000H")
        await world.place("Elsewhere", credit_code="91510104MA6CA0000E")
        program = await add(world, here, scopes=["shops:read"])
        async with program.by_itself() as client:
            badge = await client.get("/api/v1/badges/91510104MA6CA0000H")
            assert (badge.status_code, badge.json()["status"]) == (200, "pending")
            assert (await client.get(f"/api/v1/shops/{here.shop_id}/status")).json()["status"] == "pending"
            assert (await client.get("/api/v1/badges/91510104MA6CA0000E")).status_code == 404

    async def test_bound_to_single_shops(self, world: World):
        places = [await world.place(name) for name in ("A", "B", "C")]
        program = await add(world, shop_ids=[place.shop_id for place in places[:2]])
        async with program.by_itself() as client:
            shops = (await client.get("/api/v1/shops")).json()["items"]
        assert {shop["id"] for shop in shops} == {place.shop_id for place in places[:2]}

    async def test_one_from_outside_hears_of_a_case_from_its_notice_on(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        clue, notice = await world.case(place, box), await told(world, place, box)
        for is_authority, seen in ((False, [notice]), (True, [notice, clue])):
            program = await add(world, place, is_authority=is_authority)
            async with program.by_itself() as client:
                assert [case["id"] for case in (await client.get("/api/v1/cases")).json()["items"]] == seen
                contacts = (await client.get(f"/api/v1/shops/{place.shop_id}")).json()["contacts"]
                assert bool(contacts) is is_authority

    async def test_sees_no_face_and_does_not_act(self, world: World):
        place = await world.place()
        case_id = await told(world, place)
        program = await add(world, place, scopes=ACTING, is_authority=True)
        async with program.by_itself() as client:
            evidence = (await client.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]
            assert evidence["files"] == {}
            base = f"/api/v1/evidence/{evidence['violation_id']}"
            assert (await client.get(f"{base}/blurred.jpg")).status_code == 200
            assert (await client.get(f"{base}/original.jpg", params={"reason": "Please."})).status_code == 403
            headers = {"If-Match": '"3"', "Idempotency-Key": "1"}
            refused = await client.post(f"/api/v1/cases/{case_id}/extend", json={}, headers=headers)
            assert (refused.status_code, problem_code(refused)) == (403, "insufficient-scope")
            with pytest.raises(OAuthError, match="invalid_scope"):
                await client.fetch_token(TOKEN, grant_type="client_credentials", scope="cases:act")

    async def test_is_told_no_address_of_a_camera(self, world: World):
        place = await world.place(password="secret")
        async with (await add(world, place)).by_itself() as client:
            (camera,) = (await client.get("/api/v1/cameras")).json()["items"]
        assert (camera["url"], camera["username"]) == (None, None)

    async def test_of_a_scope_that_it_has_not(self, world: World):
        program = await add(world, await world.place(), scopes=["shops:read"])
        async with program.by_itself() as client:
            assert client.token["scope"] == "shops:read"
            answer = await client.get("/api/v1/cases")
        assert (answer.status_code, problem_code(answer)) == (403, "insufficient-scope")
        assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="cases:read"'

    async def test_opens_only_what_the_table_names(self, world: World):
        program = await add(world, await world.place(), scopes=[*Scope])
        async with program.by_itself() as client:
            for path in ("audit", "targets", "deliveries", "edges", "clients", "citations"):
                answer = await client.get(f"/api/v1/{path}")
                assert (answer.status_code, problem_code(answer)) == (403, "insufficient-scope"), path
            assert (await client.get("/cases", follow_redirects=False)).status_code == 401
            me = (await client.get("/api/v1/me")).json()
        assert (me["name"], me["role"]) == ("County app", None)


class TestAuthorizationCode:
    async def test_acts_as_the_person_and_stands_in_the_audit_with_both(self, any_world: World):
        place = await any_world.place()
        case_id, officer = await any_world.case(place), await any_world.person(place=place)
        program = await add(any_world, place, scopes=ACTING)
        async with program.for_person(officer) as client:
            me = (await client.get("/api/v1/me")).json()
            assert (me["name"], me["role"]) == ("officer person", "officer")
            answer = await client.post(
                f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"', "Idempotency-Key": "confirm"}
            )
        assert answer.json()["transitions"][-1]["actor_name"] == "officer person"
        auditor = await any_world.person(Role.AUDITOR)
        (entry,) = (await auditor.get("/api/v1/audit", params={"action": "case.confirm"})).json()["items"]
        assert entry["actor_name"] == "officer person"
        assert entry["detail"] == {"client": "County app", "client_id": program.id}
        (agreed,) = (await auditor.get("/api/v1/audit", params={"action": "client.agreed"})).json()["items"]
        assert (agreed["actor_name"], agreed["object_id"]) == ("officer person", program.id)

    async def test_a_face_is_seen_for_a_reason_only(self, world: World):
        place = await world.place()
        case_id, officer = await world.case(place), await world.person(place=place)
        program = await add(world, place, scopes=ACTING)
        async with program.for_person(officer) as client:
            violation = (await client.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]["violation_id"]
            path = f"/api/v1/evidence/{violation}/original.jpg"
            # In the console an officer who judges the case needs none.
            assert (await officer.get(path)).status_code == 200
            refused = await client.get(path)
            assert (refused.status_code, problem_code(refused)) == (422, "reason-needed")
            assert (await client.get(path, params={"reason": "Complaint 12315-7"})).status_code == 200
        auditor = await world.person(Role.AUDITOR)
        looks = (await auditor.get("/api/v1/audit", params={"action": "evidence.read"})).json()["items"]
        assert (looks[0]["reason"], looks[0]["detail"]["client"]) == ("Complaint 12315-7", "County app")

    async def test_can_do_no_more_than_the_person(self, world: World):
        place = await world.place()
        clue = await world.case(place)
        program = await add(world, place, scopes=ACTING, is_authority=True)
        async with program.for_person(await world.person(Role.STORE_OWNER, place=place)) as client:
            assert (await client.get("/api/v1/cases")).json()["items"] == []
            headers = {"If-Match": '"1"', "Idempotency-Key": "1"}
            assert (await client.post(f"/api/v1/cases/{clue}/confirm", json={}, headers=headers)).status_code == 404

    async def test_sees_no_more_than_the_client(self, world: World):
        here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
        await world.case(elsewhere)
        program = await add(world, here)
        async with program.for_person(await world.person(), " ".join(READING)) as client:
            assert (await client.get("/api/v1/cases")).json()["items"] == []
            assert [shop["id"] for shop in (await client.get("/api/v1/shops")).json()["items"]] == [here.shop_id]

    async def test_refused_by_the_person(self, world: World):
        program, officer = await add(world, await world.place(), scopes=ACTING), await world.person()
        async with program.oauth(scope="cases:act") as client:
            back = await program.agree(client, officer, generate_token(48), allow="no")
        assert parse_qs(urlsplit(back).query)["error"] == ["access_denied"]

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"response_type": "token"}, "unsupported_response_type"), ({"code_challenge": ""}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"), ({"scope": "cases:act"}, "invalid_scope"),
            ({"scope": "everything"}, "invalid_scope"),
        ],
    )
    async def test_what_is_wrong_is_told_to_the_client(self, world: World, wrong: dict[str, str], error: str):
        program, officer = await add(world, await world.place()), await world.person()
        asked = {
            "response_type": "code", "client_id": program.id, "redirect_uri": BACK, "scope": "cases:read", "state": "s",
            "code_challenge": "a" * 43, "code_challenge_method": "S256",
        }
        for answer in (
            await officer.get("/oauth/authorize", params=asked | wrong),
            await officer.post("/oauth/authorize", data=asked | wrong | {"allow": "yes"}),
        ):
            assert answer.headers["location"].startswith(f"{BACK}?")
            told = parse_qs(urlsplit(answer.headers["location"]).query)
            assert (told["error"], told["state"]) == ([error], ["s"])

    @pytest.mark.parametrize("wrong", [{"client_id": "x"}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": ""}])
    async def test_nobody_is_sent_to_an_address_that_is_not_registered(self, world: World, wrong: dict[str, str]):
        program, officer = await add(world, await world.place()), await world.person()
        asked = {"response_type": "code", "client_id": program.id, "redirect_uri": BACK} | wrong
        for answer in (
            await officer.get("/oauth/authorize", params=asked), await officer.post("/oauth/authorize", data=asked),
        ):
            assert (answer.status_code, problem_code(answer)) == (422, "wrong-client")

    async def test_guessing_at_its_sign_in_is_slowed_down(self, world: World):
        program, browser = await add(world, await world.place()), world.client(headers={"Accept": "text/html"})
        async with program.oauth(scope="cases:read") as client:
            url, _ = client.create_authorization_url("/oauth/authorize", code_verifier=generate_token(48))
        sign_in = (await browser.get(url)).headers["location"]
        assert sign_in.startswith("/login?next=")
        asked = {"username": "wang", "password": "wrong", "next": parse_qs(urlsplit(sign_in).query)["next"][0]}
        answers = [await browser.post("/login", data=asked) for _ in range(FREE_FAILURES + 1)]
        assert [answer.status_code for answer in answers] == [*[401] * FREE_FAILURES, 429]
        assert int(answers[-1].headers["retry-after"]) > 0

    async def test_answers_of_one_person_are_limited(self, world: World):
        world.centre.settings.consents_per_minute = 2
        world.centre.clock = lambda: datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
        program, officer, other = await add(world, await world.place()), await world.person(), await world.person()
        asked = {"response_type": "code", "client_id": program.id, "redirect_uri": BACK, "scope": "cases:read"}
        async with program.oauth(scope="cases:read") as client:
            url, _ = client.create_authorization_url("/oauth/authorize", code_verifier=generate_token(48))
        form = asked | {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answers = [await officer.post("/oauth/authorize", data=form | {"allow": allow}) for allow in ("yes", "no", "yes")]
        assert [answer.status_code for answer in answers] == [303, 303, 429]
        assert [answer.headers["ratelimit"] for answer in answers[:2]] == ['"person";r=1;t=30', '"person";r=0;t=60']
        assert (problem_code(answers[2]), answers[2].headers["retry-after"]) == ("rate-limited", "30")
        assert (await other.post("/oauth/authorize", data=form | {"allow": "yes"})).status_code == 303
        world.centre.clock = lambda: datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC)
        assert (await officer.post("/oauth/authorize", data=form | {"allow": "yes"})).status_code == 303

    async def test_the_page_may_send_its_form_back_to_the_program(self, world: World):
        program, officer = await add(world, await world.place()), await world.person()
        async with program.oauth(scope="cases:read") as client:
            url, _ = client.create_authorization_url("/oauth/authorize", code_verifier=generate_token(48))
        policy = (await officer.get(url)).headers["content-security-policy"]
        assert "form-action 'self' https://app.example.org;" in policy


class TestToken:
    async def code(self, program: Program, verifier: str) -> str:
        person = await program.world.person()
        async with program.oauth(scope="cases:read") as client:
            back = await program.agree(client, person, verifier)
        return parse_qs(urlsplit(back).query)["code"][0]

    async def ask(self, program: Program, secret: str | None = None, **form: str) -> httpx.Response:
        client = program.world.client(auth=(program.id, secret or program.secret))
        return await client.post("/api/v1/oauth/token", data=form)

    async def test_a_code_works_once_and_then_ends_what_came_of_it(self, world: World):
        program, verifier = await add(world, await world.place()), generate_token(48)
        form = {
            "grant_type": "authorization_code", "code": await self.code(program, verifier), "redirect_uri": BACK,
            "code_verifier": verifier,
        }
        first = (await self.ask(program, **form)).json()
        bearer = {"Authorization": f"Bearer {first['access_token']}"}
        assert (await world.client(headers=bearer).get("/api/v1/cases")).status_code == 200
        again = await self.ask(program, **form)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        ended = await world.client(headers=bearer).get("/api/v1/cases")
        assert (ended.status_code, problem_code(ended)) == (401, "invalid-token")

    @pytest.mark.parametrize("wrong", [{"code_verifier": "b" * 43}, {"redirect_uri": "https://app.example.org/"}, {"code": "x"}])
    async def test_a_code_with_something_else(self, world: World, wrong: dict[str, str]):
        program, verifier = await add(world, await world.place()), "a" * 43
        form = {"code": await self.code(program, verifier), "redirect_uri": BACK, "code_verifier": verifier} | wrong
        answer = await self.ask(program, grant_type="authorization_code", **form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

    async def test_a_code_of_another_client(self, world: World):
        place = await world.place()
        program, other = await add(world, place), await add(world, place)
        form = {"code": await self.code(program, "a" * 43), "redirect_uri": BACK, "code_verifier": "a" * 43}
        answer = await self.ask(other, grant_type="authorization_code", **form)
        assert answer.json()["error"] == "invalid_grant"

    async def test_a_code_that_is_too_old(self, world: World):
        program = await add(world, await world.place())
        form = {"code": await self.code(program, "a" * 43), "redirect_uri": BACK, "code_verifier": "a" * 43}
        world.centre.clock = lambda: datetime.now(UTC) + timedelta(seconds=61)
        answer = await self.ask(program, grant_type="authorization_code", **form)
        assert answer.json()["error"] == "invalid_grant"

    async def test_a_refresh_token_works_once(self, world: World):
        program = await add(world, await world.place())
        async with program.for_person(await world.person(), "cases:read shops:read") as client:
            first = dict(client.token)
            await client.refresh_token(TOKEN)
            second = dict(client.token)
            assert (await client.get("/api/v1/cases")).status_code == 200
            less = await self.ask(program, grant_type="refresh_token", refresh_token=second["refresh_token"], scope="cases:read")
            assert less.json()["scope"] == "cases:read"
            again = await self.ask(program, grant_type="refresh_token", refresh_token=less.json()["refresh_token"])
            assert again.json()["scope"] == "cases:read shops:read"
            reused = await self.ask(program, grant_type="refresh_token", refresh_token=first["refresh_token"])
            assert reused.json()["error"] == "invalid_grant"
            assert (await client.get("/api/v1/cases")).status_code == 401
        auditor = await world.person(Role.AUDITOR)
        assert (await auditor.get("/api/v1/audit", params={"action": "client.token_reused"})).json()["items"]

    async def test_a_refresh_whose_answer_was_lost_is_repeated_within_a_minute(self, any_world: World):
        program, at = await add(any_world, await any_world.place()), datetime.now(UTC)
        any_world.centre.clock = lambda: at - timedelta(seconds=1)
        async with program.for_person(await any_world.person(), "cases:read") as client:
            form = {"grant_type": "refresh_token", "refresh_token": client.token["refresh_token"]}
        any_world.centre.clock = lambda: at
        lost = (await self.ask(program, **form)).json()
        any_world.centre.clock = lambda: at + timedelta(seconds=59)
        arrived = (await self.ask(program, **form)).json()

        async def status(token: str) -> int:
            return (await any_world.client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/cases")).status_code

        # What was lost opens nothing, should somebody else have got it, and ends nothing.
        assert await status(lost["access_token"]) == 401
        again = form | {"refresh_token": lost["refresh_token"]}
        assert (await self.ask(program, **again)).json()["error"] == "invalid_grant"
        # Once what arrived is used, a second use of the same token is a theft.
        assert await status(arrived["access_token"]) == 200
        assert (await self.ask(program, **form)).json()["error"] == "invalid_grant"
        assert await status(arrived["access_token"]) == 401

    async def test_a_refresh_that_is_repeated_later_ends_all(self, world: World):
        program, at = await add(world, await world.place()), datetime.now(UTC)
        world.centre.clock = lambda: at - timedelta(seconds=1)
        async with program.for_person(await world.person(), "cases:read") as client:
            form = {"grant_type": "refresh_token", "refresh_token": client.token["refresh_token"]}
            world.centre.clock = lambda: at
            await self.ask(program, **form)
            world.centre.clock = lambda: at + timedelta(seconds=61)
            assert (await self.ask(program, **form)).json()["error"] == "invalid_grant"
            assert (await client.get("/api/v1/cases")).status_code == 401

    async def test_more_than_was_agreed_to(self, world: World):
        program = await add(world, await world.place())
        async with program.for_person(await world.person(), "cases:read") as client:
            form = {"grant_type": "refresh_token", "refresh_token": client.token["refresh_token"]}
        assert (await self.ask(program, **form, scope="shops:read")).json()["error"] == "invalid_scope"
        assert (await self.ask(program, **form)).json()["scope"] == "cases:read"  # a mistake does not end the consent

    async def test_lasts_an_hour(self, world: World):
        program = await add(world, await world.place())
        async with program.by_itself() as client:
            bearer = {"Authorization": f"Bearer {client.token['access_token']}"}
        # Also when the client's own clock is wrong: only the centre's counts.
        for passed, status in ((3599, 200), (3600, 401)):
            world.centre.clock = lambda passed=passed: datetime.now(UTC) + timedelta(seconds=passed)  # type: ignore[misc]
            assert (await world.client(headers=bearer).get("/api/v1/cases")).status_code == status
        async with world.centre.database.writing() as work:
            await delete_expired_tokens(work, world.centre.clock())

    async def test_ends_with_the_client(self, world: World):
        program, admin = await add(world, await world.place()), await world.person(Role.ADMIN)
        async with program.by_itself() as client:
            assert (await admin.post(f"/api/v1/clients/{program.id}/revoke")).json()["revoked_at"]
            assert (await client.get("/api/v1/cases")).status_code == 401
        answer = await self.ask(program, grant_type="client_credentials")
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        again = await admin.post(f"/api/v1/clients/{program.id}/rotate")
        assert (again.status_code, problem_code(again)) == (409, "client-revoked")

    @pytest.mark.postgres
    @pytest.mark.parametrize("any_settings", ["postgres"], indirect=True)
    async def test_a_client_is_revoked_while_it_refreshes(self, any_world: World):
        """Neither waits for the other, and what was given out in that moment opens nothing."""
        world, officer = any_world, await any_world.person()
        program = await add(world, await world.place(), scopes=ACTING)
        async with program.for_person(officer) as app:
            token = app.token["refresh_token"]
        at, settings = world.centre.clock(), world.centre.settings
        async with world.centre.database.writing() as slow:
            client = await find_client(slow, program.id)
            assert client is not None
            given = await by_refresh(slow, settings, client, token, "", at, "192.0.2.1")
            async with world.centre.database.writing() as fast:
                await clients.revoke_client(fast, HOUSE, program.id, at)
        async with world.centre.database.reading() as work:
            with pytest.raises(InvalidToken):
                await authenticate(work, given.access_token, "192.0.2.1", at)
        assert (await officer.get("/api/v1/me/grants")).json()["items"] == []

    @pytest.mark.parametrize("for_a_person", [False, True])
    async def test_a_stream_that_is_open_tells_nothing_more(self, any_world: World, for_a_person: bool):
        """Of a program that is revoked, and of a person who lets it in no longer."""
        world, place = any_world, await any_world.place()
        world.centre.settings.stream_s = 5
        box, officer = await world.edge(place), await world.person()
        program = await add(world, place, scopes=ACTING, is_authority=True)
        async with program.for_person(officer) if for_a_person else program.by_itself() as client:
            token = client.token["access_token"]
        async with world.centre.database.reading() as work:
            actor = (await authenticate(work, token, "192.0.2.1", world.centre.clock()))[0]
        stream = follow_events(world.centre, actor, Stand())
        await world.case(place, box)
        await publish_all(world.centre)
        assert "case.opened" in await anext(stream)
        if for_a_person:
            assert (await officer.delete(f"/api/v1/me/grants/{program.id}")).status_code == 204
        else:
            await (await world.person(Role.ADMIN)).post(f"/api/v1/clients/{program.id}/revoke")
        await world.case(place, box)
        await publish_all(world.centre)
        assert [text async for text in stream] == []

    async def test_ends_with_the_password_of_the_person(self, world: World):
        program, officer = await add(world, await world.place()), await world.person()
        async with program.for_person(officer, "cases:read") as client:
            async with world.centre.database.writing() as work:
                (login,) = [user.login for user in await list_users(work, HOUSE) if user.role is Role.OFFICER]
                await reset_password(work, HOUSE, login)
            assert (await client.get("/api/v1/cases")).status_code == 401

    async def test_is_revoked_by_the_client(self, world: World):
        program = await add(world, await world.place())
        async with program.for_person(await world.person(), "cases:read") as client:
            revoke = "https://centre.test/api/v1/oauth/revoke"
            assert (await client.revoke_token(revoke, client.token["refresh_token"])).status_code == 200
            assert (await client.get("/api/v1/cases")).status_code == 401
            assert (await client.revoke_token(revoke, "nonsense")).status_code == 200

    @pytest.mark.postgres
    @pytest.mark.parametrize("any_settings", ["postgres"], indirect=True)
    async def test_of_two_new_secrets_at_once_both_work(self, any_world: World):
        """Each was shown to somebody: the later one has the earlier one before it, not what both of them had read."""
        program, at = await add(any_world, await any_world.place()), datetime.now(UTC)
        database = any_world.centre.database
        async with database.writing() as second:
            known = await clients.get_client(second, HOUSE, program.id)
            async with database.writing() as first:
                _, earlier = await clients.rotate_secret(first, HOUSE, program.id, at)
            client, later = await clients.rotate_secret(second, HOUSE, program.id, at)
            assert client is known
        for secret in (earlier, later):
            assert (await self.ask(program, secret, grant_type="client_credentials")).status_code == 200

    async def test_the_secret_before_works_for_a_day(self, world: World):
        program, admin = await add(world, await world.place()), await world.person(Role.ADMIN)
        new = (await admin.post(f"/api/v1/clients/{program.id}/rotate")).json()["secret"]
        for passed, secret, status in ((0, new, 200), (23, program.secret, 200), (25, program.secret, 401), (25, new, 200)):
            world.centre.clock = lambda passed=passed: datetime.now(UTC) + timedelta(hours=passed)  # type: ignore[misc]
            assert (await self.ask(program, secret, grant_type="client_credentials")).status_code == status, (passed, status)

    async def test_one_that_is_replaced_twice_in_a_day_works_for_its_day(self, any_world: World):
        """Somebody loads the page anew that showed the new one: the program has none of them yet."""
        program, admin = await add(any_world, await any_world.place()), await any_world.person(Role.ADMIN)
        known = [program.secret]
        known += [(await admin.post(f"/api/v1/clients/{program.id}/rotate")).json()["secret"] for _ in range(2)]
        for hours, statuses in ((23, [200, 200, 200]), (25, [401, 401, 200])):
            any_world.centre.clock = lambda hours=hours: datetime.now(UTC) + timedelta(hours=hours)  # type: ignore[misc]
            answers = [await self.ask(program, secret, grant_type="client_credentials") for secret in known]
            assert [answer.status_code for answer in answers] == statuses

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({}, "invalid_request"), ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "authorization_code"}, "invalid_request"), ({"grant_type": "refresh_token"}, "invalid_request"),
            ({"grant_type": "client_credentials", "scope": "everything"}, "invalid_scope"),
        ],
    )
    async def test_errors_in_the_words_of_the_standard(self, world: World, form: dict[str, str], error: str):
        program = await add(world, await world.place())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        client = program.world.client(auth=(program.id, program.secret), headers=headers)
        answer = await client.post("/api/v1/oauth/token", content=str(httpx.QueryParams(form)))
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.headers["cache-control"] == "no-store"

    async def test_a_field_twice_and_another_type(self, world: World):
        client = world.client()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        twice = await client.post("/api/v1/oauth/token", content="grant_type=a&grant_type=b", headers=form)
        typed = await client.post("/api/v1/oauth/token", json={"grant_type": "client_credentials"})
        assert [answer.json()["error"] for answer in (twice, typed)] == ["invalid_request"] * 2

    @pytest.mark.parametrize(
        "authorization", ["Basic !", "Basic " + base64.b64encode(b"nobody:x").decode(), "Bearer x", "Basic " + "gICA"]
    )
    async def test_a_client_that_is_none(self, world: World, authorization: str):
        answer = await world.client().post(
            "/api/v1/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": authorization}
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")

    async def test_a_client_with_a_character_that_no_text_column_holds(self, any_world: World):
        client, form = any_world.client(), {"grant_type": "client_credentials", "client_id": "a\x00", "client_secret": "\x00"}
        answer = await client.post("/api/v1/oauth/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        person = await any_world.person()
        asked = [await person.get("/oauth/authorize", params={"client_id": name}) for name in ("a\x00", "nobody")]
        assert problem_code(asked[0]) == problem_code(asked[1])

    async def test_a_secret_in_the_form(self, world: World):
        program = await add(world, await world.place())
        form = {"grant_type": "client_credentials", "client_id": program.id, "client_secret": program.secret}
        assert (await world.client().post("/api/v1/oauth/token", data=form)).status_code == 200

    async def test_neither_secrets_nor_tokens_are_kept(self, world: World):
        program = await add(world, await world.place())
        async with program.for_person(await world.person(), "cases:read") as client:
            values = (program.secret, client.token["access_token"], client.token["refresh_token"])
        kept = b"".join(path.read_bytes() for path in world.centre.settings.data.glob("sunshine.db*"))
        assert not any(value.encode() in kept for value in values)


class TestGrants:
    """The programs that a person let in."""

    async def test_is_told_and_ends_at_the_next_request(self, any_world: World):
        place = await any_world.place()
        person, program = await any_world.person(place=place), await add(any_world, place, scopes=ACTING)
        async with program.for_person(person, "cases:act cases:read") as client, program.for_person(person) as again:
            (grant,) = (await person.get("/api/v1/me/grants")).json()["items"]
            assert (grant["client_id"], grant["name"], grant["scopes"]) == (program.id, "County app", sorted(ACTING))
            assert (await person.delete(f"/api/v1/me/grants/{program.id}")).status_code == 204
            for ended in (client, again):
                answer = await ended.get("/api/v1/cases")
                assert (answer.status_code, problem_code(answer)) == (401, "invalid-token")
                with pytest.raises(OAuthError, match="invalid_grant"):
                    await ended.refresh_token(TOKEN)
        assert (await person.get("/api/v1/me/grants")).json() == {"items": []}
        assert (await person.delete(f"/api/v1/me/grants/{program.id}")).status_code == 404
        auditor = await any_world.person(Role.AUDITOR)
        (entry,) = (await auditor.get("/api/v1/audit", params={"action": "client.consent_ended"})).json()["items"]
        assert (entry["actor_name"], entry["object_id"]) == ("officer person", program.id)

    async def test_since_when_and_last_used(self, any_world: World):
        begin = datetime.now(UTC).replace(microsecond=0)
        any_world.centre.clock = lambda: begin
        person, program = await any_world.person(), await add(any_world, await any_world.place())
        async with program.for_person(person, "cases:read") as client:
            # Longer than its first refresh token is kept; between the last two uses too little time passes to be noted.
            for passed in (timedelta(days=20), timedelta(days=40), timedelta(days=40, minutes=1)):
                any_world.centre.clock = lambda passed=passed: begin + passed  # type: ignore[misc]
                if passed.seconds == 0:
                    await client.refresh_token(TOKEN)
                assert (await client.get("/api/v1/cases")).status_code == 200
        (grant,) = (await person.get("/api/v1/me/grants")).json()["items"]
        assert datetime.fromisoformat(grant["since"]) == begin
        assert datetime.fromisoformat(grant["last_used_at"]) == begin + timedelta(days=40)

    async def test_ended_while_the_program_asks_for_more(self, any_world: World):
        person, program = await any_world.person(), await add(any_world, await any_world.place())
        async with program.for_person(person, "cases:read") as client:
            async with any_world.centre.database.writing() as work:
                asking = await find_client(work, program.id)
                assert asking is not None
                given = client.token["refresh_token"]
                made = await by_refresh(work, any_world.centre.settings, asking, given, "", datetime.now(UTC), "192.0.2.1")
                ending = asyncio.create_task(person.delete(f"/api/v1/me/grants/{program.id}"))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(ending), 0.3)
            assert (await ending).status_code == 204
        bearer = {"Authorization": f"Bearer {made.access_token}"}
        assert (await any_world.client(headers=bearer).get("/api/v1/cases")).status_code == 401

    async def test_one_that_is_over_is_not_listed(self, world: World):
        person, program = await world.person(), await add(world, await world.place())
        async with program.for_person(person, "cases:read"):
            world.centre.clock = lambda: datetime.now(UTC) + timedelta(days=31)
        assert (await person.get("/api/v1/me/grants")).json() == {"items": []}

    async def test_another_person_s_stays(self, world: World):
        one, other, program = await world.person(), await world.person(), await add(world, await world.place())
        async with program.for_person(one, "cases:read"), program.for_person(other, "cases:read") as stays:
            assert (await one.delete(f"/api/v1/me/grants/{program.id}")).status_code == 204
            assert (await stays.get("/api/v1/cases")).status_code == 200
            assert len((await other.get("/api/v1/me/grants")).json()["items"]) == 1

    async def test_no_token_opens_them(self, world: World):
        person, program = await world.person(), await add(world, await world.place())
        async with program.for_person(person, "cases:read") as client:
            for answer in (await client.get("/api/v1/me/grants"), await client.delete(f"/api/v1/me/grants/{program.id}")):
                assert (answer.status_code, problem_code(answer)) == (403, "insufficient-scope")

    async def test_a_disabled_account_has_none_when_it_is_let_in_again(self, world: World):
        program, person = await add(world, await world.place()), await world.person()
        async with program.for_person(person, "cases:read") as client:
            async with world.centre.database.writing() as work:
                (login,) = [user.login for user in await list_users(work, HOUSE) if user.role is Role.OFFICER]
                for disabled in (True, False):
                    await set_disabled(work, HOUSE, login, disabled)
            assert (await client.get("/api/v1/cases")).status_code == 401
            with pytest.raises(OAuthError, match="invalid_grant"):
                await client.refresh_token(TOKEN)


class TestClients:
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"district_ids": [], "shop_ids": []}, "district_ids"), ({"district_ids": ["x"]}, "district_ids"),
            ({"shop_ids": ["x"]}, "shop_ids"), ({"scopes": ["cases:act"], "redirect_uris": []}, "redirect_uris"),
            ({"redirect_uris": ["http://app.example.org/"]}, "redirect_uris"),
            ({"redirect_uris": ["https://app.example.org/#x"]}, "redirect_uris"),
            ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"), ({"redirect_uris": ["https://a@b/"]}, "redirect_uris"),
            ({"redirect_uris": ["https://a; script-src-elem 'unsafe-inline'; b/"]}, "redirect_uris"),
            ({"redirect_uris": ["https://a/b c"]}, "redirect_uris"),
        ],
    )
    async def test_what_is_wrong_is_said_by_field(self, world: World, wrong: dict[str, Any], field: str):
        admin, place = await world.person(Role.ADMIN), await world.place()
        body = {"name": "App", "scopes": READING, "district_ids": [place.district_id], **wrong}
        answer = await admin.post("/api/v1/clients", json=body)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-client")
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    async def test_an_administrator_of_a_district_gives_nothing_of_another(self, world: World):
        here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
        both = await add(world, here, elsewhere)
        admin = await world.person(Role.ADMIN, place=here)
        answer = await admin.post(
            "/api/v1/clients", json={"name": "App", "scopes": READING, "district_ids": [elsewhere.district_id]}
        )
        assert answer.status_code == 422
        assert (await admin.get("/api/v1/clients")).json()["items"] == []
        assert (await admin.get(f"/api/v1/clients/{both.id}")).status_code == 404

    async def test_is_listed_without_its_secret(self, world: World):
        program, admin = await add(world, await world.place()), await world.person(Role.ADMIN)
        answer = await admin.get("/api/v1/clients")
        assert [item["id"] for item in answer.json()["items"]] == [program.id]
        assert "secret" not in answer.json()["items"][0]


class TestRateLimit:
    async def test_what_is_misspelt_counts_too(self, world: World):
        world.centre.settings.client_requests_per_minute = 2
        program = await add(world, await world.place())
        async with program.by_itself() as client:
            answers = [await client.get("/api/v1/cases", params={"stat": "issued"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert all("RateLimit" in answer.headers for answer in answers)

    async def test_headers_say_how_much_is_left(self, world: World):
        world.centre.settings.client_requests_per_minute = 3
        world.centre.clock = lambda: datetime(2026, 11, 26, 12, 0, 50, tzinfo=UTC)
        program = await add(world, await world.place())
        async with program.by_itself() as client, (await add(world, await world.place())).by_itself() as other:
            answers = [await client.get("/api/v1/cases") for _ in range(3)]
            left = ['"client";r=2;t=20', '"client";r=1;t=40', '"client";r=0;t=60']
            assert [answer.headers["ratelimit"] for answer in answers] == left
            assert answers[0].headers["ratelimit-policy"] == '"client";q=3;w=60'
            refused = await client.get("/api/v1/cases")
            assert (refused.status_code, problem_code(refused)) == (429, "rate-limited")
            assert (refused.headers["retry-after"], refused.headers["ratelimit"]) == ("20", '"client";r=0;t=60')
            assert (await other.get("/api/v1/cases")).status_code == 200
            world.centre.clock = lambda: datetime(2026, 11, 26, 12, 1, 10, tzinfo=UTC)
            answers = [await client.get("/api/v1/cases") for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 429]


class TestTokenRateLimit:
    AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

    @pytest.fixture
    async def program(self, world: World) -> Program:
        world.centre.clock = lambda: self.AT
        return await add(world, await world.place())

    async def ask(
        self, program: Program, address: str = "198.51.100.1", secret: str | None = None, path: str = "token", **form: str
    ) -> httpx.Response:
        transport = httpx.ASGITransport(program.world.app, client=(address, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="https://centre.test") as client:
            auth = (program.id, secret or program.secret)
            return await client.post(f"/api/v1/oauth/{path}", data={"grant_type": "client_credentials"} | form, auth=auth)

    async def test_of_an_address(self, world: World, program: Program):
        world.centre.settings.token_requests_per_minute = 2
        other = await add(world, await world.place())
        first, second = await self.ask(program), await self.ask(other)
        assert first.headers["ratelimit-policy"] == '"address";q=2;w=60, "client";q=2;w=60'
        assert first.headers["ratelimit"] == '"address";r=1;t=30, "client";r=1;t=30'
        assert second.headers["ratelimit"] == '"address";r=0;t=60, "client";r=1;t=30'
        for path in ("token", "revoke"):
            refused = await self.ask(program, path=path)
            assert (refused.status_code, refused.json()["error"]) == (429, "slow_down")
            assert (refused.headers["retry-after"], refused.headers["ratelimit"]) == ("30", '"address";r=0;t=60')
            assert refused.headers["cache-control"] == "no-store"
        world.centre.clock = lambda: self.AT + timedelta(seconds=30)
        assert [(await self.ask(program)).status_code for _ in range(2)] == [200, 429]

    async def test_of_a_client_wherever_it_asks_from(self, world: World, program: Program):
        world.centre.settings.token_requests_per_minute = 2
        answers = [await self.ask(program, f"198.51.100.{number}") for number in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["error"] == "slow_down"
        assert answers[2].headers["ratelimit"] == '"client";r=0;t=60'
        other = await add(world, await world.place())
        assert (await self.ask(other, "198.51.100.9")).status_code == 200

    async def test_a_wrong_secret_counts_ten_times_and_locks_out_nobody_elsewhere(self, world: World, program: Program):
        wrong = [await self.ask(program, secret="wrong") for _ in range(12)]
        assert {answer.status_code for answer in wrong} == {401}
        assert [answer.headers["ratelimit"] for answer in wrong[:2]] == ['"address";r=110;t=5', '"address";r=100;t=10']
        assert (await self.ask(program)).status_code == 429
        assert (await self.ask(program, "198.51.100.2")).status_code == 200
        # From now on one in five seconds.
        world.centre.clock = lambda: self.AT + timedelta(seconds=1)
        assert (await self.ask(program, secret="wrong")).status_code == 401
        refused = await self.ask(program)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")

    async def test_a_network_of_one_customer_is_one_address(self, world: World, program: Program):
        world.centre.settings.token_requests_per_minute = 1
        addresses = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
        answers = [await self.ask(program, address, secret="wrong") for address in addresses]
        assert [answer.status_code for answer in answers] == [401, 429, 401]

    def test_a_clock_that_is_set_back_locks_nobody_out(self):
        limiter = Limiter("client", 1)
        limiter.take("x", self.AT)
        limiter.take("x", self.AT - timedelta(days=1))

    def test_a_debt_is_paid_within_two_windows(self):
        limiter = Limiter("client", 1)
        limiter.charge("x", self.AT, 100)
        with pytest.raises(RateLimited) as refused:
            limiter.take("x", self.AT)
        assert refused.value.retry_after_s == 120
        limiter.take("x", self.AT + timedelta(seconds=120))

    def test_who_has_not_asked_for_long_is_forgotten(self):
        limiter = Limiter("client", 1)
        for minutes in range(0, 10, 2):
            limiter.take(str(minutes), self.AT + timedelta(minutes=minutes))
        assert len(limiter._full_at) == 1


async def test_the_server_describes_itself(world: World):
    told = (await world.client().get("/.well-known/oauth-authorization-server")).json()
    assert told["token_endpoint"].endswith("/api/v1/oauth/token")
    assert told["code_challenge_methods_supported"] == ["S256"]
