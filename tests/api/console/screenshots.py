"""Pictures of every page for the documents, with the simulator's kitchen: `scripts/screenshots`."""

import asyncio
import base64
import io
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from api.kit.database import Database
from api.kit.times import now
from detector.pipeline import Detector
from ingest.check import Report
from ingest.source import Frame
from ingest.trial import sighting
from tests.api.console.chromium import DESKTOP, PHONE, LiveCentre, running_chromium, serving, signed_in
from tests.api.console.scenes import scenes
from tests.api.trials import seen_trial

FOLDER = Path(__file__).parents[3] / "docs" / "screenshots"
LANGUAGES = {"zh": "zh-CN", "en": "en"}
# Name, who looks at it, and its address; the words in braces are numbers of cases in that state.
PAGES = (
    ("review", "officer", "/review"),
    ("verify", "chief", "/review?queue=verify"),
    ("cases", "chief", "/cases?state=all"),
    ("case", "chief", "/cases/{submitted}"),
    ("notice", "chief", "/cases/{submitted}/notice"),
    ("cameras", "chief", "/cameras"),
    ("camera", "chief", "/cameras/camera-1"),
    ("camera-trial-new", "store", "/cameras/trials/new"),
    ("camera-trial", "store", "/cameras/trials/trial-1"),
    ("camera-new", "installer", "/cameras/new"),
    ("edge-boxes", "chief", "/edge-boxes"),
    ("edge-box-new", "installer", "/edge-boxes/new"),
    ("alarm-boxes", "chief", "/alarm-boxes"),
    ("alarm-box-new", "installer", "/alarm-boxes/new"),
    ("public-status", "chief", "/shops/shop-1/status"),
    ("this-device", "chief", "/notifications"),
    ("alarm-boxes", "installer", "/alarm-boxes"),
    ("alarm-box-new", "installer", "/alarm-boxes/new"),
    ("shops", "admin", "/shops"),
    ("shop", "admin", "/shops/shop-1"),
    ("messages", "chief", "/deliveries"),
    ("targets", "admin", "/targets"),
    ("target-new", "admin", "/targets/new"),
    ("clients", "admin", "/clients"),
    ("client-new", "admin", "/clients/new"),
    ("shop-status", "chief", "/shops/shop-1/status"),
    ("notifications", "chief", "/notifications"),
    ("accounts", "admin", "/accounts"),
    ("account", "admin", "/account"),
    ("second-factor", "admin", "/account/second-factor"),
    ("invitation-new", "admin", "/invitations/new"),
    ("audit", "auditor", "/audit"),
    ("shop-case", "store", "/cases/{issued}"),
)
# Of these the documents show phones too.
ON_A_PHONE = ("review", "case", "cases", "shop-case", "camera-trial-new", "camera-trial")
_QUALITY = 76
# What people in the pictures are called.
_NAMES = {
    "reviewer": "周敏", "officer": "陈志强", "chief": "林建国", "admin": "吴倩", "installer": "何军", "auditor": "郑洁",
    "store": "李梅",
}


def take(browser: Browser, centre: LiveCentre, numbers: dict[str, int]) -> Iterator[Path]:
    for login in dict.fromkeys(login for _, login, _ in PAGES):
        context, page = signed_in(browser, centre, login, "/")
        for name, who, address in PAGES:
            if who != login:
                continue
            path = address.format(**numbers)
            for short, language in LANGUAGES.items():
                page.set_viewport_size(DESKTOP)
                _open(page, path, language)
                yield _save(page, f"{name}.{short}")
                if name in ON_A_PHONE:
                    page.set_viewport_size(PHONE)
                    yield _save(page, f"{name}.phone.{short}")
            if name == "review":
                page.set_viewport_size(DESKTOP)
                page.emulate_media(color_scheme="dark")
                _open(page, path, LANGUAGES["zh"])
                yield _save(page, f"{name}.dark.zh")
                page.emulate_media(color_scheme="light")
        context.close()
    context = browser.new_context(base_url=centre.url, viewport=DESKTOP)
    page = context.new_page()
    for short, language in LANGUAGES.items():
        page.goto(f"/login?lang={language}")
        yield _save(page, f"sign-in.{short}")
    context.close()


