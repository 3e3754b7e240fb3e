import hashlib
import re
import shutil

import onnx
import pytest
import yaml

from contract.yaml_text import parse
from detector.attributes import AttributeReader
from detector.card import ModelError, default_weights, load_model
from detector.finder import Finder
from detector.pipeline import Detector


@pytest.fixture
def weights(tmp_path):
    """A copy of the shipped weights, to be spoilt."""
    return shutil.copytree(default_weights(), tmp_path / "weights")


def change_card(folder, name, **changes):
    path = folder / f"{name}.yaml"
    card = parse(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(card | changes), encoding="utf-8")


def used(name):
    """The file of the variant that is loaded by default."""
    return load_model(default_weights(), name)[0].file


def test_the_shipped_weights_load():
    assert [model.name for model in Detector.load().models] == ["finder", "attributes"]


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_weights_with_another_hash_are_refused(weights, name):
    with (weights / used(name)).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=rf"{re.escape(used(name))}.*SHA-256"):
        Detector.load(weights)


STATES = {"cap": ["worn", "missing", "unknown"], "mask": ["worn", "missing", "wrong", "unknown"],
          "smoking": ["yes", "no", "unknown"], "glove": ["worn", "missing", "unknown"]}  # fmt: skip
SURE = dict.fromkeys(STATES, 0.65)
SCORES = {"person": 0.3, "head": 0.3, "hand": 0.3, "cigarette": 0.3}
FEED = {"name": "images", "dtype": "uint8", "shape": ["b", "h", "w", 3]}
CROPS = {"name": "crops", "dtype": "uint8", "shape": ["n", 96, 96, 3]}


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("finder", {"input": FEED | {"dtype": "float32"}}, r"promises .* float32"),
        ("finder", {"input": FEED | {"shape": ["b", "h", "w", 1]}}, "promises"),
        ("finder", {"outputs": []}, "not that of a finder"),
        ("finder", {"classes": {"detections": ["person", "head", "hand"]}}, "not that of a finder"),
        ("finder", {"classes": {"boxes": list(SCORES)}}, "not that of a finder"),
        ("finder", {"thresholds": {"score": SCORES | {"head": 1.5}}}, "less than or equal to 1"),
        ("finder", {"thresholds": {"score": {"person": 0.3}}}, "not that of a finder"),
        ("finder", {"long_side": None}, "not that of a finder"),
        ("finder", {"colour": "blue"}, "Extra inputs"),
        ("finder", {"file": "../attributes.onnx"}, "file"),
        ("attributes", {"input": CROPS | {"shape": ["n", 64, 64, 3]}}, "not that of an attribute reader"),
        ("attributes", {"crop": {"size": 64, "head_scale": 1.6, "hand_scale": 1.4}}, "not that of an attribute reader"),
        ("attributes", {"crop": None}, "not that of an attribute reader"),
        ("attributes", {"classes": STATES | {"cap": ["worn", "missing"]}}, "not that of an attribute reader"),
        ("attributes", {"classes": STATES | {"cap": ["worn", "bare", "unknown"]}}, "not that of an attribute reader"),
        ("attributes", {"classes": STATES | {"cap": ["worn", "no", "unknown"]}}, "not that of an attribute reader"),
        ("attributes", {"thresholds": {"sure": {"cap": 0.65}}}, "not that of an attribute reader"),
        ("attributes", {"thresholds": {"sure": SURE | {"cap": float("nan")}}}, r"thresholds\.sure\.cap"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(weights, name, changes, words):
    change_card(weights, name, **changes)
    stage = {"finder": Finder, "attributes": AttributeReader}[name]
    with pytest.raises(ModelError, match=words):
        stage(*load_model(weights, name))


def test_cards_that_were_swapped_are_refused(weights):
    (weights / "finder.yaml").rename(weights / "kept")
    (weights / "attributes.yaml").rename(weights / "finder.yaml")
    (weights / "kept").rename(weights / "attributes.yaml")
    with pytest.raises(ModelError, match="not that of a finder"):
        Detector.load(weights)


@pytest.mark.parametrize("content", [b"name: finder\n", b"", b"[1, 2", b"\xff\xfe", b"name: 2026-13-45\n"])
def test_a_card_that_is_no_card_is_refused(weights, content):
    (weights / "finder.yaml").write_bytes(content)
    with pytest.raises(ModelError, match=r"finder\.yaml"):
        Detector.load(weights)


def test_missing_weights_are_named(weights):
    (weights / used("attributes")).unlink()
    with pytest.raises(ModelError, match=re.escape(used("attributes"))):
        Detector.load(weights)


def no_model(weights):
    return b"no model"


def truncated(weights):
    return weights[: len(weights) // 2]


def of_the_future(weights):
    model = onnx.load_model_from_string(weights)
    model.opset_import[0].version = 99
    return model.SerializeToString()


@pytest.mark.parametrize("spoil", [no_model, truncated, of_the_future])
def test_weights_that_do_not_load_are_refused(weights, spoil):
    content = spoil((weights / used("finder")).read_bytes())
    (weights / used("finder")).write_bytes(content)
    change_card(weights, "finder", sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(ModelError, match="do not load"):
        Detector.load(weights)


def add_variant(folder, name, file, content):
    """A second variant beside the shipped one, of the given bytes."""
    card = parse((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / file).write_bytes(content)
    change_card(folder, name, variants=[{"precision": "fp32", "file": card["file"], "sha256": card["sha256"], "cpu_ms": 80.0},
                                        {"precision": "int8", "file": file, "sha256": sha256, "cpu_ms": 40.0}])  # fmt: skip


def test_a_variant_is_loaded_by_its_precision(weights):
    add_variant(weights, "finder", "finder.other.onnx", b"other")
    assert load_model(weights, "finder", "int8")[1] == b"other"
    assert load_model(weights, "finder", "int8")[0].version.sha256 == hashlib.sha256(b"other").hexdigest()
    assert load_model(weights, "finder") == load_model(weights, "finder", "fp32")


def test_a_variant_with_another_hash_is_refused(weights):
    add_variant(weights, "finder", "finder.other.onnx", b"other")
    (weights / "finder.other.onnx").write_bytes(b"another")
    with pytest.raises(ModelError, match=r"finder\.other\.onnx.*SHA-256"):
        load_model(weights, "finder", "int8")


def test_a_variant_that_is_not_there_says_how_to_make_it(weights):
    change_card(weights, "finder", variants=[])
    with pytest.raises(ModelError, match="sunshine model quantise"):
        load_model(weights, "finder", "int8")
