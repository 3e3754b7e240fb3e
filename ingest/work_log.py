"""What an edge decoded and inferred, one JSON line each, for the benchmark that replays it and does nothing else."""

import json
import os
from pathlib import Path

# Names the file. Worker processes inherit it, and each line is one write, so all of them share one file.
VARIABLE = "SUNSHINE_WORK_LOG"


class WorkLog:
    """Writes nothing where no file is named."""

    def __init__(self) -> None:
        path = os.environ.get(VARIABLE)
        self._file = None if path is None else os.open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def decoded(self, camera_id: str, packet: int, *, alone: bool) -> None:
        """The `packet`-th packet of a camera's connection went through the decoder; `alone`: with nothing before or after it."""
        self._write({"camera": camera_id, "packet": packet, "alone": alone})

    def dropped(self, camera_id: str) -> None:
        """A picture was decoded and never looked at."""
        self._write({"camera": camera_id, "dropped": 1})

    def ran(self, model: str, shape: tuple[int, ...]) -> None:
        """The net ran once on an input of this shape."""
        self._write({"model": model, "shape": shape})

    def _write(self, line: dict[str, object]) -> None:
        if self._file is not None:
            os.write(self._file, (json.dumps(line) + "\n").encode())
