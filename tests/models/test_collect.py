"""Against a real centre, in this process."""

import asyncio
import json
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from api.accounts.permissions import Role
from contract.evidence import MarkedBox
from models.collect import collect, sign_in
from models.data import HEAD_HAT, DataError, read_folder
from tests.api.conftest import migrated_sqlite, sqlite_settings, world
from tests.api.world import EdgeBox, Place, World

__all__ = ["migrated_sqlite", "sqlite_settings", "world"]

WIDTH, HEIGHT = 320, 240
GUILTY, OTHER = (40, 40, 80, 90), (200, 140, 240, 190)


class Bridge(httpx.BaseTransport):
    """Lets a blocking client, in a thread of its own, talk to the application in the test's event loop."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.loop = client, asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        again = self.client.build_request(request.method, request.url, content=request.read(), headers=request.headers)
        answer = asyncio.run_coroutine_threadsafe(self.client.send(again), self.loop).result(60)
        return httpx.Response(
            answer.status_code, content=answer.content, headers={"content-type": answer.headers["content-type"]}
        )


class Review:
    """A centre with a shop, its edge, and a reviewer who is signed in."""

    def __init__(self, out: Path, box: EdgeBox, reviewer: httpx.AsyncClient) -> None:
        self.out, self.box, self.reviewer = out, box, reviewer

    @property
    def place(self) -> Place:
        return self.box.place

    async def case(self, rule: str = "K01", kind: str = "head", score: float = 0.9, spot: int | None = None) -> int:
        """A violation is reported; another person's head is in the picture too."""
        noise = np.random.default_rng(self.box.sequence).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        _, packed = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 95])
        pictures = {"original.jpg": packed.tobytes(), "overlay.jpg": packed.tobytes()}
        right = 50 * (self.box.sequence if spot is None else spot)  # another spot each time; otherwise it would be one case
        box = (GUILTY[0] + right, GUILTY[1], GUILTY[2] + right, GUILTY[3])
        guilty = MarkedBox.model_validate({"kind": kind, "box": box, "score": score, "violating": True})
        boxes = [guilty, MarkedBox(kind="head", box=OTHER, score=0.9)]
        manifest = self.box.manifest(pictures, boxes=boxes, rule=rule, frame_width=WIDTH, frame_height=HEIGHT)
        answer = await self.box.send(manifest, pictures)
        assert answer.status_code == 201, answer.text
        self.box.sequence, self.box.previous = manifest.sequence, manifest.digest()
        number: int = answer.json()["case_id"]
        return number

    async def judged(self, act: str = "confirm", reason: str | None = None, **case: Any) -> None:
        await self.act(await self.case(**case), act, reason)

    async def act(self, number: int, act: str, reason: str | None = None) -> None:
        version = (await self.reviewer.get(f"/api/v1/cases/{number}")).headers["ETag"]
        body = {"reason": reason} if reason else {}
        headers = {"If-Match": version, "Idempotency-Key": f"{number} {act}"}
        answer = await self.reviewer.post(f"/api/v1/cases/{number}/{act}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def collect(self, because: str | None = None) -> int:
        client = httpx.Client(base_url="http://centre.test", transport=Bridge(self.reviewer))
        return await asyncio.to_thread(collect, client, self.out, because, print)

    def row(self) -> dict[str, Any]:
        (line,) = (self.out / "manifest.jsonl").read_text().splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    def picture(self) -> np.ndarray:
        (path,) = (self.out / "images").iterdir()
        picture = cv2.imread(str(path))
        assert picture is not None
        return picture


@pytest.fixture
async def review(tmp_path: Path, world: World) -> Review:
    place = await world.place()
    return Review(tmp_path / "collected", await world.edge(place), await world.person(Role.REVIEWER))


@pytest.mark.parametrize(
    ("rule", "kind", "act", "label"),
    [
        ("K01", "head", "confirm", 1), ("K01", "head", "dismiss", 2), ("K02", "head", "confirm", 4),
        ("K02", "head", "dismiss", 3), ("K06", "hand", "confirm", 6), ("K06", "hand", "dismiss", 7),
    ],
)  # fmt: skip
async def test_a_verdict_becomes_the_label_of_its_box(review: Review, rule: str, kind: str, act: str, label: int):
    await review.judged(act, "not_a_violation" if act == "dismiss" else None, rule=rule, kind=kind)
    assert await review.collect() == 1
    (picture,) = read_folder(review.out)
    assert (picture.annotated, picture.classes.tolist()) == (frozenset(), [label])


@pytest.mark.parametrize(
    ("act", "kind", "key"),
    [
        ("confirm", "head", "smokers"), ("dismiss", "head", "non_smokers"),
        ("confirm", "hand", "smoking_hands"), ("dismiss", "hand", "empty_hands"),
    ],
)  # fmt: skip
async def test_who_smokes_is_told_of_the_head_or_hand(review: Review, act: str, kind: str, key: str):
    await review.judged(act, "not_a_violation" if act == "dismiss" else None, rule="K07", kind=kind)
    await review.collect()
    (picture,) = read_folder(review.out)
    assert getattr(picture, key)[0] == pytest.approx(GUILTY, abs=0.01)


@pytest.mark.parametrize("reason", ["cannot_tell", "not_staff", "test"])
async def test_what_was_not_judged_by_its_looks_is_no_negative(review: Review, reason: str):
    await review.judged("dismiss", reason)
    assert await review.collect() == 0


async def test_what_nobody_has_judged_yet_is_left_out(review: Review):
    await review.case()
    assert await review.collect() == 0


async def test_what_was_set_aside_unseen_at_a_muted_spot_is_no_verdict(review: Review):
    for _ in range(2):
        await review.judged("dismiss", "not_a_violation", spot=1)
    await review.case(spot=1)
    assert await review.collect() == 2


async def test_a_dismissed_box_that_may_have_been_no_head_is_left_out(review: Review):
    await review.judged("dismiss", "not_a_violation", score=0.3)
    assert await review.collect() == 0


async def test_faces_of_others_are_a_few_blocks_and_the_violation_is_not(review: Review):
    await review.judged()
    await review.collect()
    picture = review.picture()
    assert _steps(picture, OTHER) <= 8 < _steps(picture, GUILTY)


async def test_faces_are_kept_for_a_reason_that_the_audit_shows(review: Review):
    await review.judged()
    await review.collect("heads from behind are the subject")
    picture = review.picture()
    assert _steps(picture, OTHER) > 8


async def test_a_second_run_adds_only_what_is_new(review: Review):
    await review.judged()
    assert await review.collect() == 1
    await review.judged()
    assert await review.collect() == 1
    assert len(read_folder(review.out)) == 2


async def test_a_line_that_a_kill_cut_short_is_written_again(review: Review):
    await review.judged()
    await review.collect()
    manifest = review.out / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    assert await review.collect() == 1
    assert len(read_folder(review.out)) == 1


def test_a_folder_whose_list_is_damaged_is_told(tmp_path: Path):
    (tmp_path / "manifest.jsonl").write_text("no line of ours\n")
    with httpx.Client(base_url="http://127.0.0.1:9") as nowhere, pytest.raises(DataError, match=r"manifest.jsonl, line 1"):
        collect(nowhere, tmp_path, None, print)


async def test_pictures_are_told_apart_by_shop_camera_and_day(review: Review):
    await review.judged()
    await review.collect()
    (picture,) = read_folder(review.out)
    captured = (await review.reviewer.get("/api/v1/cases")).json()["items"][0]["captured_at"]
    assert (picture.source, picture.group, picture.day) == ("shop Shop", review.place.camera_id, captured[:10])


async def test_a_shop_that_was_renamed_stays_one_source(review: Review):
    await review.judged()
    await review.collect()
    manifest = review.out / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("shop Shop", "shop Called otherwise before"))
    await review.judged()
    await review.collect()
    assert {picture.source for picture in read_folder(review.out)} == {"shop Called otherwise before"}


