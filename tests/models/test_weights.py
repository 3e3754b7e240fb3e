from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from detector.card import default_weights, load_model
from detector.pipeline import Detector
from models.fixtures import difference, seeded_input
from models.untrained import write_untrained


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_the_weights_answer_as_the_model_they_were_made_from(name: str):
    card, weights = load_model(default_weights(), name)
    with np.load(default_weights() / f"{name}.parity.npz") as kept:
        outputs = [output.name for output in card.outputs]
        images = seeded_input(tuple(kept["shape"]))
        now = ort.InferenceSession(weights).run(outputs, {card.input.name: images})
        for output, values in zip(outputs, now, strict=True):
            assert difference(kept[output], values) < 1e-3, output


@pytest.mark.parametrize("height_width", [(96, 160), (384, 640), (640, 384), (320, 320)])
def test_the_finder_takes_any_shape_of_whole_strides(height_width: tuple[int, int]):
    card, weights = load_model(default_weights(), "finder")
    (found,) = ort.InferenceSession(weights).run(None, {card.input.name: seeded_input((2, *height_width, 3))})
    assert found.shape == (2, 300, 6)


def test_probabilities_of_every_attribute_add_up():
    card, weights = load_model(default_weights(), "attributes")
    names = [output.name for output in card.outputs]
    answers = ort.InferenceSession(weights).run(names, {card.input.name: seeded_input((5, 96, 96, 3))})
    for name, values in zip(names, answers, strict=True):
        assert values.shape == (5, len(card.classes[name]))
        assert np.allclose(values.sum(1), 1, atol=1e-5)
        assert (values >= 0).all()


def test_both_stages_fit_the_size_that_is_promised():
    shipped = sum(path.stat().st_size for path in default_weights().glob("*.onnx"))
    assert shipped <= 15e6


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
