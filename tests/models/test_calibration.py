import numpy as np
import pytest

from models.attribute_crops import Labels
from models.calibration import biases
from models.publish import STATES


def told(cap: list[float]) -> dict[str, np.ndarray]:
    """Told probabilities: of a missing cap as given, a tenth of unknown; of everything else the same for all states."""
    answers = {name: np.full((len(cap), len(states)), 1 / len(states), np.float32) for name, states in STATES.items()}
    missing = 0.9 * np.array(cap, np.float32)
    answers["cap"] = np.stack([0.9 - missing, missing, np.full(len(cap), 0.1, np.float32)], 1)
    return answers


def heads(missing: int, worn: int) -> list[Labels]:
    return [Labels(cap=1)] * missing + [Labels(cap=0)] * worn


def test_what_is_told_too_rarely_is_told_more_often():
    scenes = [str(n) for n in range(200)]
    bias = biases(heads(100, 100), told([0.2] * 200), scenes)["cap"]
    # The odds are a quarter and should be one: log 4, less a little for the prior.
    assert bias == pytest.approx(np.log(4), abs=0.1)


def test_true_probabilities_stay_as_they_are():
    found = biases(heads(20, 80), told([0.2] * 100), [str(n) for n in range(100)])
    assert found["cap"] == pytest.approx(0, abs=1e-6)


def test_few_scenes_move_little():
    many, few = (biases(heads(n, n), told([0.2] * 2 * n), [str(i) for i in range(2 * n)])["cap"] for n in (100, 2))
    assert 0 < few < many / 2


def test_a_scene_of_many_pictures_counts_as_one():
    """Ten scenes show as many bare heads as was told; an eleventh has a hundred of them."""
    labels = heads(5, 5) + heads(100, 0)
    scenes = [str(n) for n in range(10)] + ["crowd"] * 100
    assert 0 < biases(labels, told([0.5] * 110), scenes)["cap"] < 0.3


@pytest.mark.parametrize("label", [Labels(), Labels(cap=2)], ids=["silent", "unknown"])
def test_what_is_not_known_teaches_nothing(label: Labels):
    assert biases([label] * 50, told([0.2] * 50), [str(n) for n in range(50)])["cap"] == 0


def test_a_slipped_mask_is_a_violation():
    assert biases([Labels(mask=2)] * 50, told([0.5] * 50), [str(n) for n in range(50)])["mask"] > 0.5


def test_a_probability_of_zero_is_no_error():
    labels = [Labels(cap=1)] * 3
    assert np.isfinite(biases(labels, told([0.0] * 3), ["a", "b", "c"])["cap"])


def test_odds_that_are_all_far_off_are_shifted_and_not_run_away_from():
    """Of 300 scenes half violate, and all are told to be worn with 0.98."""
    labels, scenes = heads(150, 150), [str(n) for n in range(300)]
    assert biases(labels, told([0.02] * 300), scenes)["cap"] == pytest.approx(np.log(49), abs=0.2)
