import numpy as np
import pytest

from models.caps import draw_cap
from models.cigarettes import draw_cigarette, draw_cigarette_held
from models.gloves import put_glove, soil

HEAD = np.array([40, 30, 90, 95], np.float32)


def picture() -> np.ndarray:
    return np.full((130, 130, 3), (90, 110, 150), np.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_a_drawn_cap_covers_the_crown_and_leaves_the_mouth(seed: int):
    changed = np.abs(draw_cap(np.random.default_rng(seed), picture(), HEAD).astype(int) - picture()).max(2) > 12
    assert changed[32:42, 58:72].mean() > 0.6
    assert not changed[80:95, 40:90].any()


def hand() -> tuple[np.ndarray, np.ndarray]:
    """A lit hand on steel, and where its skin is."""
    image, skin = np.full((130, 130, 3), 128, np.uint8), np.zeros((130, 130), bool)
    skin[36:95, 46:84] = True
    image[skin] = np.linspace(0.8, 1.2, skin.sum())[:, None] * (100, 130, 180)
    return image, skin


def changed(drawn: np.ndarray) -> np.ndarray:
    return np.abs(drawn.astype(int) - hand()[0]).max(2) > 12


@pytest.mark.parametrize("seed", range(12))
def test_a_glove_covers_the_skin_and_little_else(seed: int):
    image, skin = hand()
    gloved = put_glove(np.random.default_rng(seed), image, HEAD)
    assert gloved is not None
    assert changed(gloved)[skin].mean() > 0.9
    assert changed(gloved)[~skin].mean() < 0.05


@pytest.mark.parametrize("seed", range(12))
def test_dirt_covers_a_part_of_the_skin_alone(seed: int):
    image, skin = hand()
    soiled = changed(soil(np.random.default_rng(seed), image, HEAD))
    assert 0.05 < soiled[skin].mean() < 0.8
    assert soiled[~skin].mean() < 0.05


def test_without_skin_there_is_no_hand_to_draw_on():
    grey = np.full((130, 130, 3), 128, np.uint8)
    assert put_glove(np.random.default_rng(0), grey, HEAD) is None
    assert soil(np.random.default_rng(0), grey, HEAD) is grey


def drawn_pixels(drawn: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the picture has changed; that is inside the box."""
    ys, xs = np.nonzero(np.abs(drawn.astype(int) - picture()).max(2) > 12)
    assert len(xs) >= 4
    assert xs.min() >= box[0] - 2
    assert xs.max() <= box[2] + 2
    assert ys.min() >= box[1] - 2
    assert ys.max() <= box[3] + 2
    return ys, xs


@pytest.mark.parametrize("seed", range(12))
def test_a_drawn_cigarette_lies_in_its_box_at_the_mouth(seed: int):
    ys, _ = drawn_pixels(*draw_cigarette(np.random.default_rng(seed), picture(), HEAD))
    assert 65 < ys.mean() < 125


@pytest.mark.parametrize("seed", range(12))
def test_a_held_cigarette_lies_in_its_box_and_in_the_hand(seed: int):
    ys, xs = drawn_pixels(*draw_cigarette_held(np.random.default_rng(seed), picture(), HEAD))
    assert ((xs >= 40) & (xs <= 90) & (ys >= 30) & (ys <= 95)).any()


def test_drawing_leaves_the_original_alone():
    image = picture()
    draw_cap(np.random.default_rng(0), image, HEAD)
    draw_cigarette(np.random.default_rng(0), image, HEAD)
    assert np.array_equal(image, picture())
