import re
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import models
from detector.card import Aim, Figure, default_weights, load_model
from models.card_page import render, shortfall
from models.cli import app
from models.publish import TEST_LIST

PAGE = Path(models.__file__).parents[1] / "docs" / "model-cards.md"


def figure(measure: str, value: float) -> Figure:
    return Figure(subject="cap", measure=measure, part="all", value=value, count=9)


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == render(default_weights()), "Render it again: sunshine model cards"


@pytest.mark.parametrize("name", ["finder", "attributes"])
def test_a_shipped_card_is_complete(name: str):
    card, _ = load_model(default_weights(), name)
    assert all(source.licence for source in card.data)
    assert card.starts
    assert card.known_failures
    measured = {(f.subject, f.measure) for m in card.measured if m.on == TEST_LIST for f in m.figures}
    assert measured >= {(aim.subject, aim.measure) for aim in card.aims}


@pytest.mark.parametrize(
    ("measure", "value", "short"), [("AP", 0.8, 0.1), ("AP", 0.95, -0.05), ("calibration error", 0.95, 0.05)]
)
def test_an_aim_is_missed_by_the_distance_to_it(measure: str, value: float, short: float):
    aim = Aim(subject="cap", measure=measure, value=0.9, closed_by="more")
    assert shortfall(aim, figure(measure, value)) == pytest.approx(short)


def test_an_aim_that_is_missed_says_what_would_close_it(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    path = weights / "attributes.yaml"
    card = yaml.safe_load(path.read_text("utf-8"))
    card["aims"] = [{"subject": "cap", "measure": "AP", "value": 0.9, "closed_by": "More caps."}]
    card["variants"] = []
    card["measured"] = [{"on": TEST_LIST, "command": "c", "figures": [figure("AP", 0.7).model_dump()]}]
    path.write_text(yaml.safe_dump(card), "utf-8")
    assert "| cap, AP | 0.9 | 0.70, 9 | 0.20 short | More caps. |" in render(weights)


def test_cards_of_other_weights_are_not_rendered(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    (weights / load_model(weights, "finder")[0].file).write_bytes(b"other")
    result = CliRunner().invoke(app, ["cards", "--weights", str(weights), "--out", str(tmp_path / "page.md")])
    assert result.exit_code == 1
    assert "SHA-256" in result.output
    assert not (tmp_path / "page.md").exists()


def average_precisions(on: str, precision: str) -> dict[str, str]:
    cards = [load_model(default_weights(), name)[0] for name in ("finder", "attributes")]
    measured = [figure for card in cards for m in card.measured if (m.on, m.precision) == (on, precision) for figure in m.figures]
    return {f.subject: f"{f.value:.2f}" for f in measured if (f.measure, f.part) == ("AP", "all")}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_documentation_tells_the_figures_of_the_test_list(precision: str):
    lines = PAGE.with_name("model.md").read_text(encoding="utf-8").splitlines()
    head, row = (next(line for line in lines if line.startswith(begin)) for begin in ("| | person |", f"| {precision}"))
    told = dict(zip(head.strip("| ").split(" | "), re.findall(r"0\.\d\d", row), strict=True))
    known = average_precisions(TEST_LIST, precision)
    assert told == {name: known[name] for name in told}


def test_the_documentation_tells_the_figures_of_the_stills():
    text = " ".join(PAGE.with_name("model.md").read_text(encoding="utf-8").split())
    told = dict(re.findall(r"([a-z ]+) (0\.\d\d)[,.]", text.split("never trained on:")[1].split(". ")[0] + "."))
    known = average_precisions("282 rendered stills of 10 kitchens never trained on", "fp32")
    assert {name.strip(): value for name, value in told.items()} == {name: known[name] for name in map(str.strip, told)}
    assert len(told) == 6
