import httpx
import pytest

from tests.api.console.kitchen import PASSWORD, Kitchen, hand_in, sign_in


async def test_anonymous_is_led_to_the_sign_in_and_back(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    answer = await browser.get("/cases?state=all")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fcases%3Fstate%3Dall")
    form = await browser.get(answer.headers["location"])
    assert 'name="next" value="/cases?state=all"' in form.text
    answer = await browser.post("/login", data={"username": "reviewer", "password": PASSWORD, "next": "/cases?state=all"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases?state=all")


@pytest.mark.parametrize("path", ["/cases", "/wall"])
async def test_a_browser_of_two_engines_takes_the_modern_one(browser: httpx.AsyncClient, path: str) -> None:
    await sign_in(browser, "chief")
    assert '<meta name="renderer" content="webkit">' in (await browser.get(path)).text


@pytest.mark.parametrize("path", ["/cases", "/cases/1", "/cases/list", "/cases/1/thumbnail.jpg", "/cameras", "/cameras/list"])
async def test_nothing_is_open_to_anonymous(browser: httpx.AsyncClient, kitchen: Kitchen, path: str) -> None:
    await hand_in(browser, kitchen)
    answer = await browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")


async def test_wrong_password_is_said_in_words_and_never_shown(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/login", data={"username": "reviewer", "password": "secret-typing-error"})
    assert answer.status_code == 401
    assert "用户名或密码不对" in answer.text
    assert 'value="reviewer"' in answer.text
    assert "secret-typing-error" not in answer.text


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", ""])
async def test_sign_in_never_leads_to_another_site(browser: httpx.AsyncClient, elsewhere: str) -> None:
    answer = await browser.post("/login", data={"username": "reviewer", "password": PASSWORD, "next": elsewhere})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_sign_out_ends_the_session(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "reviewer")
    assert (await browser.get("/cases")).status_code == 200
    answer = await browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert (await browser.get("/cases")).status_code == 303


async def test_sign_out_from_another_site_is_refused(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "reviewer")
    answer = await browser.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert (await browser.get("/cases")).status_code == 200


@pytest.mark.parametrize(
    ("login", "first"), [("reviewer", "/review"), ("store", "/cases"), ("installer", "/cameras"), ("auditor", "/audit")]
)
async def test_start_leads_to_the_first_page_of_the_role(browser: httpx.AsyncClient, login: str, first: str) -> None:
    await sign_in(browser, login)
    answer = await browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, first)


@pytest.mark.parametrize(
    ("address", "headers", "cookies", "language"),
    [
        ("/login", {"Accept-Language": ""}, {}, "zh-CN"),
        ("/login", {"Accept-Language": "de,en;q=0.7,zh;q=0.3"}, {}, "en"),
        ("/login", {"Accept-Language": "en-GB"}, {"sunshine_language": "zh-CN"}, "zh-CN"),
        ("/login?lang=en", {"Accept-Language": "zh-CN"}, {"sunshine_language": "zh-CN"}, "en"),
        ("/login?lang=tlh", {"Accept-Language": "zh-TW"}, {}, "zh-CN"),
    ],
)
async def test_language(
    browser: httpx.AsyncClient, address: str, headers: dict[str, str], cookies: dict[str, str], language: str
) -> None:
    browser.cookies.update(cookies)
    answer = await browser.get(address, headers=headers)
    assert f'<html lang="{language}">' in answer.text


async def test_chosen_language_is_kept(browser: httpx.AsyncClient) -> None:
    await browser.get("/login?lang=en")
    assert '<html lang="en">' in (await browser.get("/login")).text


async def test_language_switch_stays_on_this_site(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("//evil.example/x")
    assert answer.status_code == 404
    assert "evil.example" not in answer.text
