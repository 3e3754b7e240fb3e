import cv2
import numpy as np
import pytest

from models.augment import CELL, grain, paint
from models.pseudo import Targets

RED = (0, 0, 255)


def picture_with_red_box() -> tuple[np.ndarray, Targets]:
    image = np.full((180, 320, 3), 30, np.uint8)
    image[60:120, 120:180] = RED
    empty = np.zeros((0, 4), np.float32)
    boxes = np.array([[120, 60, 180, 120]], np.float32)
    return image, Targets(np.array([1]), boxes, (empty,) * 4, frozenset({3}))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("scene", [True, False], ids=["scene", "turned close-up"])
def test_boxes_move_with_what_they_hold(seed: int, count: int, scene: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.augment.camera", lambda rng, image: image)
    monkeypatch.setattr("models.augment.TURNED", 1.0)
    image, targets = picture_with_red_box()
    canvas = paint(np.random.default_rng(seed), [(image, targets, scene)] * count, 512, 320)
    red = (canvas.image[:, :, 2] > 180) & (canvas.image[:, :, 0] < 90)
    covered = np.zeros_like(red)
    for x1, y1, x2, y2 in canvas.boxes:
        covered[int(y1) : int(np.ceil(y2)) + 1, int(x1) : int(np.ceil(x2)) + 1] = True
    for y, x in np.argwhere(canvas.untaught[1]):
        covered[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL] = True
    assert (red & ~covered).sum() <= 0.03 * max(1, red.sum())


@pytest.mark.parametrize("scene", [True, False], ids=["scene", "close-up"])
def test_only_close_ups_are_turned_by_a_quarter(scene: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.augment.TURNED", 1.0)
    image, targets = picture_with_red_box()
    wide = Targets(targets.classes, np.array([[130, 80, 190, 100]], np.float32), targets.unsure, targets.unknown)
    canvases = [paint(np.random.default_rng(seed), [(image, wide, scene)], 512, 320) for seed in range(20)]
    sides = np.concatenate([c.boxes[:, 2:] - c.boxes[:, :2] for c in canvases])
    lies = sides[:, 0] > sides[:, 1]
    assert len(lies) > 10
    assert lies.mean() > 0.8 if scene else lies.mean() < 0.2


def test_an_unknown_class_is_untaught_on_its_own_tile_only():
    image, targets = picture_with_red_box()
    known = Targets(targets.classes, targets.boxes, targets.unsure, frozenset())
    canvas = paint(np.random.default_rng(0), [(image, targets, True), (image, known, True)], 512, 320)
    assert canvas.untaught[3, :, :32].all()
    assert not canvas.untaught[3, :, 32:].any()


def test_the_same_seed_paints_the_same_canvas():
    image, targets = picture_with_red_box()
    first, second = (paint(np.random.default_rng(3), [(image, targets, False)], 512, 320) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.boxes, second.boxes)


@pytest.mark.parametrize("channels", [1, 3])
def test_grain_is_as_strong_in_every_channel_whatever_was_drawn_before(channels: int):
    cv2.randn(np.empty((40, 40, 3), np.int16), np.full(3, 2000.0), np.full(3, 5000.0))  # stays in OpenCV's memory
    noise = grain(np.random.default_rng(0), 80, 80, channels)
    deviations = noise.std((0, 1))
    assert deviations.min() >= 2
    assert deviations.max() <= 1.1 * deviations.min()
    assert np.abs(noise.mean((0, 1))).max() < 1
