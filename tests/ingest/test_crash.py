"""Processes that really crash."""

import subprocess
import sys

import pytest

from ingest.crash import camera_in

# A key frame of "cam-1" reaches the decoder; a clip of it is cut.
CRASHING = """
import ctypes, faulthandler, sys, threading
from types import SimpleNamespace
from ingest.crash import at_camera
from ingest.cutting import Cutter

faulthandler.enable(sys.stdout.fileno(), all_threads=False)
crash = lambda *_: ctypes.string_at(0)
threading.Thread(target=at_camera("cam-2", threading.Event().wait), daemon=True).start()
match sys.argv[1]:
    case "reads":
        thread = threading.Thread(target=at_camera("cam-1", crash))
        thread.start()
        thread.join()
    case "cuts":
        cutter = Cutter(crash)
        cutter.add(SimpleNamespace(camera_id="cam-1"), SimpleNamespace(is_ready=True, footage=crash))
        cutter.step()
    case "elsewhere":
        crash()
"""


@pytest.mark.parametrize(("where", "camera_id"), [("reads", "cam-1"), ("cuts", "cam-1"), ("elsewhere", None)])
def test_the_stack_of_a_crash_tells_the_camera(where: str, camera_id: str | None):
    process = subprocess.run([sys.executable, "-c", CRASHING, where], capture_output=True, text=True, check=False)
    assert process.returncode < 0
    assert "most recent call first" in process.stdout
    assert camera_in(process.stdout) == camera_id
