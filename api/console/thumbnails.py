"""Small pictures for the list of cases: the person that a case is about, cut out and shrunk."""

import anyio
import cv2
import numpy as np

from api.console.geometry import Window
from api.kit.pictures import NotAPicture, decoded

# 160 CSS pixels wide in the list, sharp on screens with two pixels to one.
WIDTH_PX = 320
ASPECT = 4 / 3
_JPEG_QUALITY = 78
# Each unfolds a whole picture, 100 MB of one in 8K: forty at once (anyio's default) would leave nothing for the evidence.
at_once = anyio.CapacityLimiter(2)


def thumbnail(jpeg: bytes, window: Window | None, width_px: int = WIDTH_PX) -> bytes:
    """A JPEG of `width_px` at most; `window` is in pixels of the original, None is the whole picture. Raises NotAPicture."""
    picture = decoded(jpeg)
    if picture is None:
        raise NotAPicture("The evidence file is not a picture that can be read.")
    if window is not None:
        top, left = int(window.y), int(window.x)
        cut = picture[top : top + max(1, int(window.height)), left : left + max(1, int(window.width))]
        picture = cut if cut.size else picture
    scale = width_px / picture.shape[1]
    if scale < 1:
        size = (width_px, max(1, round(picture.shape[0] * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise NotAPicture("The thumbnail could not be written.")
    return encoded.tobytes()
