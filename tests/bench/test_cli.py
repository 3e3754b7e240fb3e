"""What `sunshine bench` says where something is missing, or is no measurement."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import cases
from bench.cli import app
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
        (("telling", "--sizes", "few"), "whole numbers above 0"),
        (("telling", "--steps", "hearsay"), "accepting, hearing, following, feed"),
        (("cases", "--engines", "mysql"), "sqlite, postgres"),  # it would have been SQLite, under another name
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    assert words in said(*arguments)


@pytest.mark.parametrize("path", [None, "/nowhere/chromium"])
def test_a_machine_without_chromium(path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "CHROMIUM", path)
    words = said("review", "--cases", "5")
    assert "apt-get install chromium" in words
    assert "Traceback" not in words


def test_a_machine_without_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Callable[..., Any]:
        raise PostgresMissing("PostgreSQL is not installed")

    monkeypatch.setattr(cases, "running_server", missing)
    assert "--engines sqlite" in said("cases", "--engines", "postgres", "--sizes", "10")
