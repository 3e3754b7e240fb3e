from importlib.resources import files
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from detector.boxes import iou
from detector.card import Precision, default_weights, load_model
from detector.crops import PADDING, crop_square
from detector.finder import Finder, fit, lay
from detector.pipeline import Detector
from detector.session import Session
from models.fixtures import difference, seeded_input
from models.int8 import CROPS
from models.untrained import write_untrained

VARIANTS: tuple[Precision, ...] = ("fp32", "int8")


@pytest.mark.parametrize("precision", VARIANTS)
def test_the_finder_finds_each_thing_once(kitchen: NDArray[np.uint8], precision: Precision):
    """It is the graph that removes doubles: nothing after it would."""
    card, weights = load_model(default_weights(), "finder", precision)
    canvas = np.full((1, 384, 640, 3), PADDING, np.uint8)
    lay(kitchen, canvas[0], fit(1280, 720, (640, 384)))
    (rows,) = ort.InferenceSession(weights).run(None, {card.input.name: canvas})[0]
    told = [row for row in rows.tolist() if row[4] > 0.05]
    assert len(told) > 8
    assert not [(a, b) for a, b in combinations(told, 2) if a[5] == b[5] and iou(a[:4], b[:4]) > 0.61]


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_the_weights_answer_as_the_model_they_were_made_from(name: str):
    card, weights = load_model(default_weights(), name, "fp32")
    with np.load(default_weights() / f"{name}.parity.npz") as kept:
        outputs = [output.name for output in card.outputs]
        images = seeded_input(tuple(kept["shape"]))
        now = ort.InferenceSession(weights).run(outputs, {card.input.name: images})
        for output, values in zip(outputs, now, strict=True):
            assert difference(kept[output], values) < 1e-3, output


@pytest.fixture(scope="module")
def kitchen() -> NDArray[np.uint8]:
    """The first picture of the demo clip: on noise no score is high enough to compare int8 by."""
    with av.open(str(files("configs") / "demo" / "kitchen.mp4")) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24")


def test_int8_finds_what_fp32_finds(kitchen: NDArray[np.uint8]):
    fp32, int8 = (Finder(*load_model(default_weights(), "finder", precision)).find([kitchen])[0] for precision in VARIANTS)
    clear = [thing for thing in fp32 if thing.score >= 0.6]
    assert len(clear) >= 6
    again = [[one for one in int8 if one.name == thing.name and iou(one.box, thing.box) >= 0.7] for thing in clear]
    assert all(again)
    # 7 bits move a score by some hundredths; scales that suit no layer leave none above 0.1.
    assert np.mean([abs(thing.score - same[0].score) for thing, same in zip(clear, again, strict=True)]) < 0.1


def test_int8_reads_what_fp32_reads(kitchen: NDArray[np.uint8]):
    (found,) = Finder(*load_model(default_weights(), "finder", "fp32")).find([kitchen])
    crops = np.stack([crop_square(kitchen, thing.box, 1.6, 96) for thing in found])
    fp32, int8 = (Session(*load_model(default_weights(), "attributes", precision)).run(crops) for precision in VARIANTS)
    for before, after in zip(fp32, int8, strict=True):
        assert np.abs(before - after).mean() < 0.1


@pytest.mark.parametrize("height_width", [(96, 160), (384, 640), (640, 384), (320, 320)])
def test_the_finder_takes_any_shape_of_whole_strides(height_width: tuple[int, int]):
    card, weights = load_model(default_weights(), "finder")
    (found,) = ort.InferenceSession(weights).run(None, {card.input.name: seeded_input((2, *height_width, 3))})
    assert found.shape == (2, 300, 6)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_probabilities_of_every_attribute_add_up(precision: Precision):
    card, weights = load_model(default_weights(), "attributes", precision)
    names = [output.name for output in card.outputs]
    answers = ort.InferenceSession(weights).run(names, {card.input.name: seeded_input((5, 96, 96, 3))})
    for name, values in zip(names, answers, strict=True):
        assert values.shape == (5, len(card.classes[name]))
        assert np.allclose(values.sum(1), 1, atol=1e-5)
        assert (values >= 0).all()


def test_both_stages_fit_the_size_that_is_promised():
    cards = [load_model(default_weights(), name)[0] for name in ("finder", "attributes")]
    used = sum((default_weights() / card.file).stat().st_size for card in cards)
    shipped = sum(path.stat().st_size for path in default_weights().glob("*.onnx"))
    assert used <= 15e6
    assert shipped <= 35e6


@pytest.mark.parametrize("precision", VARIANTS)
def test_reading_one_person_costs_a_tenth_of_finding(precision: Precision):
    """By the CPU times in the cards, which were measured in turns on one machine: a picture, and the crops of CROPS."""
    finder, reader = (
        next(v.cpu_ms for v in load_model(default_weights(), name)[0].variants if v.precision == precision)
        for name in ("finder", "attributes")
    )
    of_a_person = 3  # a head and two hands
    assert reader * of_a_person / CROPS[0] <= finder / 10


def test_no_weights_lie_about_that_no_card_names():
    cards = [load_model(default_weights(), name)[0] for name in ("finder", "attributes")]
    named = {variant.file for card in cards for variant in card.variants} | {card.file for card in cards}
    assert {path.name for path in default_weights().glob("*.onnx")} == named


def test_an_untrained_net_loads_and_finds_nobody(tmp_path: Path):
    write_untrained(tmp_path)
    (seen,) = Detector.load(tmp_path).look([seeded_input((1, 360, 640, 3))[0]])
    assert seen.people == ()
    assert seen.objects == ()


def test_an_untrained_net_answers_differently_from_the_shipped_one(tmp_path: Path):
    write_untrained(tmp_path)
    crops = seeded_input((4, 96, 96, 3))
    answers = []
    for folder in (tmp_path, default_weights()):
        _, weights = load_model(folder, "attributes")
        answers.append(ort.InferenceSession(weights).run(["cap"], {"crops": crops})[0])
    assert np.abs(answers[0] - answers[1]).max() > 0.05