async def test_two_shops_of_one_name_are_two_sources(review: Review, world: World):
    await review.judged()
    await review.collect()
    other = await world.place()
    review.box = await world.edge(other)
    await review.judged()
    await review.collect()
    assert len({picture.source for picture in read_folder(review.out)}) == 2


async def test_a_verdict_that_was_reversed_is_taken_back(review: Review):
    await review.judged()
    await review.collect()
    number = review.row()["case"]
    with (review.out / "manifest.jsonl").open("a") as manifest:
        manifest.write("\n")  # as an editor leaves it
    await review.act(number, "undo")
    assert await review.collect() == 0
    assert read_folder(review.out) == []
    assert list((review.out / "images").iterdir()) == []


async def test_a_verdict_that_was_reversed_is_learned_the_other_way(review: Review):
    await review.judged()
    await review.collect()
    number = review.row()["case"]
    await review.act(number, "undo")
    await review.act(number, "dismiss", "not_a_violation")
    assert await review.collect() == 1
    (picture,) = read_folder(review.out)
    assert picture.classes.tolist() == [HEAD_HAT]


async def test_a_wrong_password_is_told(world: World):
    client = httpx.Client(base_url="http://centre.test", transport=Bridge(world.client()))
    with pytest.raises(DataError, match="refused to sign nobody in"):
        await asyncio.to_thread(sign_in, client, "nobody", "wrong password")


def test_a_centre_that_is_not_there_is_told():
    with httpx.Client(base_url="http://127.0.0.1:9") as nowhere, pytest.raises(DataError, match="cannot be reached"):
        sign_in(nowhere, "nobody", "wrong password")


def test_a_page_that_is_no_centre_is_told(tmp_path: Path):
    page = httpx.MockTransport(lambda _: httpx.Response(200, html="<h1>Welcome</h1>"))
    with httpx.Client(base_url="http://router.test", transport=page) as router, pytest.raises(DataError, match="is no centre"):
        collect(router, tmp_path, None, print)


async def test_who_is_not_signed_in_is_told(review: Review, world: World):
    review.reviewer = world.client()
    with pytest.raises(DataError, match="refused /cases"):
        await review.collect()


def _steps(picture: np.ndarray, box: tuple[int, ...]) -> int:
    """How many different colours a row across the box has; WebP's own noise is rounded away."""
    row = picture[(box[1] + box[3]) // 2, box[0] + 1 : box[2] - 1].astype(int).sum(axis=1)
    return 1 + int((np.abs(np.diff(row)) > 24).sum())
