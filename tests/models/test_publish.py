from pathlib import Path
from shutil import copytree

from detector.card import default_weights, load_model
from models.publish import record

FIGURES = {
    "AP person": {"all": {"value": 0.5, "wanted": 12}},
    "told cap": {"all": {"coverage": 0.9, "accuracy": None, "known": 7}},
}


def weights(folder: Path) -> Path:
    return copytree(default_weights(), folder / "weights")


def test_figures_go_to_the_card_they_belong_to(tmp_path: Path):
    folder = weights(tmp_path)
    record(folder, FIGURES, "drawn", "sunshine model eval")
    finder, attributes = (load_model(folder, name)[0].measured for name in ("finder", "attributes"))
    assert [(f.figure, f.value) for f in finder if f.on.startswith("drawn")] == [("AP person (12 wanted)", 0.5)]
    assert [(f.figure, f.value) for f in attributes if f.on.startswith("drawn")] == [("told cap, coverage (7 known)", 0.9)]


def test_measuring_again_replaces_what_was_measured_on_the_same_pictures(tmp_path: Path):
    folder = weights(tmp_path)
    for on in ("drawn", "other", "drawn"):
        record(folder, FIGURES, on, "sunshine model eval")
    places = [f.on for f in load_model(folder, "finder")[0].measured]
    assert places.count("drawn: all sources") == 1
    assert places.count("other: all sources") == 1
