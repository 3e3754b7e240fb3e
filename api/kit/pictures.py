"""Is this really a JPEG of a sensible size? Asked before anything of it is kept."""

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from api.kit.problems import Invalid


class NotAPicture(Invalid):
    code = "not-a-picture"


# SOF0-SOF15 without DHT (C4), JPG (C8) and DAC (CC): ITU-T T.81, table B.1
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# What an edge writes, decoded row by row. A progressive one unfolds as a whole, hundreds of times over, however small its file.
_SEQUENTIAL_MARKERS = frozenset({0xC0, 0xC1})
# What has no length behind it (table B.1), and what is no marker (B.1.1.5). A decoder passes over them and reads on; taken for a
# segment, one would hide the header that counts, of a picture that unfolds to gigabytes, behind another one.
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
# Among the data of a scan FF is followed by 00 (B.1.1.5).
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
# Room for the first row of blocks: of 1080p in good quality some 4,000 bytes.
_ROW_BYTES = 2**16


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height as the header says (ITU-T T.81, B.2.2), without decoding. Raises NotAPicture."""
    at = _frame_header(content)
    return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])


def _frame_header(content: bytes) -> int:
    """Where it begins."""
    if content[:2] != b"\xff\xd8":
        raise NotAPicture("The picture is not a JPEG.")
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            break
        if marker in _FRAME_MARKERS:
            if marker not in _SEQUENTIAL_MARKERS:
                raise NotAPicture("The picture is a progressive JPEG; send a baseline one.")
            return at
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    raise NotAPicture("The picture is not a complete JPEG.")


def decoded(content: bytes) -> NDArray[np.uint8] | None:
    """Height x width x BGR, as its header says: a note that it is to be turned (EXIF) is not followed, or boxes and what is
    hidden would lie elsewhere. None for what cannot be decoded."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    return None if picture is None else np.asarray(picture, np.uint8)


def check_jpeg(content: bytes, longest_side_px: int) -> tuple[int, int]:
    """Width and height of a JPEG that can be decoded. Raises NotAPicture."""
    width, height = jpeg_size(content)
    if not (0 < width <= longest_side_px and 0 < height <= longest_side_px):
        raise NotAPicture(f"The picture is {width} x {height}; at most {longest_side_px} a side is taken.")
    if not (_decodes(_first_row(content)) or _decodes(content)):
        raise NotAPicture("The picture is damaged: it cannot be decoded.")
    return width, height


def _first_row(content: bytes) -> bytes:
    """The same picture as if it ended after 8 lines; one that is not whole, or made of several parts, as it is. What a decoder
    refuses, it refuses for the header or for the missing end: whatever comes between it draws, in ten times the time."""
    frame = _frame_header(content)
    end = _MARKER.search(content, content.find(_START_OF_SCAN, frame) + len(_START_OF_SCAN))
    if end is None or end[0] != _END_OF_IMAGE:
        return content
    return content[: frame + 5] + (8).to_bytes(2) + content[frame + 7 : min(end.start(), frame + _ROW_BYTES)]


def _decodes(content: bytes) -> bool:
    # An eighth of the size is decoded from the same data at a fraction of the work and memory.
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8) is not None
