from pathlib import Path

import onnxruntime as ort
import pytest

from detector import session
from detector.card import default_weights, load_model
from detector.providers import NAMES, Kind, Provider, Shapes, Wanted
from detector.session import chosen

SHAPES = Shapes((1, 32, 32, 3), (1, 384, 640, 3), (4, 640, 640, 3))


@pytest.mark.parametrize(
    ("wanted", "there", "kind"),
    [
        ("auto", ["cpu"], "cpu"),
        ("auto", ["cuda", "cpu"], "cuda"),
        ("auto", ["tensorrt", "cuda", "cpu"], "cuda"),  # building engines takes minutes: only for who asks for it
        ("auto", ["openvino", "cpu"], "cpu"),
        ("cpu", ["tensorrt", "cuda", "cpu"], "cpu"),
        ("tensorrt", ["tensorrt", "cuda", "cpu"], "tensorrt"),
        ("cuda", ["cpu"], "cuda"),  # that it is missing is told, not hidden
    ],
)
def test_which_provider_is_chosen(monkeypatch: pytest.MonkeyPatch, wanted: Wanted, there: list[Kind], kind: Kind):
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [NAMES[one] for one in there])
    assert chosen(wanted) == kind


@pytest.mark.parametrize("kind", NAMES)
def test_quantised_weights_are_the_processors_alone(kind: Kind):
    assert Provider(kind).precision == (None if kind == "cpu" else "fp32")


@pytest.mark.parametrize("kind", NAMES)
def test_what_a_provider_cannot_do_falls_to_the_processor(kind: Kind):
    names = [name for name, _ in Provider(kind).options("images", SHAPES, 1)]
    assert (names[0], names[-1]) == (NAMES[kind], NAMES["cpu"])


def test_tensorrt_builds_one_engine_for_all_shapes_and_keeps_it():
    (_, options), *_ = Provider("tensorrt", Path("/data/edge/engines")).options("images", SHAPES, 1)
    assert options == {
        "trt_profile_min_shapes": "images:1x32x32x3", "trt_profile_opt_shapes": "images:1x384x640x3",
        "trt_profile_max_shapes": "images:4x640x640x3", "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": "/data/edge/engines",
    }


def test_a_session_has_one_thread_that_does_not_spin(monkeypatch: pytest.MonkeyPatch):
    given: list[ort.SessionOptions] = []

    class Seen(ort.InferenceSession):
        def __init__(self, weights: bytes, options: ort.SessionOptions, **others: object) -> None:
            given.append(options)
            super().__init__(weights, options, **others)

    monkeypatch.setattr(session.ort, "InferenceSession", Seen)
    session.Session(*load_model(default_weights(), "attributes"))
    spins = [one.get_session_config_entry("session.intra_op.allow_spinning") for one in given]
    assert [(one.intra_op_num_threads, one.inter_op_num_threads) for one in given] == [(1, 1)]
    assert spins == ["0"]
