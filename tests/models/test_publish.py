from pathlib import Path
from shutil import copytree

from detector.card import Bin, Figure, default_weights, load_model
from models.data import read_all
from models.publish import complete, record, sources, starts
from tests.models.data_folder import write_folder

COMMAND = "sunshine model eval"
FIGURES = [
    Figure(subject="person", measure="AP", part="all", value=0.5, low=0.4, high=0.6, count=12),
    Figure(subject="cap", measure="coverage", part="all", value=0.9, count=7),
]


def weights(folder: Path) -> Path:
    return copytree(default_weights(), folder / "weights")


def test_figures_go_to_the_card_they_belong_to(tmp_path: Path):
    folder = weights(tmp_path)
    record(folder, "drawn", COMMAND, FIGURES)
    kept = {name: load_model(folder, name)[0].measured for name in ("finder", "attributes")}
    assert [m.figures for m in kept["finder"] if m.on == "drawn"] == [FIGURES[:1]]
    assert [m.figures for m in kept["attributes"] if m.on == "drawn"] == [FIGURES[1:]]


def test_measuring_again_replaces_what_was_measured_on_the_same_pictures(tmp_path: Path):
    folder = weights(tmp_path)
    for on in ("drawn", "other", "drawn"):
        record(folder, on, COMMAND, FIGURES)
    places = [m.on for m in load_model(folder, "finder")[0].measured]
    assert places[-2:] == ["drawn", "other"]
    assert places.count("drawn") == 1


def test_a_reliability_curve_goes_into_the_card(tmp_path: Path):
    folder = weights(tmp_path)
    curve = [Bin(attribute="cap", told=0.9, true=0.8, count=5)]
    record(folder, "drawn", COMMAND, FIGURES, reliability=curve)
    assert load_model(folder, "attributes")[0].measured[-1].reliability == curve


def test_each_variant_keeps_its_own_figures(tmp_path: Path):
    folder = weights(tmp_path)
    for precision in ("fp32", "int8"):
        record(folder, "drawn", COMMAND, FIGURES, precision)
    assert [m.precision for m in load_model(folder, "finder")[0].measured if m.on == "drawn"] == ["fp32", "int8"]


def test_a_stage_that_was_not_trained_is_the_shipped_one(tmp_path: Path):
    folder = weights(tmp_path)
    for path in folder.glob("attributes.*"):
        path.unlink()
    complete(folder)
    assert load_model(folder, "attributes") == load_model(default_weights(), "attributes")


def test_a_card_lists_what_earlier_weights_learned_from_too(tmp_path: Path):
    before = default_weights() / "attributes.onnx"
    listed = {each.source: each for each in load_model(before.parent, "attributes")[0].data}
    few = listed["smoking877"]
    shop = write_folder(tmp_path / "shop", [{"source": "shop"}, {"source": few.source, "licence": few.licence}])
    told = {each.source: each.pictures for each in sources(read_all([shop]), before)}
    assert told == {**{name: each.pictures for name, each in listed.items()}, "shop": 1}


def test_a_card_names_the_weights_that_its_own_grew_from():
    earlier, _ = load_model(default_weights(), "finder")
    start, *rest = starts(default_weights() / "finder.onnx")
    assert earlier.trained.command in start.name
    assert rest == earlier.starts
