"""Picture files: found in folders, read whole or refused."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".webm", ".flv", ".mpg", ".mpeg", ".h264", ".h265"})


class PictureError(ValueError):
    """A file that is no picture, or is torn; the message says so in a sentence."""


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and of the folders named all pictures and videos below them, in name order.

    A folder that cannot be read stands for what is in it, so that it is told of.
    """
    for path in paths:
        if path.is_dir():
            closed: list[OSError] = []
            walk = os.walk(path, onerror=closed.append)
            files = [Path(folder, name) for folder, _, names in walk for name in names]
            # A link to nothing is told of; a pipe or a device would be waited on for ever.
            real = [file for file in files if file.is_file() or not file.exists()]
            found = [file for file in real if file.suffix.lower() in PICTURES | VIDEOS]
            yield from sorted(found + [Path(error.filename) for error in closed])
        else:
            yield path


def read_picture(path: Path) -> NDArray[np.uint8]:
    """BGR uint8 [H, W, 3], turned upright as its EXIF says. Raises PictureError."""
    if path.is_dir():
        raise PictureError("The folder cannot be read. Check who may open it.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PictureError(f"The file cannot be read: {error.strerror}.") from error
    if _torn(content):
        raise PictureError("The picture is torn: its end is missing. Copy the file again.")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except cv2.error as error:
        raise PictureError("The picture cannot be decoded: it is damaged or far too large.") from error
    if image is None:
        raise PictureError("The file is not a picture that can be read (JPEG, PNG, WebP, BMP or TIFF).")
    return np.asarray(image, np.uint8)


def _torn(content: bytes) -> bool:
    """Decoders fill the rest of a torn picture with grey and say nothing; the marker of its end is missing."""
    if content.startswith(b"\xff\xd8"):
        return not _jpeg_ends(content)
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content
    return False


# The next marker behind entropy-coded data: neither a stuffed FF nor a restart (ISO/IEC 10918-1, B.1.1.2 and B.1.1.5).
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def _jpeg_ends(content: bytes) -> bool:
    """Segment by segment, since a preview inside and a film behind (phones add one) have markers of their own."""
    at = 2
    while marker := _MARKER.search(content, at):
        at = marker.end()
        if content[at - 1] == 0xD9:
            return True
        at += int.from_bytes(content[at : at + 2], "big")
    return False
