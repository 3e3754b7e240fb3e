"""Kills an edge between any two lines, once for every line, and prints what was then found: one JSON object a line.

Started by test_kill_between_lines.py in a process of its own, because it forks. Each child takes up an edge's folder, records
violations and sends them; at the n-th line that it runs in `ingest/` it is killed. Then the next one takes the folder up.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

import ingest
from contract.evidence import FIRST_OF_CHAIN, ClipManifest, SealedClip, SealedManifest, verify_seal
from ingest.evidence import OF_CLIP
from tests.ingest.edge_world import KEY, CentreInMemory, Parts, catalogue, multipart, violation

ROOM = str(Path(ingest.__file__).parent)


class CentreOnDisk(CentreInMemory):
    """Survives the death of the process: what it has taken stands in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def _take(self, request: httpx.Request) -> httpx.Response:
        sealed = SealedManifest.model_validate_json(multipart(request)["manifest"])
        parts = multipart(request)
        verify_seal(sealed, KEY.public_key(), {"original.jpg": parts["original"], "overlay.jpg": parts["overlay"]})
        self._note(request, sealed)
        return super()._take(request)

    def _take_clip(self, request: httpx.Request) -> httpx.Response:
        parts = multipart(request)
        sealed = SealedClip.model_validate_json(parts["manifest"])
        verify_seal(sealed, KEY.public_key(), {"clip.mp4": parts["clip"]} if "clip" in parts else {})
        self._note(request, sealed)
        return super()._take_clip(request)

    def _note(self, request: httpx.Request, sealed: SealedManifest | SealedClip) -> None:
        key = request.headers["Idempotency-Key"] + OF_CLIP * isinstance(sealed, SealedClip)
        with self.path.open("a") as file:
            file.write(json.dumps([key, sealed.manifest.digest()]) + "\n")

    def taken(self) -> list[tuple[str, str]]:
        if not self.path.exists():
            return []
        return [tuple(json.loads(line)) for line in self.path.read_text().splitlines()]


def edge_run(folder: Path) -> Parts:
    """One life of an edge: take up, tell what is not told yet, send, tell again, send, clean."""
    parts = Parts(folder, CentreOnDisk(folder / "taken"))
    parts.recover()
    told = [
        parts.record(camera_id) for camera_id in ("a", "b")
        if not parts.recorder.repeats(camera_id, catalogue(), parts.clock.moment())
    ]
    parts.sender.step()
    for violation_id in told:
        parts.record_clip(violation_id)
    parts.clip_sender.step()
    return parts


def kill_at_line(number: int) -> Any:
    left = number

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def live_and_die(folder: Path, line: int) -> bool:
    """True when the child came to its end before that line."""
    child = os.fork()
    if child == 0:
        sys.settrace(kill_at_line(line))
        edge_run(folder)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def findings(folder: Path) -> dict[str, object]:
    """After one more life, undisturbed: everything that is wrong."""
    parts = edge_run(folder)
    entries = list(parts.evidence.committed(set()))
    committed = {f"{entry.manifest.violation_id}{OF_CLIP * (entry.repeat is None)}": entry for entry in entries}
    taken = CentreOnDisk(folder / "taken").taken()
    wrong: list[str] = []
    if {key for key, _ in taken} != set(committed):
        wrong.append("the centre has other violations than were committed")
    if len(set(taken)) != len(committed):
        wrong.append("one violation was sent with two contents")
    violations = {entry.manifest.violation_id for entry in entries}
    if parts.outbox.waiting() or not parts.outbox.known() == parts.outbox.known(is_clip=True) == violations:
        wrong.append("the outbox does not fit the evidence")
    if len(list((folder / "evidence").glob("*/*"))) != len(committed):
        wrong.append("half-written evidence is left")
    for camera_id in ("a", "b"):
        chain = [entry.manifest for entry in entries if entry.manifest.camera_id == camera_id]
        if [isinstance(manifest, ClipManifest) for manifest in chain] != [False, True]:
            wrong.append(f"{len(chain)} manifests where there should be one, and one of its clip")
        if [m.previous for m in chain] != [FIRST_OF_CHAIN, *(m.digest() for m in chain[:-1])]:
            wrong.append("the chain is broken")
        if parts.recorder.repeats(camera_id, catalogue(), parts.clock.moment()) != [violation().repeat]:
            wrong.append("what was told is not remembered")
    return {"wrong": wrong, "sent": len(taken)}


def main() -> None:
    catalogue()
    line = 1
    done = False
    while not done:
        with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
            done = live_and_die(Path(folder), line)
            print(json.dumps({"line": line, "done": done, **findings(Path(folder))}), flush=True)
        line += int(sys.argv[2])


main()
