"""The latest picture of each camera: made small and without faces, sent when nothing is in the way, never kept."""

from datetime import timedelta

import cv2
import httpx
import numpy as np
import pytest
from structlog.testing import capture_logs

from contract.evidence import MarkedBox
from ingest.findings import Latest
from ingest.latest import LatestSender
from ingest.shown import shown
from tests.ingest.edge_world import START, CentreInMemory, Clock, problem


def noise(width: int, height: int) -> np.ndarray:
    """Every pixel another, as a face has them."""
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def decoded(jpeg: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


class TestShown:
    @pytest.mark.parametrize(
        ("width", "height", "seen"),
        [(1920, 1080, (360, 640)), (1080, 1920, (640, 360)), (320, 240, (240, 320)), (4000, 2, (1, 640))],
    )
    def test_at_most_640_pixels_a_side(self, width: int, height: int, seen: tuple[int, int]):
        assert decoded(shown(noise(width, height), [], 640)).shape[:2] == seen

    def test_of_a_face_a_few_averages_are_left(self):
        """Where the head lies in the small picture, blocks are flat; beside it the noise is as it was."""
        picture = np.kron(noise(640, 360), np.ones((3, 3, 1), np.uint8))
        small = decoded(shown(picture, [MarkedBox(kind="head", box=(600, 300, 900, 600), score=0.9)], 640)).astype(float)
        assert small[105:195, 205:295].std() < 0.5 * small[105:195, 405:495].std()

    def test_the_upper_third_of_somebody_without_a_head(self):
        picture = np.kron(noise(640, 360), np.ones((3, 3, 1), np.uint8))
        small = decoded(shown(picture, [MarkedBox(kind="person", box=(300, 90, 600, 990), score=0.9)], 640)).astype(float)
        assert small[35:125, 105:195].std() < 0.5 * small[220:310, 105:195].std()

    def test_the_picture_that_is_judged_stays_as_it_is(self):
        picture = noise(320, 240)
        before = picture.copy()
        shown(picture, [MarkedBox(kind="head", box=(10, 10, 90, 90), score=0.9)], 640)
        assert (picture == before).all()


class World:
    def __init__(self) -> None:
        self.centre = CentreInMemory()
        self.timer = Clock(0.0)
        self.sender = LatestSender(self.centre.client(), timer=self.timer, chance=lambda: 1.0)

    def offer(self, camera_id: str = "a", content: bytes = b"\xff\xd8", minutes: int = 0) -> None:
        self.sender.offer(Latest(camera_id, START + timedelta(minutes=minutes), content))

    def sent(self) -> list[tuple[str, bytes]]:
        return [(picture.camera_id, picture.jpeg) for picture in self.centre.pictures]


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def up(request: httpx.Request) -> httpx.Response | None:
    return None


class TestSender:
    def test_each_is_sent_once(self):
        world = World()
        world.offer("a", b"1")
        world.offer("b", b"2")
        world.sender.step()
        world.sender.step()
        assert world.sent() == [("a", b"1"), ("b", b"2")]
        assert [picture.taken_at for picture in world.centre.pictures] == [START, START]

    def test_of_each_camera_only_the_newest_waits_for_a_centre_that_is_away(self):
        world = World()
        world.centre.before = down
        world.offer("a", b"1")
        assert world.sender.step() == 1.0
        world.offer("a", b"2", minutes=10)
        assert world.sender.step() == 1.0
        assert len(world.centre.requests) == 1, "asked again before its pause was over"
        world.centre.before = up
        world.timer.now += 1.0
        world.sender.step()
        assert world.sent() == [("a", b"2")]

    def test_one_that_is_given_back_is_not_put_over_a_newer_one(self):
        world = World()

        def newer_comes(request: httpx.Request) -> httpx.Response:
            world.offer("a", b"2")
            raise httpx.ConnectError("refused")

        world.centre.before = newer_comes
        world.offer("a", b"1")
        world.sender.step()
        world.centre.before = up
        world.timer.now += 1.0
        world.sender.step()
        assert world.sent() == [("a", b"2")]

    @pytest.mark.parametrize("status", [403, 413, 422, 500])
    def test_what_the_centre_does_not_want_is_let_go_and_told(self, status: int):
        world = World()
        world.centre.before = lambda request: problem(status, "No.") if b'"a"' in request.content else None
        world.offer("a")
        world.offer("b")
        with capture_logs() as logs:
            world.sender.step()
            world.sender.step()
        assert [camera for camera, _ in world.sent()] == ["b"]
        assert [(line["event"], line["camera"]) for line in logs] == [("latest_picture_refused", "a")]
