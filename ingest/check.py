"""What an installer wants to know of a camera before it is taken into service."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.edges import Look, StreamFault
from contract.faults import LOOK_TEXTS
from ingest.address import CameraAddress
from ingest.decoding import MAX_KEY_GAP_S, Decoding
from ingest.errors import Language, SourceError, explain
from ingest.frames import Frame
from ingest.source import AvSource, camera_source, file_source

WATCH_S = 8
PICTURE_TIMEOUT_S = 20.0
# Three pictures over two seconds show whether anything moves.
ENOUGH_PICTURES = 3
ENOUGH_S = 2.0
# Grey levels of 255. The sensor's own noise is above `STILL`, a compressed black or one-coloured picture below the others.
BLACK = 16.0
PLAIN = 3.0
STILL = 0.05


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        fault: why the camera cannot be looked at; None where it can, and then the rest is filled in.
        first_picture_s: seconds from the call to the first picture.
        key_interval_s: seconds between key frames; None where only one came.
        look: what the picture shows; see `judge`.
    """

    address: str
    fault: StreamFault | None = None
    detail: str = ""
    ambiguous: bool = False
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    key_interval_s: float | None = None
    first_picture_s: float | None = None
    watched_s: float = 0.0
    look: Look | None = None
    damaged: int = 0


def check(
    address: CameraAddress, *, transport: Literal["tcp", "udp"] = "tcp", watch_s: float = WATCH_S,
    on_open: Callable[[], None] = lambda: None,
) -> tuple[Report, Frame | None]:
    """Watches a camera, a webcam or a file for some seconds; gives the report and the last picture. `on_open` is called once,
    connected, before the first picture is taken, and may raise SourceError."""
    # Key frames alone: all of them, however rare.
    decoding = Decoding(max_key_gap_s=None)
    started = time.monotonic()
    frames: list[Frame] = []
    packets: list[int] = []
    fault: StreamFault | None = None
    detail = ""
    first_s: float | None = None
    source: AvSource | None = None
    timer: threading.Timer | None = None
    try:
        if address.kind == "file":
            source = file_source(address.url, decoding=decoding)
        else:
            source = camera_source(address, transport=transport, decoding=decoding, picture_timeout_s=PICTURE_TIMEOUT_S)
        with closing(source.pictures()) as pictures:
            for picture in pictures:
                if first_s is None:
                    on_open()
                    first_s = time.monotonic() - started
                    timer = threading.Timer(watch_s, source.stop)
                    timer.start()
                frames.append(picture.frame())
                packets.append(source.packets)
                if len(frames) >= ENOUGH_PICTURES and frames[-1].camera_time_s - frames[0].camera_time_s >= ENOUGH_S:
                    break
    except SourceError as error:
        # One picture is enough to tell about it, even if the camera breaks off afterwards.
        if not frames:
            fault, detail = error.fault, error.detail
    finally:
        if timer:
            timer.cancel()
    if fault or not frames or source is None or source.info is None:
        return Report(str(address), fault or StreamFault.NO_PICTURE, detail, address.ambiguous), None
    span_s = frames[-1].camera_time_s - frames[0].camera_time_s
    gaps = [b.camera_time_s - a.camera_time_s for a, b in itertools.pairwise(frames)]
    height, width = frames[-1].image.shape[:2]
    report = Report(
        str(address),
        codec=source.info.codec,
        width=width,
        height=height,
        fps=_frame_rate(source.info.fps, (packets[-1] - packets[0]) / span_s if span_s else None),
        key_interval_s=round(statistics.median(gaps), 2) if gaps else None,
        first_picture_s=round(first_s or 0.0, 1),
        watched_s=watch_s,
        look=judge([frame.image for frame in frames]),
        damaged=source.damaged,
    )
    return report, frames[-1]


def _frame_rate(declared: float | None, counted: float | None) -> float | None:
    """What the stream declares, unless what came is clearly something else: many cameras declare nonsense."""
    if declared and (counted is None or abs(counted - declared) < 0.1 * declared):
        return round(declared, 2)
    return round(counted, 1) if counted else None


def judge(images: list[NDArray[np.uint8]]) -> Look:
    """Black (covered, or no light), plain (one colour: covered, or "no signal"), frozen (nothing moves, not even noise)."""
    small = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) for image in images]
    last = small[-1]
    if last.std() < PLAIN:
        return "black" if last.mean() < BLACK else "plain"
    same_size = all(image.shape == last.shape for image in small)
    if len(small) >= ENOUGH_PICTURES and same_size and all(np.abs(image - last).mean() < STILL for image in small):
        return "frozen"
    return "good"


_CODECS = {"h264": "H.264", "hevc": "H.265", "mpeg4": "MPEG-4", "mjpeg": "MJPEG"}


def tell(report: Report, language: Language) -> list[str]:
    """The report in sentences."""
    chinese = language == "zh"
    if report.fault:
        lines = [explain(report.fault, language)]
        if report.ambiguous:
            lines.append(
                "地址里的密码含有 @ : / # 或 ?，可能被拆错了。请把密码和地址分开填写。"
                if chinese
                else "The password in the address holds @ : / # or ? and may be cut wrongly. Give it apart from the address."
            )
        return lines
    codec = _CODECS.get(report.codec or "", report.codec or "?")
    fps = f"{report.fps:g}" if report.fps else "?"
    lines = [
        f"{report.address}：已连接，{report.first_picture_s:g} 秒后收到第一幅画面。"
        if chinese
        else f"{report.address}: connected; the first picture came after {report.first_picture_s:g} s.",
        f"编码 {codec}，{report.width}×{report.height}，每秒 {fps} 帧。"
        if chinese
        else f"{codec}, {report.width}x{report.height}, {fps} frames a second.",
    ]
    lines.append(_key_frames(report, chinese))
    if report.damaged:
        lines.append(
            f"有 {report.damaged} 幅画面传输中损坏，已丢弃。请检查网络。"
            if chinese
            else f"{report.damaged} pictures came in damaged and were thrown away. Check the network."
        )
    if report.look:
        lines.append(LOOK_TEXTS[report.look].in_language(language))
    return lines


def _key_frames(report: Report, chinese: bool) -> str:
    gap_s = report.key_interval_s
    if gap_s is None:
        text = f"{report.watched_s:g} 秒内只有一个关键帧。" if chinese else f"Only one key frame came in {report.watched_s:g} s."
    else:
        text = f"关键帧间隔 {gap_s:g} 秒。" if chinese else f"A key frame comes every {gap_s:g} s."
    if gap_s is None or gap_s > MAX_KEY_GAP_S:
        text += (
            "请在摄像头设置里把 I 帧间隔改为 1 至 2 秒，并关闭“智能编码”，可大大减轻边缘盒的负担。"
            if chinese
            else " Set the I-frame interval to 1 or 2 s and switch “smart codec” off: it saves the edge box most of its work."
        )
    return text
