import numpy as np
import pytest

from detector import attributes as attributes_module
from detector.attributes import MOST_CROPS, AttributeReader
from detector.card import default_weights, load_model

SIZE = 96


class Scripted:
    def __init__(self, answers):
        self.answers = answers
        self.batches = []

    def run(self, batch):
        self.batches.append(len(batch))
        return [np.repeat(np.asarray([row], np.float32), len(batch), axis=0) for row in self.answers]


@pytest.fixture
def read(monkeypatch):
    def make(count=1, sure=0.7, **probabilities):
        card, weights = load_model(default_weights(), "attributes")
        even = {name: [1 / len(states)] * len(states) for name, states in card.classes.items()}
        network = Scripted([(even | probabilities)[output.name] for output in card.outputs])
        monkeypatch.setattr(attributes_module, "Session", lambda *_: network)
        reader = AttributeReader(card, weights)
        monkeypatch.setattr(reader, "_sure", dict.fromkeys(card.classes, sure))
        return reader.read([np.zeros((SIZE, SIZE, 3), np.uint8)] * count), network

    return make


@pytest.mark.parametrize(
    ("probabilities", "state", "score"),
    [
        ([0.9, 0.05, 0.05], "worn", 0.05),
        ([0.1, 0.8, 0.1], "missing", 0.8),
        ([0.4, 0.5, 0.1], "unknown", 0.5),
        ([0.05, 0.05, 0.9], "unknown", 0.05),
    ],
)
def test_a_state_is_told_when_it_is_sure(read, probabilities, state, score):
    (reading,), _ = read(cap=probabilities)
    assert (reading.cap.state, reading.cap.score) == (state, pytest.approx(score))


def test_two_ways_to_violate_count_together(read):
    (reading,), _ = read(mask=[0.1, 0.45, 0.4, 0.05])
    assert (reading.mask.state, reading.mask.score) == ("missing", pytest.approx(0.85))


def test_two_ways_to_violate_count_together_even_if_a_good_mask_is_the_likeliest_state(read):
    (reading,), _ = read(sure=0.6, mask=[0.38, 0.32, 0.3, 0.0])
    assert (reading.mask.state, reading.mask.score) == ("missing", pytest.approx(0.62))


def test_many_crops_are_read_in_bounded_batches(read):
    readings, network = read(count=MOST_CROPS + 6)
    assert len(readings) == MOST_CROPS + 6
    assert network.batches == [MOST_CROPS, 6]


def test_no_crops_need_no_network(read):
    readings, network = read(count=0)
    assert (readings, network.batches) == ([], [])
