"""Pictures of every page for the documents, or of some, with the simulator's kitchen: `scripts/screenshots [NAME...]`."""

import base64
import io
import sqlite3
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from api.cases.states import Act
from api.deliveries.kinds import Channel
from api.kit.database import Database
from api.kit.times import in_shop_time, now
from contract.edges import LATEST_SIDE_PX, CameraMinute, StreamFault
from contract.trials import FoundCamera
from detector.pipeline import Detector
from ingest.check import Report
from ingest.frames import Frame
from ingest.shown import shown
from ingest.trial import sighting
from tests.api.console.chromium import (
    DESKTOP,
    PHONE,
    ChromiumMissing,
    LiveCentre,
    beside,
    link_to,
    running_chromium,
    serving,
    signed_in,
)
from tests.api.console.kitchen import Kitchen
from tests.api.console.scenes import Scene, scenes
from tests.api.history import History
from tests.api.trials import found_search, seen_trial

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
    ("camera-wall", "chief", "/cameras/wall"),
    ("coverage", "chief", "/cameras/coverage"),
    ("camera", "chief", "/cameras/camera-1"),
    ("camera-trial-new", "store", "/cameras/trials/new"),
    ("camera-trial", "store", "/cameras/trials/trial-1"),
    ("camera-search", "store", "/cameras/trials/search-1"),
    ("camera-zone", "installer", "/cameras/camera-1"),
    ("camera-new", "installer", "/cameras/new"),
    ("edge-boxes", "chief", "/edge-boxes"),
    ("edge-box-new", "installer", "/edge-boxes/new"),
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
    ("issue", "officer", "/cases/{ready}"),
    ("statistics", "chief", "/statistics"),
    ("monthly-report", "chief", "/statistics/month?month={month}"),
    ("wall", "chief", "/wall"),
)
SIGN_IN = "sign-in"
# What the people of a shop see, by the link of a message or without one.
PHONE_PAGES = (("phone-notice", "/n/{token}"), ("phone-practice", "/n/practice"), ("phone-group", "/n/{group}"))
# Of these the documents show phones too.
ON_A_PHONE = (
    "review", "case", "cases", "shop-case", "camera-trial-new", "camera-trial", "camera-search", "camera-wall", "statistics",
)
# Of these the picture begins further down.
_FROM = {"monthly-report": ".paper"}
_QUALITY = 76
# What people in the pictures are called.
_NAMES = {
    "reviewer": "周敏", "officer": "陈志强", "chief": "林建国", "admin": "吴倩", "installer": "何军", "auditor": "郑洁",
    "store": "李梅",
}


def take(browser: Browser, centre: LiveCentre, numbers: dict[str, Any], wanted: Collection[str]) -> Iterator[Path]:
    """Of the wanted pages, or of all."""
    pages = [one for one in PAGES if not wanted or one[0] in wanted]
    for login in dict.fromkeys(login for _, login, _ in pages):
        context, page = signed_in(browser, centre, login, "/")
        for name, who, address in pages:
            if who != login:
                continue
            path = address.format(**numbers)
            for short, language in LANGUAGES.items():
                page.set_viewport_size(DESKTOP)
                _open(page, path, language)
                if name in _FROM:
                    page.locator(_FROM[name]).evaluate("part => part.scrollIntoView()")
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
    if not wanted or SIGN_IN in wanted:
        context = browser.new_context(base_url=centre.url, viewport=DESKTOP)
        page = context.new_page()
        for short, language in LANGUAGES.items():
            page.goto(f"/login?lang={language}")
            yield _save(page, f"{SIGN_IN}.{short}")
        context.close()
    if not wanted:
        yield from _take_phone(browser, centre, numbers)


