import cv2
import numpy as np
import pytest

from detector import finder as finder_module
from detector.card import default_weights, load_model
from detector.crops import PADDING
from detector.finder import MOST_CANVASES, Finder, canvas_for, fit, lay
from detector.providers import PROCESSOR, Provider


@pytest.mark.parametrize(
    ("width", "height", "canvas"),
    [
        (1920, 1080, (640, 384)),
        (1280, 720, (640, 384)),
        (640, 480, (640, 480)),
        (480, 640, (480, 640)),
        (100, 100, (640, 640)),
        (3840, 2160, (640, 384)),
        (2000, 10, (640, 32)),
        (5000, 1, (640, 32)),
        (1, 5000, (32, 640)),
    ],
)
def test_the_canvas_has_the_shape_of_the_picture(width, height, canvas):
    assert canvas_for(width, height, 640) == canvas


def test_the_picture_lies_in_the_middle_of_the_canvas():
    canvas = np.full((384, 640, 3), PADDING, np.uint8)
    lay(np.zeros((720, 1280, 3), np.uint8), canvas, fit(1280, 720, (640, 384)))
    assert (canvas[12:-12] == 0).all()
    assert (canvas[:12] == PADDING).all()
    assert (canvas[-12:] == PADDING).all()


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (3200, 1800), (1280, 720), (2304, 1296), (640, 360), (100, 100)])
def test_pictures_of_all_sizes_are_scaled_alike(size):
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    canvas = canvas_for(*size, 640)
    place = fit(*size, canvas)
    laid = np.full((canvas[1], canvas[0], 3), PADDING, np.uint8)
    lay(picture, laid, place)
    linear = cv2.resize(picture, (place.width, place.height), interpolation=cv2.INTER_LINEAR)
    assert (laid[place.top : place.top + place.height, place.left : place.left + place.width] == linear).all()


class Scripted:
    """Stands for the network: answers boxes in canvas pixels."""

    def __init__(self, rows):
        self.rows = np.zeros((300, 6), np.float32)
        self.rows[: len(rows)] = np.asarray(rows, np.float32).reshape(-1, 6)
        self.shapes = []
        self.batches = []

    def run(self, batch):
        self.shapes.append(batch.shape)
        self.batches.append(batch)
        return [np.repeat(self.rows[None], len(batch), axis=0)]


@pytest.fixture
def scripted(monkeypatch):
    def make(rows, provider=PROCESSOR):
        network = Scripted(rows)
        monkeypatch.setattr(finder_module, "Session", lambda *_: network)
        card, weights = load_model(default_weights(), "finder")
        return Finder(card, weights, provider=provider), network

    return make


