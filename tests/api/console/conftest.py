from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.app import create_app
from tests.api.console.chromium import CHROMIUM, PATIENCE_MS, LiveCentre, OpenPage, running_chromium, serving, signed_in
from tests.api.console.kitchen import Kitchen
from tests.api.forms import FormClient


@pytest.fixture
async def kitchen(tmp_path: Path) -> Kitchen:
    return await Kitchen.build(tmp_path)


@pytest.fixture
async def browser(kitchen: Kitchen) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without JavaScript and without pictures: forms and links only."""
    app = create_app(kitchen.settings)
    headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("198.51.100.4", 5000))
        async with FormClient(transport=transport, base_url="http://centre", headers=headers) as client:
            yield client


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[LiveCentre]:
    with serving(tmp_path) as centre:
        yield centre


@pytest.fixture
def open_page(chromium: Browser, centre: LiveCentre) -> Iterator[OpenPage]:
    """A signed-in page in a browser of its own."""
    contexts: list[BrowserContext] = []

    def opener(login: str = "reviewer", path: str = "/cases", **options: object) -> Page:
        context, page = signed_in(chromium, centre, login, path, **options)
        contexts.append(context)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield opener
    for context in contexts:
        context.close()
