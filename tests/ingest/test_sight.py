import cv2
import numpy as np
import pytest

from ingest.frames import Frame
from ingest.sight import sights
from tests.ingest.edge_world import MODELS, START, bareheaded, violation


@pytest.mark.parametrize(("size", "smaller"), [((1080, 1920), (540, 960)), ((2560, 1440), (1280, 720)), ((480, 704), (480, 704))])
def test_the_copy_with_boxes_is_small_and_the_original_is_not(size: tuple[int, int], smaller: tuple[int, int]):
    frame = Frame(np.zeros((*size, 3), np.uint8), 12.5, START, 0)
    (sight,) = sights(frame, bareheaded(), [violation()], MODELS)
    assert cv2.imdecode(np.frombuffer(sight.original, np.uint8), cv2.IMREAD_COLOR).shape[:2] == size
    assert cv2.imdecode(np.frombuffer(sight.overlay, np.uint8), cv2.IMREAD_COLOR).shape[:2] == smaller
