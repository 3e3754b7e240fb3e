import ast
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.console.audit_words import ACTIONS, DETAILS, OBJECTS, detail_words
from api.console.i18n import Language
from api.console.speech import Speaker
from api.kit.times import now
from tests.api.console.kitchen import Kitchen, hand_in, sign_in

API = Path(__file__).parents[3] / "api"


@pytest.fixture
async def case_id(browser: httpx.AsyncClient, kitchen: Kitchen) -> int:
    """A case that an officer has dismissed."""
    case_id = await hand_in(browser, kitchen)
    await sign_in(browser, "officer")
    note = {"version": "1", "reason": "other", "note": "是个<b>玩偶</b>"}
    assert (await browser.post(f"/cases/{case_id}/dismiss", data=note)).status_code == 303
    await sign_in(browser, "auditor")
    return case_id


async def test_says_in_words_who_did_what_and_why(browser: httpx.AsyncClient, case_id: int) -> None:
    page = (await browser.get("/audit")).text
    for words in ("officer 张", "198.51.100.4", f"案件 {case_id}", "是个&lt;b&gt;玩偶&lt;/b&gt;", "事由：其他原因", "登录"):
        assert words in page
    assert "case.dismiss" not in re.sub(r'value="[^"]*"', "", page)
    assert "本人账号" in page  # of who signed in
    assert re.search(r">20\d\d年\d+月\d+日 \d\d:\d\d:\d\d</time>", page)  # today as well


async def test_filters(browser: httpx.AsyncClient, case_id: int) -> None:
    wanted = {"action": "case.dismiss", "who": "officer", "object": "case", "number": str(case_id)}
    found = await browser.get("/audit", params=wanted)
    assert found.text.count('class="audit"') == 1
    assert 'value="officer"' in found.text
    # On a phone the open form would be all that is seen of the answer.
    assert "<details class=\"card card-body part\">" in found.text
    assert f"操作人：officer&nbsp;· 操作：不予处理&nbsp;· 对象：案件&nbsp;· 编号：{case_id}" in found.text
    assert "没有符合筛选条件的记录" in (await browser.get("/audit", params={"until": "2020-01-01"})).text
    since = await browser.get("/audit", params={"since": "2020-01-01", "action": "case.dismiss"})
    assert since.text.count('class="audit"') == 1


@pytest.mark.parametrize("day", ["24.11.2026", "2026-13-01", "9999-12-31"])
async def test_a_day_that_is_none(browser: httpx.AsyncClient, case_id: int, day: str) -> None:
    answer = await browser.get("/audit", params={"until": day})
    assert answer.status_code == 200
    assert ("请按 2026-11-24 的格式填写日期" in answer.text) == (day != "9999-12-31")


async def test_older_entries_are_on_further_pages(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    for _ in range(53):
        await sign_in(browser, "auditor")
    first = await browser.get("/audit", params={"who": "auditor"})
    older = re.search(r'href="([^"]*)" rel="next"', first.text)
    assert older is not None
    second = await browser.get(older[1].replace("&amp;", "&"))
    assert second.text.count('class="audit"') == 3
    assert "who=auditor" in second.text


async def test_export_is_a_file_with_chained_entries(browser: httpx.AsyncClient, case_id: int) -> None:
    """The writer runs beside the pages."""
    answer = await browser.get("/audit/export", params={"since": "2020-01-01"})
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    assert answer.text.startswith('{"format":1')


@pytest.mark.parametrize("login", ["officer", "store", "installer"])
async def test_is_the_auditors(browser: httpx.AsyncClient, login: str) -> None:
    await sign_in(browser, login)
    assert (await browser.get("/audit")).status_code == 403
    assert (await browser.get("/audit/export")).status_code == 403


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("photographs", ["a" * 64, "b" * 64], f"{'a' * 16}…；{'b' * 16}…"),
        ("officers", ["陈志强", "林建国"], "陈志强；林建国"),
        ("scopes", "cases:read shops:read", "读取案件、告知书及其进展；读取餐饮单位和区域"),
        ("scopes", ["cases:read"], "读取案件、告知书及其进展"),
        ("channel", "wecom", "企业微信群机器人"),
        ("status", "degraded", "在线时长不足"),
        ("missing", "memory", "超出边缘盒的内存上限"),
        ("role", "officer", "监管所执法人员"),
        ("device", "Mozilla/5.0 (iPhone) Version/17.0 Safari/604.1", "Safari（iPhone）"),
        ("faces", True, "是"),
        ("failures", 3, "3"),
        ("rule", "K01", "K01"),
        ("fault", "gone", "对方不再接收消息。"),
    ],
)
def test_a_detail_is_said_in_words(name: str, value: object, words: str) -> None:
    assert detail_words(name, value, Speaker(Language.ZH, now())) == words


def recorded() -> Iterator[tuple[str, str]]:
    """Action and kind of object of every `record(...)` in the code, where both are written there as they are."""
    for path in API.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record" and len(node.args) > 3:
                branches = [node.args[2].body, node.args[2].orelse] if isinstance(node.args[2], ast.IfExp) else [node.args[2]]
                for action in branches:
                    if isinstance(action, ast.Constant) and isinstance(node.args[3], ast.Constant):
                        yield str(action.value), str(node.args[3].value)


def detailed() -> Iterator[str]:
    """The name of every detail of every `record(...)` and `entry(...)` that is written there as it is."""
    for path in API.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("record", "entry"):
                yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def test_every_detail_has_a_name() -> None:
    found = set(detailed())
    assert "faces" in found
    assert found - set(DETAILS) == {"shop_id", "district_id", "reason"}


def test_everything_that_is_recorded_has_words() -> None:
    found = set(recorded())
    assert ("evidence.read", "case") in found
    assert {action for action, _ in found} - set(ACTIONS) == set()
    assert {kind for _, kind in found} - set(OBJECTS) == set()
