import subprocess
import sys

import pytest

import sunshine


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "sunshine", *arguments], capture_output=True, text=True, timeout=300)


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert [name for name in sunshine.COMMANDS if f" {name} " not in done.stdout] == []


def test_help_loads_no_room():
    code = "import sys, sunshine\ntry: sunshine.main()\nexcept SystemExit: pass\nprint([m for m in sys.modules if m in ROOMS])"
    code = code.replace("ROOMS", "('numpy', 'cv2', 'onnxruntime', 'detector', 'ingest', 'api', 'models', 'torch')")
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", sorted(sunshine.COMMANDS))
def test_every_command_explains_itself(name):
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"sunshine {name}" in done.stdout


def test_an_unknown_command_is_named():
    done = run("cook")
    assert done.returncode == 2
    assert "cook" in done.stderr
