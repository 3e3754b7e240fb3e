"""What holds for every page: it fits, it is light, it names its parts, and axe finds nothing against WCAG 2.2 AA."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response

from tests.api.console.chromium import DESKTOP, PHONE, LiveCentre, serving, signed_in
from tests.api.console.screenshots import PAGES, fill

pytestmark = pytest.mark.browser

# The guides hold pictures of the other pages; of these there are none.
ALL = (
    *PAGES, ("guide", "chief", "/help/officer"), ("guide for shops", "store", "/help/shop"),
    ("guide for backends", "admin", "/help/backend"), ("shops from a list", "admin", "/shops/import"),
    ("what cameras see", "store", "/privacy"), ("sign", "store", "/shops/shop-1/sign"),
)
# What a phone on a slow line has to get before a page is whole, without its pictures.
MOST_BYTES = 150_000
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}

# What a screen reader could not name or would name twice.
UNNAMED = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const ids = all("[id]").map((element) => element.id);
    const wrong = [
        ...all("input:not([type=hidden]), select, textarea").filter((element) => element.labels.length !== 1),
        ...all("img:not([alt])"),
        ...all("button, a, summary").filter((element) => !element.textContent.trim() && !element.querySelector("img[alt]")?.alt),
        ...all("[aria-labelledby]").filter((element) => !document.getElementById(element.getAttribute("aria-labelledby"))),
        ...all("[aria-describedby]").filter((element) => !document.getElementById(element.getAttribute("aria-describedby"))),
    ].map((element) => element.outerHTML);
    const headings = all("h1, h2, h3").map((element) => Number(element.tagName[1]));
    if (headings.filter((level) => level === 1).length !== 1) wrong.push("not one h1");
    if (headings.some((level, at) => at && level > headings[at - 1] + 1)) wrong.push(`headings ${headings}`);
    return [...wrong, ...ids.filter((id, at) => ids.indexOf(id) !== at)];
}"""


@pytest.fixture(scope="module")
def filled(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveCentre, dict[str, Any]]]:
    """One centre for all pages, with cases in every state; nothing here changes it."""
    folder: Path = tmp_path_factory.mktemp("centre")
    with serving(folder) as centre:
        yield centre, fill(chromium, centre)


def weigh(page: Page, address: str) -> tuple[int, list[Response]]:
    """Bytes of everything but pictures, and all that was answered."""
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        answers.append(answer)

    page.on("response", keep)
    page.goto(address, wait_until="load")
    page.remove_listener("response", keep)
    texts = [answer for answer in answers if answer.request.resource_type in ("document", "stylesheet", "script")]
    return sum(len(answer.body()) for answer in texts), answers


@pytest.mark.parametrize("login", dict.fromkeys(login for _, login, _ in ALL))
@pytest.mark.parametrize(
    ("viewport", "language", "scheme"), [(DESKTOP, "zh-CN", "light"), (PHONE, "en", "dark")], ids=["desktop", "phone"]
)
def test_every_page_of(
    chromium: Browser, filled: tuple[LiveCentre, dict[str, Any]], login: str, viewport: dict[str, int], language: str, scheme: str
) -> None:
    centre, numbers = filled
    context, page = signed_in(chromium, centre, login, "/", viewport=viewport, locale=language, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, who, address in ALL:
        if who != login:
            continue
        path = address.format(**numbers)
        weight, answers = weigh(page, f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert weight < MOST_BYTES, name
        kinds = [answer.request.resource_type for answer in answers]
        assert (kinds.count("document"), kinds.count("stylesheet"), kinds.count("font")) == (1, 1, 0), name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is wider than the screen"
        assert page.evaluate(UNNAMED) == [], name
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == [], name
    # A broken content security policy shows here too.
    assert complaints == []
    context.close()
