from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from detector.card import default_weights, load_model
from models.data import DataError, read_folder
from models.fixtures import difference, seeded_input
from models.int8 import _crops, _kept, _quantise, quantise
from tests.models.data_folder import write_folder


def test_int8_answers_as_fp32_in_two_fifths_of_the_bytes(tmp_path: Path):
    card, fp32 = load_model(default_weights(), "attributes", "fp32")
    crops, out = seeded_input((8, 96, 96, 3)), tmp_path / "int8.onnx"
    _quantise(fp32, out, card.input.name, [crops])
    answers = [ort.InferenceSession(weights).run(["mask"], {"crops": crops})[0] for weights in (fp32, out.read_bytes())]
    assert 0 < difference(*answers) < 0.1
    assert out.stat().st_size < len(fp32) * 0.4


def test_what_mixes_pixels_and_probabilities_stays_in_fp32():
    _, fp32 = load_model(default_weights(), "finder", "fp32")
    model = onnx.load_model_from_string(fp32)
    kept = set(_kept(model))
    assert {node.name for node in model.graph.node if "detections" in node.output} <= kept
    assert sum(node.op_type == "Conv" and node.name not in kept for node in model.graph.node) > 50


def test_scales_of_stage_2_come_from_labelled_heads_and_hands(tmp_path: Path):
    labels = {"p0": "1 0.5 0.5 0.5 0.5\n6 0.2 0.2 0.2 0.2\n0 0.5 0.5 0.9 0.9\n"}
    pictures = read_folder(write_folder(tmp_path / "d", [{"annotated": [0, 1, 2, 6, 7]}], labels))
    (batch,) = _crops(*load_model(default_weights(), "attributes"), pictures)
    assert batch.shape == (2, 96, 96, 3)
    assert batch.dtype == np.uint8


def test_scales_need_pictures(tmp_path: Path):
    with pytest.raises(DataError, match="no training picture"):
        quantise(default_weights(), [], print)
    with pytest.raises(DataError, match="No head, face or hand"):
        list(_crops(*load_model(default_weights(), "attributes"), read_folder(write_folder(tmp_path / "d", [{}]))))
