"""From a stream's packets to an MP4, without decoding one of them; and the thread of a worker that does so for its cameras."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import av
import structlog
from av.packet import Packet

from contract.evidence import ClipFlaw, Manifest
from ingest.crash import at_camera
from ingest.findings import Clip
from ingest.memory import lend
from ingest.preroll import Footage, Gathering, NoFootage

# A clip lasts 15 s: nobody misses half of one.
INTERVAL_S = 0.5
Wanted = tuple[Manifest, Gathering | None]
# The index of an MP4 at its beginning, so that a browser can begin to play: at most so many bytes a picture, and some for all.
INDEX_BYTES_A_PICTURE, INDEX_BYTES = 48, 8192
log = structlog.get_logger(__name__)


class _Memory:
    """A file in memory, of no more than `size` bytes."""

    def __init__(self, size: int) -> None:
        self._memory = lend(size)
        self.seek, self.tell = self._memory.seek, self._memory.tell
        self._end = 0

    def write(self, content: bytes) -> int:
        """Raises ValueError beyond its size."""
        written = self._memory.write(content)
        self._end = max(self._end, self._memory.tell())
        return written

    def written(self) -> memoryview:
        return memoryview(self._memory)[: self._end].toreadonly()


def cut(footage: Footage) -> Clip:
    """Raises FFmpegError or ValueError where the packets make no file."""
    stamps = [packet.pts or 0 for packet in footage.packets]
    shown = sorted(stamps)
    # Decoding times as the order of pictures needs them: those of cameras are missing or wrong where there are B frames.
    delay = max(at - stamp for at, stamp in zip(shown, stamps, strict=True))
    base = footage.packets[0].time_base
    room = INDEX_BYTES + INDEX_BYTES_A_PICTURE * len(stamps) + 2 * len(footage.template.codec_context.extradata or b"")
    # A start code of three bytes becomes a length of four. What is not written of it takes no memory.
    content = _Memory(2 * (room + sum(packet.size for packet in footage.packets)))
    with av.open(content, "w", format="mp4", options={"moov_size": str(room)}) as container:
        stream = container.add_stream_from_template(footage.template, opaque=True)
        last = None
        for packet, at, stamp in zip(footage.packets, shown, stamps, strict=True):
            last = at - delay if last is None else max(at - delay, last + 1)
            copy = Packet(packet)  # type: ignore[arg-type]  # of the packet, not of its content
            copy.stream, copy.time_base = stream, base
            copy.dts, copy.pts = last - shown[0], max(stamp, last) - shown[0]
            copy.is_keyframe = packet.is_keyframe
            container.mux_one(copy)
    span = shown[-1] - shown[0]
    whole = span * (1 + 1 / (len(shown) - 1)) if span else 1 / (base * 25)
    return Clip(
        content.written(), footage.template.codec_context.codec.canonical_name, round(float(whole * base), 3),
        round(float((footage.moment - shown[0]) * base), 3), footage.begins_late, footage.ends_early,
    )


class Cutter:
    """Cuts one clip after the other in a thread of its own, each when it is complete: `record` is handed the manifest of the
    violation and the clip, or why there is none. Violations of a camera within seconds share a clip: it is handed over once, and
    for the others the word which one it was. While it is busy nothing more is cut, so that one clip at a time is in memory beside
    the packets."""

    def __init__(self, record: Callable[[Manifest, Clip | ClipFlaw], Future[None]]) -> None:
        self._record = record
        # Of the last clip that the disk did not take: its camera, and why. Whoever tells of it takes it away.
        self.refused: tuple[str, OSError] | None = None
        self._lock = threading.Lock()
        self._waiting: list[Wanted] = []
        self._wake = threading.Event()
        self._is_closing = self._is_over = False
        self._thread = threading.Thread(target=self._run, name="cut", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, manifest: Manifest, gathering: Gathering | None) -> None:
        """`gathering` None: the picture did not say where in its stream it is."""
        with self._lock:
            self._waiting.append((manifest, gathering))
        if self._is_closing:
            self.close()

    def close(self) -> None:
        """From now on cut what is there, without waiting for more of it."""
        with self._lock:
            self._is_closing = True
            for _, gathering in self._waiting:
                if gathering is not None:
                    gathering.close(ClipFlaw.STOPPED)
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """Close, and end; what is not cut by then is not waited for."""
        self.close()
        self._is_over = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._is_over:
            self._wake.wait(INTERVAL_S)
            self._wake.clear()
            self.step()
        self.step()

    def step(self) -> None:
        with self._lock:
            due = [part for group in _together(self._waiting) if (part := _due(group))]
            self._waiting = [wanted for wanted in self._waiting if not any(wanted is one for part in due for one in part)]
        for part in due:
            camera_id, kept_as = part[0][0].camera_id, None
            for manifest, clip in at_camera(camera_id, _cut)(part):
                if isinstance(clip, Clip) and kept_as is not None:
                    clip = replace(clip, content=kept_as)
                try:
                    self._record(manifest, clip).result()
                except Exception as error:
                    if isinstance(error, OSError):
                        self.refused = camera_id, error
                    log.error("clip_not_recorded", camera=camera_id, violation=str(manifest.violation_id), cause=str(error))
                else:
                    kept_as = manifest.violation_id if isinstance(clip, Clip) else kept_as


def _together(waiting: Sequence[Wanted]) -> list[list[Wanted]]:
    """Those that may share a clip."""
    groups: list[list[Wanted]] = []
    for wanted in waiting:
        for group in groups:
            if wanted[1] is not None and group[0][1] is not None and wanted[1].is_with(group[0][1]):
                group.append(wanted)
                break
        else:
            groups.append([wanted])
    return groups


def _due(group: Sequence[Wanted]) -> list[Wanted]:
    """What is to be cut of it now."""
    ready = [wanted for wanted in group if wanted[1] is None or wanted[1].is_ready]
    first = group[0][1]
    return ready if len(ready) == len(group) or first is None or first.preroll.is_short else []


def _cut(group: Sequence[Wanted]) -> list[tuple[Manifest, Clip | ClipFlaw]]:
    """One clip, for each with its own moment in it. Whatever goes wrong is told in its place."""
    begun = time.monotonic()
    found = [_footage(gathering) for _, gathering in group]
    there = sorted((one for one in found if isinstance(one, Footage)), key=lambda footage: footage.moment)
    camera_id, cause = group[0][0].camera_id, ""
    packets = list(dict.fromkeys(packet for footage in there for packet in footage.packets))
    clip: Clip | None = None
    try:
        if packets:
            clip = cut(replace(there[0], packets=packets))
    except Exception as error:
        cause = str(error)
    finally:
        for _, gathering in group:
            if gathering is not None:
                gathering.release()
    told: list[tuple[Manifest, Clip | ClipFlaw]] = []
    for (manifest, _), one in zip(group, found, strict=True):
        if isinstance(one, ClipFlaw):
            told.append((manifest, one))
        elif clip is None:
            told.append((manifest, ClipFlaw.FAILED))
            log.error("clip_not_cut", camera=camera_id, violation=str(manifest.violation_id), cause=cause)
        else:
            later_s = float((one.moment - there[0].moment) * one.packets[0].time_base)
            moment_s = round(clip.moment_s + later_s, 3)
            told.append((manifest, replace(clip, moment_s=moment_s, begins_late=one.begins_late, ends_early=one.ends_early)))
            log.info(
                "clip_cut", camera=camera_id, violation=str(manifest.violation_id),
                bytes=sum(packet.size for packet in packets), seconds=clip.duration_s,
                took_ms=round(1000 * (time.monotonic() - begun)),
            )
    return told


def _footage(gathering: Gathering | None) -> Footage | ClipFlaw:
    if gathering is None:
        return ClipFlaw.FORMAT
    try:
        return gathering.footage()
    except NoFootage as error:
        return error.flaw
    except Exception:
        log.exception("clip_not_gathered")
        return ClipFlaw.FAILED
