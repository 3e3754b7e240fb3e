"""What each role comes for, from capture to closure, without JavaScript: on a desktop in Chinese, on a phone in English."""

import pytest
from playwright.sync_api import Page, expect

from tests.api.console.chromium import DESKTOP, PHONE, LiveCentre, OpenPage
from tests.api.console.kitchen import draw

pytestmark = pytest.mark.browser

WORDS = {
    "zh-CN": {
        "violation": "违规", "issue": "下发整改告知", "receipt": "收到了", "answer": "我已整改", "close": "复核通过，销号",
        "closed": "已销号",
    },
    "en": {
        "violation": "Violation", "issue": "Issue the notice", "receipt": "Received",
        "answer": "I fixed it", "close": "Verified: close the case", "closed": "Closed",
    },
}


@pytest.mark.parametrize(("viewport", "language"), [(DESKTOP, "zh-CN"), (PHONE, "en")], ids=["desktop", "phone"])
def test_a_case_from_capture_to_closure(
    centre: LiveCentre, open_page: OpenPage, viewport: dict[str, int], language: str
) -> None:
    words = WORDS[language]
    case_id = centre.hand_in()

    def person(login: str, path: str) -> Page:
        return open_page(login, path, viewport=viewport, locale=language, java_script_enabled=False)

    reviewer = person("reviewer", "/review")
    reviewer.locator("button[value=violation]").click()
    expect(reviewer.get_by_role("status")).to_contain_text(words["violation"])

    officer = person("officer", "/review?queue=notice")
    officer.locator(f"a[href^='/cases/{case_id}?']").click()
    officer.get_by_role("button", name=words["issue"], exact=True).click()
    expect(officer.get_by_role("status")).to_be_visible()

    shop = person("store", "/cases")
    shop.locator(f"#case-{case_id}").click()
    shop.get_by_role("button", name=words["receipt"], exact=True).click()
    shop.locator("summary").filter(has_text=words["answer"]).click()
    form = shop.locator("details[open] form")
    form.locator("textarea[name=text]").fill("已补发工作帽")
    form.locator("input[type=file]").set_input_files({"name": "now.jpg", "mimeType": "image/jpeg", "buffer": draw()})
    form.locator("button[type=submit]").click()
    expect(shop.get_by_role("status")).to_be_visible()

    chief = person("chief", "/review?queue=verify")
    chief.locator(f"a[href^='/cases/{case_id}?']").click()
    chief.get_by_role("button", name=words["close"], exact=True).click()
    expect(chief.get_by_role("status")).to_be_visible()
    expect(chief.locator(".page-head .chips")).to_contain_text(words["closed"])


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
@pytest.mark.parametrize(("name", "viewport"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_header_leads_to_the_help_and_to_ones_own_account(
    open_page: OpenPage, centre: LiveCentre, locale: str, name: str, viewport: dict[str, int]
) -> None:
    page = open_page("chief", "/cases", viewport=viewport, locale=locale)
    if name == "phone":
        marks = page.locator(".brand, .bar-end").evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
        assert max(marks) - min(marks) < 20, "the header has more than one line"
    page.locator(".bar a[href='/help']").click()
    expect(page).to_have_url(f"{centre.url}/help/officer")
    page.locator(".bar a[href='/account']:visible").click()
    expect(page).to_have_url(f"{centre.url}/account")
