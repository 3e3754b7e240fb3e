import re

import httpx
import pytest

from tests.api.console.kitchen import Kitchen, sign_in
from tests.api.console.test_answer_pages import issued

CLIENT = {
    "name": "<县局APP>", "scopes": ["cases:read", "cases:act"], "places": ["district:district-1"],
    "redirect_uris": "https://app.example.org/back\nhttps://app.example.org/other",
}


@pytest.fixture
async def admin(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    await sign_in(browser, "admin")
    return browser


async def add(browser: httpx.AsyncClient) -> str:
    """The address of the new client's page."""
    answer = await browser.post("/clients/new", data=CLIENT)
    found = re.search(r'action="(/clients/\w+)/rotate"', answer.text)
    assert found is not None, answer.text
    return found[1]


def secret_of(page: str) -> str:
    found = re.search(r"client_secret</code></dt><dd><code>([\w-]{43})<", page)
    assert found is not None, page
    return found[1]


async def test_the_secret_is_shown_once(admin: httpx.AsyncClient) -> None:
    assert "还没有程序" in (await admin.get("/clients")).text
    answer = await admin.post("/clients/new", data=CLIENT)
    secret_of(answer.text)
    assert "&lt;县局APP&gt;" in answer.text
    address = await add(admin)
    page = (await admin.get(address)).text
    assert "client_secret" not in page
    assert "https://app.example.org/other" in page
    assert "城东所" in page
    rotated = (await admin.post(f"{address}/rotate")).text
    secret_of(rotated)
    assert "旧密钥仍然有效" in rotated


async def test_one_that_is_revoked_can_do_nothing_more(admin: httpx.AsyncClient) -> None:
    address = await add(admin)
    page = (await admin.post(f"{address}/revoke", follow_redirects=True)).text
    assert "已撤销" in page
    assert "/rotate" not in page
    assert "已撤销" in (await admin.get("/clients")).text


async def add_webhook(admin: httpx.AsyncClient, address: str) -> str:
    """Of the program; its own address."""
    form = {
        "name": "Hook", "channel": "webhook", "audience": "partner", "place": "district:district-1", "url": "https://example.org/h",
        "events": ["case.issued"], "enabled": "yes", "client_id": address.rpartition("/")[2],
    }
    added = (await admin.post("/targets/new", data=form)).text
    found = re.search(r'action="(/targets/\w+)/test"', added)
    assert found is not None, added
    assert f'href="{address}"' in added
    return found[1]


async def test_its_webhooks_end_with_it(admin: httpx.AsyncClient) -> None:
    address = await add(admin)
    target = await add_webhook(admin, address)
    assert f'href="{target}"' in (await admin.get(address)).text
    await admin.post(f"{address}/revoke")
    ended = (await admin.get(target)).text
    assert "已被撤销" in ended
    assert re.findall('<form .*action="(.*?)"', ended.partition("<main")[2]) == [f"{target}/delete"]


async def test_a_used_target_of_a_revoked_program_is_not_to_be_switched_off(
    admin: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    """There is no switch on its page any more."""
    address = await add(admin)
    target = await add_webhook(admin, address)
    await issued(admin, kitchen)
    await sign_in(admin, "admin")
    await admin.post(f"{address}/revoke")
    refused = await admin.post(f"{target}/delete")
    assert (refused.status_code, "暂时不能删除" in refused.text, "请停用它" in refused.text) == (409, True, False)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"), ({"scopes": []}, "scopes"), ({"places": []}, "places"), ({"places": ["shop:nowhere"]}, "places"),
        ({"redirect_uris": ""}, "redirect_uris"), ({"redirect_uris": "http://app.example.org/"}, "redirect_uris"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(admin: httpx.AsyncClient, wrong: dict[str, object], field: str) -> None:
    answer = await admin.post("/clients/new", data={**CLIENT, **wrong})
    assert answer.status_code == 422
    assert f'id="{field}-wrong"' in answer.text


async def test_only_for_administrators(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "officer")
    assert (await browser.get("/clients")).status_code == 403
    assert "其他系统" not in (await browser.get("/cases")).text


async def test_who_is_not_signed_in_comes_back_to_the_question(browser: httpx.AsyncClient) -> None:
    asked = "/oauth/authorize?client_id=x&state=a%26b"
    answer = await browser.get(asked)
    assert answer.status_code == 303
    assert httpx.URL(answer.headers["location"]).params["next"] == asked


async def test_the_question_says_who_asks_and_for_what(admin: httpx.AsyncClient) -> None:
    address = await add(admin)
    asked = {
        "response_type": "code", "client_id": address.rpartition("/")[2], "redirect_uri": "https://app.example.org/back",
        "scope": "cases:act", "code_challenge": "a" * 43, "code_challenge_method": "S256",
    }
    page = (await admin.get("/oauth/authorize", params=asked)).text
    assert "允许“&lt;县局APP&gt;”访问？" in page
    assert "经本人同意，以其名义处理案件" in page
    assert "app.example.org" in page
    unknown = await admin.get("/oauth/authorize", params=asked | {"redirect_uri": "https://evil.example/"})
    assert unknown.status_code == 422
    assert "未知的程序" in unknown.text
