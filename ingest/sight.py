"""What was seen, ready to be kept: coded where the picture lies, so that nobody else has to be handed six megabytes of it."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from contract.evidence import ModelVersion
from detector.draw import draw
from detector.observation import Observation
from detector.violation import Violation
from ingest.findings import Sight
from ingest.frames import Frame

# Near-lossless to the eye; at 1080p about 0.5 to 1 MB.
QUALITY = 95
# The copy with boxes is for looking and proves nothing: made smaller by a whole number, which is quick, down to this long side at
# least. At 1080p that is a third of the bytes, and two fifths of the time.
OVERLAY_QUALITY, OVERLAY_SIDE_PX = 85, 960


def sights(
    frame: Frame, observation: Observation, violations: Sequence[Violation], models: Sequence[ModelVersion]
) -> list[Sight]:
    """One for each violation. Raises ValueError when a picture cannot be coded."""
    if not violations:
        return []
    original, small = _jpeg(frame.image, QUALITY), _smaller(frame.image)
    return [
        Sight(
            original, _jpeg(draw(small, observation, [one]), OVERLAY_QUALITY), frame.camera_time_s, frame.wall_time, observation,
            models,
        )
        for one in violations
    ]


def _smaller(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    by = max(1, max(height, width) // OVERLAY_SIDE_PX)
    return np.asarray(cv2.resize(image, (width // by, height // by), interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    written, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"A picture of {image.shape} could not be written as JPEG.")
    return content.tobytes()
