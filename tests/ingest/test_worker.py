"""What a worker does before it looks: what would be fast is held against the exact weights on the processor."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import yaml
from structlog.testing import capture_logs

from detector import session
from detector.card import Precision, default_weights, load_model
from detector.pipeline import Detector
from detector.providers import NAMES, Wanted
from ingest import loading
from ingest.loading import Loaded, load_detector
from ingest.parts import Looker
from ingest.pipe import Setup


def spoil(weights: Path, name: str) -> None:
    """Make the int8 variant of a model answer as where its sums overflow: every scale of its weights is a quarter of the true."""
    card = yaml.safe_load((weights / f"{name}.yaml").read_text())
    model = onnx.load(weights / card["file"])
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_scale") and tensor.dims:  # by channel: those of weights
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.asarray(onnx.numpy_helper.to_array(tensor) / 4), tensor.name))
    content = model.SerializeToString()
    (weights / card["file"]).write_bytes(content)
    (fast,) = (variant for variant in card["variants"] if variant["file"] == card["file"])
    card["sha256"] = fast["sha256"] = hashlib.sha256(content).hexdigest()
    (weights / f"{name}.yaml").write_text(yaml.safe_dump(card))


def usual(precision: Precision | None) -> list[str]:
    return [load_model(default_weights(), stage, precision)[0].sha256 for stage in ("finder", "attributes")]


def hashes(detector: Looker) -> list[str]:
    return [model.sha256 for model in detector.models]


def test_the_fast_weights_are_used_where_they_see_what_the_exact_ones_do():
    loaded = load_detector(Setup(b"", None, 1))
    assert not loaded.is_exact
    assert hashes(loaded.detector) == usual(None)


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_weights_that_go_wrong_here_are_not_used_and_it_is_said(tmp_path: Path, name: str):
    weights = tmp_path / "weights"
    shutil.copytree(default_weights(), weights)
    spoil(weights, name)
    with capture_logs() as logs:
        loaded = load_detector(Setup(b"", weights, 1))
    assert loaded.is_exact
    assert hashes(loaded.detector) == usual("fp32")
    assert [line["event"] for line in logs] == ["fast_weights_go_wrong"]


class OnCard(ort.InferenceSession):
    """Says that it computes on a graphics card, and does so on the processor; or answers wrongly, or fails, for tests of that."""

    fault: Literal["wrong", "fails", "no numbers"] | None = None

    def __init__(self, weights: bytes, options: ort.SessionOptions, *, providers: list[tuple[str, object]], **_: object) -> None:
        self._told = [name for name, _ in providers]
        super().__init__(weights, options, providers=["CPUExecutionProvider"])

    def get_providers(self) -> list[str]:
        return self._told

    def run(self, *asked: object) -> list[np.ndarray]:
        fault = self.fault if self._told[0] != NAMES["cpu"] else None
        if fault == "fails":
            raise RuntimeError("no room on the card")
        answers = super().run(*asked)
        if fault == "no numbers" and len(answers) > 1:  # of stage 2 alone, as where half precision overflows
            return [answer * np.nan for answer in answers]
        return [answer * 0 for answer in answers] if fault == "wrong" else answers


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> type[OnCard]:
    """An onnxruntime that knows a graphics card."""
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [NAMES["cuda"], NAMES["cpu"]])
    monkeypatch.setattr(session.ort, "InferenceSession", OnCard)
    return OnCard


def test_a_provider_that_sees_what_the_processor_sees_is_used_with_the_exact_weights(card: type[OnCard]):
    with capture_logs() as logs:
        loaded = load_detector(Setup(b"", None, 1, provider="auto"))
    assert not loaded.no_provider
    assert hashes(loaded.detector) == usual("fp32")
    assert [(line["event"], line["provider"]) for line in logs] == [("provider_used", "cuda")]


@pytest.fixture
def fallen_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[Wanted], str]:
    """The cause, once the processor's detector is used and log and heartbeat can say so."""

    def load(wanted: Wanted) -> str:
        usual = Detector.load()
        monkeypatch.setattr(loading, "_on_processor", lambda setup: Loaded(usual))
        with capture_logs() as logs:
            assert load_detector(Setup(b"", None, 1, provider=wanted)) == Loaded(usual, no_provider=True)
        (line,) = logs
        assert line["event"] == "provider_cannot_be_used"
        assert "the processor computes instead" in line["words"]
        assert "改由处理器计算" in line["words"]
        return str(line["cause"])

    return load


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("wrong", "something else than the processor"), ("no numbers", "differ by nan"), ("fails", "no room on the card")],
)
def test_a_provider_that_does_not_work_is_not_used_and_it_is_said(
    card: type[OnCard], monkeypatch: pytest.MonkeyPatch, fallen_back: Callable[[Wanted], str], fault: str, cause: str
):
    monkeypatch.setattr(card, "fault", fault)
    assert cause in fallen_back("cuda")


def test_a_provider_that_this_onnxruntime_has_not_is_said_to_be_missing(fallen_back: Callable[[Wanted], str]):
    assert "has no TensorrtExecutionProvider" in fallen_back("tensorrt")


def test_a_provider_that_onnxruntime_knows_and_cannot_start_is_not_used(
    monkeypatch: pytest.MonkeyPatch, fallen_back: Callable[[Wanted], str]
):
    """It is the real onnxruntime of the processor that is told of a graphics card which it has not."""
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [NAMES["cuda"], NAMES["cpu"]])
    assert "does not start" in fallen_back("auto")