def _open(page: Page, path: str, language: str) -> None:
    page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}", wait_until="networkidle")


def _save(page: Page, name: str) -> Path:
    file = FOLDER / f"{name}.webp"
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(file, "WEBP", quality=_QUALITY, method=6)
    return file


def fill(browser: Browser, centre: LiveCentre) -> dict[str, int]:
    """Cases in all the states that the pages show, made the way people make them."""
    with sqlite3.connect(centre.kitchen.settings.data / "sunshine.db") as database:
        database.executemany("UPDATE users SET name = ? WHERE login = ?", [(name, login) for login, name in _NAMES.items()])
    database.close()
    found = scenes()
    ids = []
    for number, scene in enumerate(found):
        camera = centre.kitchen.camera_id if number % 3 else centre.kitchen.second_camera_id
        scene_of = {"picture": scene.picture, "boxes": scene.boxes, "camera_id": camera}
        ids.append(centre.hand_in(scene.rule, **scene_of, ago_s=600 - 40 * number))
    context, page = signed_in(browser, centre, "chief", "/cases")
    dismissed, confirmed, issued, submitted = ids[0], ids[1], ids[2], ids[6]
    _act(page, dismissed, "dismiss", reason="not_a_violation")
    for case_id in (confirmed, issued, submitted):
        _act(page, case_id, "confirm")
    for case_id in (issued, submitted):
        _act(page, case_id, "issue")
    context.close()
    context, page = signed_in(browser, centre, "store", "/cases")
    picture = {"name": "now.jpg", "mimeType": "image/jpeg", "buffer": found[3].picture}
    etag = page.request.get(f"/api/v1/cases/{submitted}").headers["etag"]
    told = {"act": "submit", "person": "李梅", "training": "全体员工，今天上午"}
    told["text"] = "已当场纠正，并对全体员工重新培训。"
    form = {**told, "photographs": picture}
    headers = {"If-Match": etag, "Idempotency-Key": str(uuid4())}
    answer = page.request.post(f"/api/v1/cases/{submitted}/answers", multipart=form, headers=headers)
    assert answer.ok, answer.text()
    context.close()
    with ThreadPoolExecutor(1) as pool:  # Playwright's loop runs in this one
        pool.submit(lambda: asyncio.run(_try_a_camera(centre, found[2].picture))).result()
    return {"issued": issued, "submitted": submitted}


async def _try_a_camera(centre: LiveCentre, picture: bytes) -> None:
    """As an edge with the shipped weights sees it."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    report = Report("", codec="h264", fps=25.0, key_interval_s=2.0, first_picture_s=1.1, watched_s=8.0, look="good")
    seen = sighting(report, Frame(image, 0.0, now(), 0), Detector.load())
    trial = seen_trial("shop-1", "edge-1", now(), seen.model_copy(update={"jpeg": ""}), base64.b64decode(seen.jpeg))
    trial.id = "trial-1"
    database = Database(centre.kitchen.settings.async_database_url, 60)
    async with database.writing() as work:
        work.add(trial)
    await database.close()


def _act(page: Page, case_id: int, act: str, **body: str) -> None:
    etag = page.request.get(f"/api/v1/cases/{case_id}").headers["etag"]
    headers = {"If-Match": etag, "Idempotency-Key": str(uuid4())}
    answer = page.request.post(f"/api/v1/cases/{case_id}/{act}", data=body, headers=headers)
    assert answer.ok, answer.text()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="sunshine-") as folder, serving(Path(folder)) as centre, running_chromium() as browser,
    ):
        taken = list(take(browser, centre, fill(browser, centre)))
    for old in set(FOLDER.glob("*.webp")) - set(taken):
        old.unlink()
    print(f"{len(taken)} pictures, {sum(file.stat().st_size for file in taken) / 1e6:.1f} MB, in {FOLDER}")


if __name__ == "__main__":
    main()
