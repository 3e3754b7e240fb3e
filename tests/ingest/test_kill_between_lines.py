import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def kill_at_every(step: int, folder: Path) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "tests.ingest.kill_lines", str(folder), str(step)]
    # One thread: the script forks, and a child has no others.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(lives: list[dict[str, object]]) -> None:
    assert lives[-1]["done"]
    assert [life for life in lives if life["wrong"]] == []
    # That a report was sent twice is what the idempotency key is for; if it never was, the kills came at the wrong places.
    assert any(life["sent"] != 4 for life in lives)


def test_kill_at_some_lines(tmp_path: Path):
    check(kill_at_every(29, tmp_path))


@pytest.mark.slow
def test_kill_at_every_line(tmp_path: Path):
    check(kill_at_every(1, tmp_path))