def _take_phone(browser: Browser, centre: LiveCentre, numbers: dict[str, Any]) -> Iterator[Path]:
    """One phone for all: a link belongs to the device that it was first used on."""
    context = browser.new_context(base_url=centre.url, viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    page = context.new_page()
    for name, address in PHONE_PAGES:
        for short, language in LANGUAGES.items():
            _open(page, address.format(**numbers), language)
            yield _save(page, f"{name}.{short}")
            if name == "phone-notice":
                photograph = {"name": "now.jpg", "mimeType": "image/jpeg", "buffer": scenes()[3].picture}
                page.locator("#fix").set_input_files(photograph)  # type: ignore[arg-type]
                page.locator(".phone-more canvas").wait_for()
                page.locator(".phone-fix [type=submit]").evaluate("send => send.scrollIntoView({ block: 'end' })")
                yield _save(page, f"phone-answer.{short}")
    context.close()


def _open(page: Page, path: str, language: str) -> None:
    page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}", wait_until="networkidle")


def _save(page: Page, name: str) -> Path:
    file = FOLDER / f"{name}.webp"
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(file, "WEBP", quality=_QUALITY, method=6)
    return file


async def _past(kitchen: Kitchen) -> None:
    """What the figures are of: eight weeks in which less and less is found. Drawn anew alike each time."""
    luck = Random(1)
    today = now().replace(hour=2, minute=0, second=0, microsecond=0)
    database = Database(kitchen.settings.async_database_url, 5)
    async with History(database, kitchen) as history:
        for days_ago in range(56, 1, -1):
            for _ in range(luck.randint(0, 2 + days_ago // 14)):
                found = today - timedelta(days=days_ago, minutes=luck.randint(0, 600))
                rule = luck.choice(("K01", "K01", "K01", "K02", "K06", "K07"))
                told = found + timedelta(minutes=luck.randint(10, 90))
                verdict = luck.random()
                if verdict < 0.2:
                    reason = "not_a_violation" if verdict < 0.12 else "cannot_tell"
                    history.case((found, Act.REPORT), (told, Act.DISMISS, reason), rule=rule, state="dismissed")
                    continue
                answered = told + timedelta(hours=luck.expovariate(1 / 9))
                steps = ((found, Act.REPORT), (told, Act.CONFIRM), (told, Act.ISSUE), (answered, Act.SUBMIT))
                history.case(*steps, (answered + timedelta(hours=5), Act.CLOSE), rule=rule, state="closed")
    await database.close()


def fill(browser: Browser, centre: LiveCentre) -> dict[str, Any]:
    """Cases in all the states that the pages show, made the way people make them. Returns what stands in addresses in braces."""
    beside(lambda: _past(centre.kitchen))
    with sqlite3.connect(centre.kitchen.settings.data / "sunshine.db") as database:
        database.executemany("UPDATE users SET name = ? WHERE login = ?", [(name, login) for login, name in _NAMES.items()])
    database.close()
    found = scenes()
    ids = []
    for number, scene in enumerate(found):
        camera = centre.kitchen.camera_id if number % 3 else centre.kitchen.second_camera_id
        scene_of = {"picture": scene.picture, "boxes": scene.boxes, "camera_id": camera}
        ids.append(centre.hand_in(scene.rule, **scene_of, ago_s=600 - 40 * number))
    _look(centre, found)
    context, page = signed_in(browser, centre, "chief", "/cases")
    dismissed, confirmed, issued, submitted, closed = ids[0], ids[1], ids[2], ids[6], (ids[5], ids[8])
    _act(page, dismissed, "dismiss", reason="not_a_violation")
    # The one before it is not open any more, so this is one of its own.
    scene = found[4]
    ready = centre.hand_in(scene.rule, picture=scene.picture, boxes=scene.boxes, camera_id=centre.kitchen.second_camera_id)
    for case_id in (ready, confirmed, issued, submitted, *closed):
        _act(page, case_id, "confirm")
    for case_id in (issued, submitted, *closed):
        _act(page, case_id, "issue")
    context.close()
    context, page = signed_in(browser, centre, "store", "/cases")
    for case_id in (submitted, *closed):
        _put_right(page, case_id, found[3].picture)
    context.close()
    context, page = signed_in(browser, centre, "chief", "/cases")
    for case_id in closed:
        _act(page, case_id, "close")
    context.close()
    beside(lambda: _try_a_camera(centre, found[2].picture))
    return {
        "issued": issued, "submitted": submitted, "ready": ready, "month": in_shop_time(now()).strftime("%Y-%m"),
        "token": link_to(centre, issued), "group": link_to(centre, issued, Channel.WECOM),
    }


def _put_right(page: Page, case_id: int, photograph: bytes) -> None:
    told = {"act": "submit", "person": "李梅", "training": "全体员工，今天上午", "text": "已当场纠正，并对全体员工重新培训。"}
    form = {**told, "photographs": {"name": "now.jpg", "mimeType": "image/jpeg", "buffer": photograph}}
    etag = page.request.get(f"/api/v1/cases/{case_id}").headers["etag"]
    headers = {"If-Match": etag, "Idempotency-Key": str(uuid4())}
    answer = page.request.post(f"/api/v1/cases/{case_id}/answers", multipart=form, headers=headers)
    assert answer.ok, answer.text()


async def _try_a_camera(centre: LiveCentre, picture: bytes) -> None:
    """As an edge with the shipped weights sees it."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    report = Report("", codec="h264", fps=25.0, key_interval_s=2.0, first_picture_s=1.1, watched_s=8.0, look="good")
    seen = sighting(report, Frame(image, 0.0, now(), 0), Detector.load())
    trial = seen_trial("shop-1", "edge-1", now(), seen.model_copy(update={"jpeg": ""}), base64.b64decode(seen.jpeg))
    trial.id = "trial-1"
    # As such devices name themselves.
    named = [("HIKVISION DS-2CD3T46WD-I3", "DS-2CD3T46WD-I3"), ("Dahua", "IPC-HFW2433F-ZSA"), ("NVR", "DS-7808NB-K1")]
    answered = [
        FoundCamera(address=f"192.168.1.{64 + place}", name=name, hardware=hardware)
        for place, (name, hardware) in enumerate(named)
    ]
    search = found_search("shop-1", "edge-1", now(), answered)
    search.id = "search-1"
    database = Database(centre.kitchen.settings.async_database_url, 60)
    async with database.writing() as work:
        work.add_all([trial, search])
    await database.close()


def _look(centre: LiveCentre, found: Sequence[Scene]) -> None:
    """Three days of one camera, of which it was away for five hours; the other cannot be reached."""
    at = now().replace(second=0, microsecond=0)
    first, second = centre.kitchen.camera_id, centre.kitchen.second_camera_id
    told = [
        CameraMinute(
            camera_id=first, minute=at - timedelta(minutes=ago), looks=0 if 700 < ago < 1000 else 24, width=1280, height=720
        )
        for ago in range(4900)
    ]
    away = CameraMinute(camera_id=second, minute=at, looks=0, fault=StreamFault.UNREACHABLE)
    centre.beat([*told, away])
    for camera_id, scene, ago_s in ((first, found[0], 240), (second, found[1], 5400)):
        image = cv2.imdecode(np.frombuffer(scene.picture, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        centre.show(shown(np.asarray(image, np.uint8), scene.boxes, LATEST_SIDE_PX), camera_id=camera_id, ago_s=ago_s)


def _act(page: Page, case_id: int, act: str, **body: str) -> None:
    etag = page.request.get(f"/api/v1/cases/{case_id}").headers["etag"]
    headers = {"If-Match": etag, "Idempotency-Key": str(uuid4())}
    answer = page.request.post(f"/api/v1/cases/{case_id}/{act}", data=body, headers=headers)
    assert answer.ok, answer.text()


def main(wanted: Sequence[str]) -> None:
    names = {SIGN_IN, *(name for name, _, _ in PAGES)}
    if not names.issuperset(wanted):
        sys.exit(f"There is no such page. Known are: {', '.join(sorted(names))}.")
    FOLDER.mkdir(exist_ok=True)
    with (
        running_chromium() as browser, tempfile.TemporaryDirectory(prefix="sunshine-") as folder, serving(Path(folder)) as centre,
    ):
        taken = list(take(browser, centre, fill(browser, centre), wanted))
    for old in () if wanted else set(FOLDER.glob("*.webp")) - set(taken):
        old.unlink()
    print(f"{len(taken)} pictures, {sum(file.stat().st_size for file in taken) / 1e6:.1f} MB, in {FOLDER}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ChromiumMissing as error:
        sys.exit(str(error))
