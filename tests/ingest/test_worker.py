"""What a worker does before it looks: the fast weights are held against the exact ones on this machine."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from structlog.testing import capture_logs

from detector.card import default_weights, load_model
from ingest.pipe import Setup
from ingest.worker import load_detector


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


def test_the_fast_weights_are_used_where_they_see_what_the_exact_ones_do():
    detector, is_exact = load_detector(Setup(b"", None, 1))
    assert not is_exact
    assert [model.sha256 for model in detector.models] == [load_model(default_weights(), name)[0].sha256 for name in
                                                           ("finder", "attributes")]


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_weights_that_go_wrong_here_are_not_used_and_it_is_said(tmp_path: Path, name: str):
    weights = tmp_path / "weights"
    shutil.copytree(default_weights(), weights)
    spoil(weights, name)
    with capture_logs() as logs:
        detector, is_exact = load_detector(Setup(b"", weights, 1))
    assert is_exact
    exact = [load_model(weights, stage, "fp32")[0].sha256 for stage in ("finder", "attributes")]
    assert [model.sha256 for model in detector.models] == exact
    assert [line["event"] for line in logs] == ["fast_weights_go_wrong"]
