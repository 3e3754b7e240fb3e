"""A shop answers on the page, an officer verifies beside what the camera saw since."""

import html
import re

import cv2
import httpx
import numpy as np
import pytest

from tests.api.console.kitchen import Kitchen, hand_in, sign_in


def photograph() -> bytes:
    return cv2.imencode(".jpg", np.full((48, 64, 3), 128, np.uint8))[1].tobytes()


def words(page: httpx.Response) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.text))


async def issued(browser: httpx.AsyncClient, kitchen: Kitchen) -> int:
    case_id = await hand_in(browser, kitchen)
    await sign_in(browser, "officer")
    for version, act in enumerate(("confirm", "issue"), 1):
        assert (await browser.post(f"/cases/{case_id}/{act}", data={"version": version})).status_code == 303
    return case_id


async def answer(
    browser: httpx.AsyncClient, case_id: int, *files: tuple[str, bytes], version: int = 3, **fields: str
) -> httpx.Response:
    form = {"act": "submit", "version": str(version), "text": "已给全体人员发放工作帽。", "person": "李梅", **fields}
    sent = [("photographs", (name, content, "image/jpeg")) for name, content in files]
    # A browser sends an empty part where nothing was chosen.
    return await browser.post(f"/cases/{case_id}/answer", data=form, files=sent or [("photographs", ("", b"", "image/jpeg"))])


class TestShop:
    async def test_the_form_and_what_becomes_of_it(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        form = (await browser.get(f"/cases/{case_id}")).text
        assert 'enctype="multipart/form-data"' in form
        assert 'value="store 张"' in form
        assert f"/api/v1/cases/{case_id}/evidence" not in form
        done = await answer(browser, case_id, ("现在.jpg", photograph()), training="11 月 24 日班前会")
        assert (done.status_code, done.headers["location"]) == (303, f"/cases/{case_id}?done=submit")
        page = await browser.get(f"/cases/{case_id}")
        for item in ("已给全体人员发放工作帽。", "李梅", "11 月 24 日班前会", "拍摄时间不详"):
            assert item in words(page), item
        address = re.search(r"/api/v1/photographs/\w+", page.text)
        assert address is not None
        assert (await browser.get(address[0])).headers["content-type"] == "image/jpeg"

    async def test_the_list_says_until_when_and_not_that_the_shop_is_to_judge(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        await issued(browser, kitchen)
        await sign_in(browser, "store")
        page = words(await browser.get("/cases"))
        assert "经人工确认的问题" in page
        assert "判定。" not in page
        assert "请整改并提交，期限：" in page

    async def test_what_is_still_missing_stands_before_everything_else(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        await answer(browser, case_id, ("now.jpg", photograph()))
        await sign_in(browser, "officer")
        done = await browser.post(f"/cases/{case_id}/return", data={"version": "5", "note": "<照片看不清>"})
        assert done.status_code == 303
        assert "执法人员说明" not in words(await browser.get(f"/cases/{case_id}"))
        await sign_in(browser, "store")
        page = words(await browser.get(f"/cases/{case_id}"))
        assert page.index("<照片看不清>") < page.index("单位答复")

    async def test_an_objection(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        assert (await answer(browser, case_id, act="appeal", text="那是顾客。")).status_code == 303
        page = words(await browser.get(f"/cases/{case_id}"))
        assert "那是顾客。" in page
        assert "整改期限暂停计算" in page

    async def test_what_is_wrong_has_the_focus(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        """Without it a phone shows the top of the page, two screens above."""
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        now = [("now.jpg", photograph())]
        for field, files, text, person in (
            ("submit-note", now, "", "李梅"), ("submit-photographs", [], "好了。", "李梅"), ("submit-person", now, "好了。", " "),
        ):
            page = (await answer(browser, case_id, *files, text=text, person=person)).text
            assert re.findall(r'id="([\w-]+)"[^>]* autofocus', page) == [field]

    @pytest.mark.parametrize(
        ("name", "content", "told"),
        [
            ("", b"", "请至少选一张下发告知后拍摄的照片。"),
            ("photo.jpg", b"<script>alert(1)</script>", "有文件不是照片"),
            ("photo.heic", b"\0\0\0\x18ftypheic" + b"\0" * 64, "iPhone 选“兼容性最佳”"),
        ],
        ids=["none", "a script", "a phone's own format"],
    )
    async def test_what_was_typed_comes_back(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, name: str, content: bytes, told: str
    ) -> None:
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        page = await answer(browser, case_id, (name, content))
        assert page.status_code == 422
        assert told in words(page)
        assert "已给全体人员发放工作帽。" in page.text

    async def test_seven_photographs(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        page = await answer(browser, case_id, *[("a.jpg", photograph())] * 7)
        assert (page.status_code, "照片超过六张" in words(page)) == (422, True)
        assert "已给全体人员发放工作帽。" in page.text

    async def test_somebody_was_faster(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await issued(browser, kitchen)
        await browser.post(f"/cases/{case_id}/refuse", data={"version": 3, "note": "拒收。"})
        await sign_in(browser, "store")
        page = await answer(browser, case_id, ("a.jpg", photograph()))
        assert page.status_code in (409, 412)
        assert "已给全体人员发放工作帽。" in page.text


class TestVerifier:
    async def test_sees_the_answer_beside_what_the_camera_saw(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await issued(browser, kitchen)
        await sign_in(browser, "store")
        await answer(browser, case_id, ("a.jpg", photograph()))
        assert "实际查看" not in words(await browser.get(f"/cases/{case_id}"))
        await sign_in(browser, "chief")
        assert "实际查看 0 分钟" in words(await browser.get(f"/cases/{case_id}"))
        again = await hand_in(browser, kitchen, ago_s=-2)  # by its own clock, and surely after the answer
        page = await browser.get(f"/cases/{case_id}")
        assert "再次出现 1 次" in words(page)
        assert f'<a href="/cases/{again}">' in page.text

    async def test_what_an_officer_entered_says_so(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await issued(browser, kitchen)
        assert (await answer(browser, case_id, ("a.jpg", photograph()))).status_code == 303
        page = words(await browser.get(f"/cases/{case_id}"))
        assert "officer 张（代办）" in page
        assert "提交整改的人不能复核，须由另一名执法人员办理。" in page
