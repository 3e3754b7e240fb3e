import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.card import default_weights, load_model
from models.cli import app

run = CliRunner().invoke


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_variant_is_made_the_default(tmp_path: Path, precision: str):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    assert run(app, ["use", precision, "--weights", str(weights)]).exit_code == 0
    for name in ("finder", "attributes"):
        card, content = load_model(weights, name)
        assert card.precision == precision
        assert content == load_model(weights, name, precision)[1]


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path):
    answer = run(app, ["cards", "--out", str(tmp_path / "nowhere" / "cards.md")])
    assert answer.exit_code == 1
    assert "No such file or directory" in answer.output
