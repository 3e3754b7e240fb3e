"""Clips as the centre takes and shows them: checked on receipt, and made into a preview where browsers cannot play them."""

import json
import sys
import tempfile
from pathlib import Path

import anyio
import structlog

from api.evidence.video_tool import CPU_S, Measure
from api.kit.problems import Invalid, Unavailable
from contract.evidence import ClipManifest

TOOL = "api.evidence.video_tool"
# Each is a process with up to three gigabytes.
_at_once = anyio.CapacityLimiter(2)
# With others beside it on the cores, a process gets there later than its CPU time says.
_WALL_S = 3 * CPU_S
# The index and rounding.
_SAME_S = 0.5
log = structlog.get_logger(__name__)


class NotAClip(Invalid):
    code = "not-a-clip"


async def check_clip(content: bytes, manifest: ClipManifest, longest_side_px: int) -> None:
    """Is it the video that its manifest tells of? Raises NotAClip."""
    with tempfile.TemporaryDirectory() as folder:
        path = await _written(folder, content)
        measure = Measure(**json.loads(await _run("check", str(path))))
    if not (0 < measure.width <= longest_side_px and 0 < measure.height <= longest_side_px):
        raise NotAClip(f"The clip is {measure.width} x {measure.height}; at most {longest_side_px} a side is taken.")
    duration_s, moment_s = manifest.duration_s or 0.0, manifest.moment_s or 0.0
    if measure.codec != manifest.codec or abs(measure.duration_s - duration_s) > _SAME_S or moment_s > duration_s:
        raise NotAClip("The clip is another than its manifest tells of.")


async def make_preview(content: bytes) -> bytes:
    """H.264, smaller, and marked as not evidence. Raises NotAClip, or Unavailable where it takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        path = await _written(folder, content)
        into = Path(folder) / "preview.mp4"
        await _run("preview", str(path), str(into))
        return await anyio.Path(into).read_bytes()


async def _written(folder: str, content: bytes) -> Path:
    path = Path(folder) / "clip.mp4"
    await anyio.Path(path).write_bytes(content)
    return path


async def _run(*arguments: str) -> bytes:
    command = [sys.executable, "-m", TOOL, *arguments]
    try:
        async with _at_once:
            with anyio.fail_after(_WALL_S):
                done = await anyio.run_process(command, check=False)
    except TimeoutError as error:
        raise Unavailable("The clip could not be looked at in time. Try again later.", retry_after_s=60) from error
    if done.returncode == 1:
        raise NotAClip(f"The clip cannot be taken. {done.stderr.decode(errors='replace').strip()[-200:]}")
    if done.returncode:
        # Killed for its memory or time: the same clip would end so again.
        log.error("a clip could not be taken apart", status=done.returncode)
        raise NotAClip("The clip cannot be taken: taking it apart needs more time or memory than any clip of a camera.")
    return done.stdout
