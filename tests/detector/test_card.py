import hashlib
import shutil

import pytest
import yaml

from detector.card import ModelError, default_weights, load_model
from detector.pipeline import Detector


@pytest.fixture
def weights(tmp_path):
    """A copy of the shipped weights, to be spoilt."""
    return shutil.copytree(default_weights(), tmp_path / "weights")


def change_card(folder, name, **changes):
    path = folder / f"{name}.yaml"
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(card | changes), encoding="utf-8")


def test_the_shipped_weights_load():
    assert [model.name for model in Detector.load().models] == ["finder", "attributes"]


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_weights_with_another_hash_are_refused(weights, name):
    with (weights / f"{name}.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=rf"{name}\.onnx.*SHA-256"):
        Detector.load(weights)


def test_a_card_that_lies_about_its_input_is_refused(weights):
    card, _ = load_model(weights, "finder")
    change_card(weights, "finder", input=card.input.model_dump() | {"dtype": "float32"})
    with pytest.raises(ModelError, match=r"promises .* float32"):
        Detector.load(weights)


def test_a_card_that_lies_about_the_crop_size_is_refused(weights):
    card, _ = load_model(weights, "attributes")
    change_card(weights, "attributes", input=card.input.model_dump() | {"shape": ["n", 64, 64, 3]})
    with pytest.raises(ModelError, match="promises"):
        Detector.load(weights)


def test_a_card_without_a_field_is_refused(weights):
    (weights / "finder.yaml").write_text("name: finder\n")
    with pytest.raises(ModelError, match=r"finder\.yaml"):
        Detector.load(weights)


def test_missing_weights_are_named(weights):
    (weights / "attributes.onnx").unlink()
    with pytest.raises(ModelError, match=r"attributes\.onnx"):
        Detector.load(weights)


def test_a_file_that_is_no_model_is_refused(weights):


    (weights / "finder.onnx").write_bytes(b"no model")
    change_card(weights, "finder", sha256=hashlib.sha256(b"no model").hexdigest())
    with pytest.raises(ModelError, match="do not load"):
        Detector.load(weights)
