"""What `sunshine bench` says where something is missing, or is no measurement."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import bench.density
from bench import cases
from bench.cli import app
from bench.density import Density, Side
from bench.judge import Verdict
from bench.phases import Measured
from tests.api.console import chromium
from tests.api.postgres_server import PostgresMissing


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code != 0
    return " ".join(result.output.replace("\u2502", " ").split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("density", "--train-python", "/nowhere/python"), "scripts/setup train"),
        (("density", "--no-baseline", "--more", "8,0"), "whole numbers above 0"),
        (("density", "--no-baseline", "--plot", "/nowhere/density.svg"), "Name a file in a folder that is there"),
        (("density", "--no-baseline", "--weights", "/nowhere"), "/nowhere/finder.yaml"),
        (("density", "--no-baseline", "--work", "/dev/null/bench"), "Name another folder with --work"),
        (("soak", "--weights", "/nowhere"), "/nowhere/finder.yaml"),
        (("telling", "--sizes", "few"), "whole numbers above 0"),
        (("telling", "--steps", "hearsay"), "accepting, hearing, following, feed"),
        (("cases", "--engines", "mysql"), "sqlite, postgres"),  # it would have been SQLite, under another name
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    assert words in said(*arguments)


def test_density_prints_its_figures_and_draws_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def side(cpu_s: float, found: int) -> Side:
        verdict = Verdict(planted=4, found=found, delays_s=[1.0, 1.25, 2.5])
        return Side([Measured(2, seconds=10.0, cpu_s=cpu_s, pss=[(0.0, 300.0)], preroll=[12.0], dropped=1, looks=40)], verdict)

    result = Density(
        {50: side(1.5, 4), 25: side(2.0, 4)}, {50: side(9.0, 3), 25: side(8.0, 4)}, {50: side(1.25, 0), 25: side(1.6, 0)},
        empty=Measured(2, seconds=10.0, cpu_s=0.6),
    )
    monkeypatch.setattr(bench.density, "measure", lambda *_: result)
    arguments = ["density", "--no-baseline", "--work", str(tmp_path), "--json"]
    figures = json.loads(CliRunner().invoke(app, arguments).stdout)
    promised = {
        "vs_obvious_gop50": 6.0, "vs_obvious_gop25": 4.0, "vs_floor": 1.25, "recall": 1.0, "recall_obvious": 0.875,
        "false_alarms": 0, "cameras_per_core_gop50": 13.3, "delays_s_gop50": [1.0, 1.25, 2.5], "delay_p95_s_gop25": 2.5,
        "dropped": 2, "pss_mb": 288, "preroll_mb": 12, "empty_vs_busy": 0.4,
    }
    assert {name: figures[name] for name in promised} == promised
    drawn = ElementTree.parse(tmp_path / "density.svg").getroot()
    words = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [word for word in words if word in ("GOP 50, obvious way", "450.0")] == ["GOP 50, obvious way", "450.0"]
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 1 + 7


@pytest.mark.parametrize("path", [None, "/nowhere/chromium"])
def test_a_machine_without_chromium(path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "CHROMIUM", path)
    words = said("review", "--cases", "5")
    assert "apt-get install chromium" in words
    assert "Traceback" not in words


def test_a_machine_without_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench.review", raising=False)
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    words = said("review", "--cases", "5")
    assert "playwright.sync_api is not installed" in words
    assert "scripts/setup test" in words


def test_a_machine_without_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Callable[..., Any]:
        raise PostgresMissing("PostgreSQL is not installed")

    monkeypatch.setattr(cases, "running_server", missing)
    assert "--engines sqlite" in said("cases", "--engines", "postgres", "--sizes", "10")
