import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.cli import app
from tests.models.data_folder import write_folder

run = CliRunner().invoke


def test_help_needs_no_torch():
    code = "import sys, models.cli; print([m for m in ('torch', 'ultralytics', 'onnx', 'cv2') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("budget", ["soon", "90", "5s", "-1m", ""])
def test_a_budget_that_is_no_time_is_refused(budget: str):
    result = run(app, ["train", f"--budget={budget}"])
    assert result.exit_code == 1
    assert "60s" in result.output or "no time" in result.output


def test_training_says_how_to_make_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.cli.TRAINING_PYTHON", tmp_path / "nowhere")
    monkeypatch.setattr("models.cli._has_torch", lambda: False)
    result = run(app, ["train", str(tmp_path)])
    assert result.exit_code == 1
    assert "scripts/setup train" in result.output


def test_measuring_needs_a_data_folder(tmp_path: Path):
    result = run(app, ["eval", str(tmp_path)])
    assert result.exit_code == 1
    assert "manifest.jsonl" in result.output


def test_measuring_writes_figures(tmp_path: Path):
    labels = {"p0": "0 0.5 0.5 0.5 0.5\n"}
    folder = write_folder(tmp_path / "d", [{}], labels)
    result = run(app, ["eval", str(folder), "--part", "all", "--json", str(tmp_path / "out.json")])
    assert result.exit_code == 0, result.output
    assert "AP person" in result.output
    assert "AP person" in (tmp_path / "out.json").read_text()


def test_an_unknown_part_is_refused(tmp_path: Path):
    assert "Choose train" in run(app, ["eval", str(tmp_path), "--part", "some"]).output
