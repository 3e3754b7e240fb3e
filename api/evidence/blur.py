"""Pictures of evidence without faces, for everything that leaves the review."""

from collections.abc import Sequence

import cv2

from api.kit.pictures import NotAPicture, decoded
from contract.blur import hide_faces
from contract.evidence import MarkedBox

_JPEG_QUALITY = 85


def blurred(jpeg: bytes, boxes: Sequence[MarkedBox], spare_violating: bool = False) -> bytes:
    """A JPEG made anew of the pixels alone: no thumbnail and no note of the original comes along. Raises NotAPicture."""
    picture = decoded(jpeg)
    if picture is None:
        raise NotAPicture("The evidence file is not a picture that can be read.")
    hide_faces(picture, boxes, spare_violating)
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise NotAPicture("The blurred picture could not be written.")
    return encoded.tobytes()
