import ast
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.console.audit_words import ACTIONS, OBJECTS
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


async def test_filters(browser: httpx.AsyncClient, case_id: int) -> None:
    wanted = {"action": "case.dismiss", "who": "officer", "object": "case", "number": str(case_id)}
    found = await browser.get("/audit", params=wanted)
    assert found.text.count('class="audit"') == 1
    assert 'value="officer"' in found.text
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


def recorded() -> Iterator[tuple[str, str]]:
    """Action and kind of object of every `record(...)` in the code, where both are written there as they are."""
    for path in API.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record" and len(node.args) > 3:
                branches = [node.args[2].body, node.args[2].orelse] if isinstance(node.args[2], ast.IfExp) else [node.args[2]]
                for action in branches:
                    if isinstance(action, ast.Constant) and isinstance(node.args[3], ast.Constant):
                        yield str(action.value), str(node.args[3].value)


def test_everything_that_is_recorded_has_words() -> None:
    found = set(recorded())
    assert ("evidence.read", "case") in found
    assert {action for action, _ in found} - set(ACTIONS) == set()
    assert {kind for _, kind in found} - set(OBJECTS) == set()
