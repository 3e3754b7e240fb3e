"""A centre that serves for real, and Chromium to look at it: for tests, the benchmark of the review queue and the screenshots."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from api.app import create_app
from api.centre import Centre
from api.deliveries.kinds import Audience, Channel
from api.deliveries.tables import Target
from api.kit.times import now
from api.links import service as links
from contract.edges import CameraMinute, Heartbeat
from tests.api.console.kitchen import PASSWORD, Kitchen

CHROMIUM = os.environ.get("SUNSHINE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
# Machines that run tests are busy; a page that is right is right sooner.
PATIENCE_MS = 120_000
PHONE = {"width": 360, "height": 640}
DESKTOP = {"width": 1280, "height": 800}
OpenPage = Callable[..., Page]
T = TypeVar("T")


@dataclass
class LiveCentre:
    url: str
    kitchen: Kitchen

    def hand_in(self, rule: str = "K01", **scene: Any) -> int:
        request = {**self.kitchen.report(rule, **scene), "url": f"{self.url}/api/v1/edge/violations"}
        answer = httpx.post(**request, timeout=PATIENCE_MS / 1000, trust_env=False)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        case_id: int = answer.json()["case_id"]
        return case_id

    def show(self, content: bytes | None = None, **told: Any) -> None:
        """The latest picture of a camera."""
        request = {**self.kitchen.picture(content, **told), "url": f"{self.url}/api/v1/edge/pictures"}
        answer = httpx.post(**request, timeout=PATIENCE_MS / 1000, trust_env=False)  # type: ignore[arg-type]
        assert answer.status_code == 204, answer.text

    def beat(self, minutes: Sequence[CameraMinute]) -> None:
        """What the edge looked at."""
        told = Heartbeat(
            sent_at=datetime.now(UTC), software_version="0.1.0", config_version=None, outbox_waiting=0, minutes=[*minutes]
        )
        answer = httpx.post(
            f"{self.url}/api/v1/edge/heartbeats", json=told.model_dump(mode="json"), auth=self.kitchen.sign,
            timeout=PATIENCE_MS / 1000, trust_env=False,
        )
        assert answer.status_code == 204, answer.text

    def hand_in_clip(self, content: bytes, **told: Any) -> None:
        """Of the last violation."""
        request = self.kitchen.clip(content, **told)
        request["url"] = f"{self.url}{request['url']}"
        answer = httpx.post(**request, timeout=PATIENCE_MS / 1000, trust_env=False)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text


@contextmanager
def serving(folder: Path) -> Iterator[LiveCentre]:
    kitchen = beside(lambda: Kitchen.build(folder))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(kitchen.settings), log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield LiveCentre(f"http://127.0.0.1:{listener.getsockname()[1]}", kitchen)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_MS / 1000)
        listener.close()
    assert not thread.is_alive()


def beside(act: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """In a thread of its own: Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(act())).result()


def link_to(centre: LiveCentre, case_id: int, channel: Channel = Channel.SMS) -> str:
    """The token of a link to the case, as somebody of the shop is sent it."""

    async def make() -> str:
        running = Centre(centre.kitchen.settings)
        async with running.database.writing() as work:
            target = Target(
                name="李梅", channel=channel, audience=Audience.SHOP, shop_id=centre.kitchen.shop_id, recipient="13800000000",
                secrets_encrypted=str(uuid4()), events=["case.issued"], created_at=now(),
            )
            work.add(target)
            await work.flush()
            token = await links.make(work, target, case_id, now())
        await running.close()
        return token

    return beside(make)


class ChromiumMissing(RuntimeError):
    """Says what to install."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    if CHROMIUM is None or shutil.which(CHROMIUM) is None:
        raise ChromiumMissing(
            f"Chromium is not here ({CHROMIUM or 'chromium'}). Install it (Debian or Ubuntu: apt-get install chromium "
            "fonts-noto-cjk), or name it: SUNSHINE_CHROMIUM=/path/to/chromium"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


def signed_in(browser: Browser, centre: LiveCentre, login: str, path: str, **options: Any) -> tuple[BrowserContext, Page]:
    """A page in a browser of its own, in Chinese unless `locale` says otherwise."""
    context = browser.new_context(base_url=centre.url, **{"locale": "zh-CN", "viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"/login?next={path}")
    page.locator("input[name=username]").fill(login)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return context, page
