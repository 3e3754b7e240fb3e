"""Signing in with an identity provider: against a real OpenID Connect server on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.accounts.service import create_user, set_disabled
from tests.api.world import HOUSE, World
from tests.ports import hold_port

BACK = "http://centre.test/login/oidc/back"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with hold_port() as holder:
        port = holder.getsockname()[1]
        people = [json.dumps({"sub": sub, "preferred_username": name}) for sub, name in (("42", "zhang"), ("43", "li"))]
        options = [option for person in people for option in ("--user-claims", person)]
        command = [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", str(port), *options]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 120
            while not _answers(url):
                assert server.poll() is None
                assert time.monotonic() < deadline
            yield url
        finally:
            server.terminate()
            server.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration", timeout=1, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
async def centre(world: World, provider: str) -> World:
    settings = world.centre.settings
    async with httpx.AsyncClient(trust_env=False) as there:
        registered = (await there.post(f"{provider}/oauth2/clients", json={"redirect_uris": [BACK]})).json()
    settings.oidc_issuer, settings.oidc_client_id = provider, registered["client_id"]
    settings.oidc_client_secret = SecretStr(registered["client_secret"])
    world.centre.public_url = "http://centre.test"
    async with world.centre.database.writing() as work:
        await create_user(work, HOUSE, login="zhang", name="Zhang", role=Role.OFFICER)
    return world


async def go(browser: httpx.AsyncClient, subject: str | None, next: str = "/cases") -> str:
    """Where the provider leads back to, after somebody has signed in there (or, with None, has refused)."""
    begun = await browser.get("/login/oidc", params={"next": next})
    assert begun.status_code == 303, begun.text
    form = {"action": "deny"} if subject is None else {"sub": subject}
    async with httpx.AsyncClient(trust_env=False) as there:
        answer = await there.post(begun.headers["location"], data=form)
    assert answer.status_code == 302, answer.text
    back: str = answer.headers["location"]
    assert back.startswith(BACK)
    return back


async def test_who_has_an_account_is_signed_in(centre: World):
    browser = centre.client(headers={"Accept": "text/html"})
    assert "/login/oidc" in (await browser.get("/login")).text
    answer = await browser.get(await go(browser, "42"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    assert (await browser.get("/api/v1/me")).json()["name"] == "Zhang"


async def test_the_request_is_bound_to_this_sign_in(centre: World):
    begun = await centre.client().get("/login/oidc")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 32 for name in ("state", "nonce", "code_challenge"))


async def test_the_account_is_bound_to_the_person_not_to_the_name(centre: World):
    """Somebody who takes over the name at the provider is not let in."""
    first = centre.client(headers={"Accept": "text/html"})
    await first.get(await go(first, "42"))
    centre.centre.settings.oidc_login_claim = "sub"
    async with centre.centre.database.writing() as work:
        await create_user(work, HOUSE, login="43", name="Li", role=Role.OFFICER)
    second = centre.client(headers={"Accept": "text/html"})
    await second.get(await go(second, "43"))
    assert (await second.get("/api/v1/me")).json()["name"] == "Li"
    again = centre.client(headers={"Accept": "text/html"})
    await again.get(await go(again, "42"))
    assert (await again.get("/api/v1/me")).json()["name"] == "Zhang"


async def test_who_has_no_account_is_told_what_to_do(centre: World):
    browser = centre.client(headers={"Accept": "text/html", "Accept-Language": "en"})
    answer = await browser.get(await go(browser, "43"))
    assert (answer.status_code, "Ask an administrator to invite you" in answer.text) == (401, True)
    assert COOKIE not in browser.cookies


async def test_a_disabled_account(centre: World):
    async with centre.centre.database.writing() as work:
        await set_disabled(work, HOUSE, "zhang", True)
    browser = centre.client(headers={"Accept": "text/html"})
    assert (await browser.get(await go(browser, "42"))).status_code == 401


async def test_cancelled_there(centre: World):
    browser = centre.client(headers={"Accept": "text/html", "Accept-Language": "en"})
    answer = await browser.get(await go(browser, None))
    assert (answer.status_code, "did not work" in answer.text) == (401, True)


async def test_an_answer_meant_for_another_browser(centre: World):
    """Whoever is made to open somebody else's way back is not signed in as them."""
    attacker, victim = (centre.client(headers={"Accept": "text/html"}) for _ in range(2))
    back = await go(attacker, "42")
    assert (await victim.get(back)).status_code == 401
    await go(victim, "43")
    assert (await victim.get(back)).status_code == 401
    assert COOKIE not in victim.cookies


async def test_a_code_is_good_once(centre: World):
    browser = centre.client(headers={"Accept": "text/html"})
    back = await go(browser, "42")
    kept = dict(browser.cookies)
    assert (await browser.get(back)).status_code == 303
    again = centre.client(headers={"Accept": "text/html"}, cookies=kept)
    assert (await again.get(back)).status_code == 401


async def test_another_provider_s_token(centre: World, provider: str, monkeypatch: pytest.MonkeyPatch):
    """What calls itself something else than the settings say."""
    centre.centre.settings.oidc_issuer = provider.replace("127.0.0.1", "localhost")
    monkeypatch.setattr("api.accounts.oidc.Provider._discover", _as_it_is(provider))
    browser = centre.client(headers={"Accept": "text/html"})
    assert (await browser.get(await go(browser, "42"))).status_code == 401


def _as_it_is(provider: str):
    async def discover(self, client):
        return await self._json(client.get(f"{provider}/.well-known/openid-configuration"))

    return discover


async def test_a_provider_that_is_away(centre: World):
    centre.centre.settings.oidc_issuer = "http://127.0.0.1:1"
    answer = await centre.client(headers={"Accept": "text/html", "Accept-Language": "en"}).get("/login/oidc")
    assert (answer.status_code, "sign in with a password" in answer.text) == (401, True)


@pytest.mark.parametrize("next", ["//evil.example/", "https://evil.example/"])
async def test_it_never_leads_to_another_site(centre: World, next: str):
    browser = centre.client(headers={"Accept": "text/html"})
    assert (await browser.get(await go(browser, "42", next))).headers["location"] == "/"