def test_boxes_come_back_in_pixels_of_the_picture(scripted):
    finder, _ = scripted([(100, 62, 200, 212, 0.9, 0)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert [thing.box for thing in found] == [(200, 100, 400, 400)]


def test_boxes_of_a_picture_that_stands_upright_come_back_in_its_pixels(scripted):
    """480 x 700 lies on a canvas of 448 x 640: 439 columns from the fifth one on."""
    finder, network = scripted([(4, 64, 443, 320, 0.9, 0)])
    (found,) = finder.find([np.full((700, 480, 3), 7, np.uint8)])
    assert [thing.box for thing in found] == [pytest.approx((0, 70, 480, 350))]
    assert (network.batches[0][0, 0, [3, 4, 442, 443], 0] == [PADDING, 7, 7, PADDING]).all()


def test_each_class_has_its_own_least_score(scripted):
    """0.35 for people, 0.25 for heads, 0.3 for hands, 0.12 for cigarettes."""
    for score, told in ((0.32, ["head", "hand", "cigarette"]), (0.27, ["head", "cigarette"]), (0.2, ["cigarette"])):
        finder, _ = scripted([(100, 62, 200, 212, score, kind) for kind in (0, 1, 2, 3)])
        (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
        assert [thing.name for thing in found] == told


def test_a_double_is_removed_also_where_there_is_nothing_else(scripted):
    finder, _ = scripted([(100, 62, 200, 212, 0.9, 2), (110, 72, 160, 132, 0.8, 2)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert [thing.score for thing in found] == pytest.approx([0.9])


def test_boxes_are_cut_at_the_border(scripted):
    finder, _ = scripted([(-20, 0, 700, 384, 0.9, 0)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert [thing.box for thing in found] == [(0, 0, 1280, 720)]


def test_what_is_not_sure_enough_or_empty_is_left_out(scripted):
    finder, _ = scripted([(100, 62, 200, 212, 0.01, 0), (100, 62, 100.1, 212, 0.9, 0)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert found == []


def test_a_hand_inside_a_cigarette_is_another_thing(scripted):
    finder, _ = scripted([(100, 62, 200, 212, 0.9, 3), (110, 72, 160, 132, 0.8, 2)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert [thing.name for thing in found] == ["cigarette", "hand"]


def test_each_picture_is_seen_in_its_own_shape(scripted):
    finder, network = scripted([])
    finder.find([np.zeros(shape, np.uint8) for shape in ((720, 1280, 3), (480, 640, 3), (1080, 1920, 3))])
    assert network.shapes == [(1, 384, 640, 3), (1, 480, 640, 3), (1, 384, 640, 3)]


def test_on_a_graphics_card_pictures_of_one_shape_are_looked_at_together(scripted):
    """At most four, each on a canvas of its own, and what was found comes back in the order of the pictures."""
    finder, network = scripted([(0, 12, 640, 372, 0.9, 0)], Provider("cuda"))
    wide, high = (720, 1280, 3), (480, 640, 3)
    found = finder.find([np.full(shape, i, np.uint8) for i, shape in enumerate((wide, high, wide, wide, wide, wide))])
    assert network.shapes == [(4, 384, 640, 3), (1, 384, 640, 3), (1, 480, 640, 3)]
    assert network.batches[0][:, 192, 320, 0].tolist() == [0, 2, 3, 4]
    assert [one[0].box[2] for one in found] == [1280, 640, 1280, 1280, 1280, 1280]


def test_a_kept_canvas_shows_nothing_of_another_picture(scripted):
    """Two sizes share a canvas, but not the place in it."""
    finder, network = scripted([])
    finder.find([np.full(shape, 255, np.uint8) for shape in ((720, 1280, 3), (740, 1280, 3), (720, 1280, 3))])
    border = network.batches[-1][0, :12]
    assert (border == PADDING).all()
    assert len({id(batch) for batch in network.batches}) == 2


def test_canvases_of_many_sizes_are_not_all_kept(scripted):
    finder, _ = scripted([])
    for side in range(300, 300 + 40 * MOST_CANVASES, 20):
        finder.find([np.zeros((side, 640, 3), np.uint8)])
    assert len(finder._canvases) <= MOST_CANVASES


@pytest.mark.parametrize("kind", [1, 2, 3], ids=["head", "hand", "cigarette"])
def test_one_inside_another_of_its_kind_is_the_same_one(scripted, kind):
    boxes = [(100, 62, 200, 212), (110, 72, 160, 132), (300, 62, 350, 112), (340, 62, 390, 112)]
    finder, _ = scripted([(*box, 0.9 - index / 10, kind) for index, box in enumerate(boxes)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert [thing.score for thing in found] == pytest.approx([0.9, 0.7, 0.6])


@pytest.mark.parametrize(
    ("other", "people"),
    [((103, 64, 197, 150), 1), ((130, 62, 200, 150), 2), ((100, 62, 170, 150), 2), ((100, 100, 200, 180), 2)],
    ids=["cut off by the worktop", "another left side", "another right side", "another top"],
)
def test_somebody_with_and_without_legs_is_one_and_who_stands_in_front_another(scripted, other, people):
    finder, _ = scripted([(100, 62, 200, 312, 0.9, 0), (*other, 0.8, 0)])
    (found,) = finder.find([np.zeros((720, 1280, 3), np.uint8)])
    assert len(found) == people
