import cv2
import numpy as np
import pytest

from api.console.geometry import Window
from api.console.thumbnails import thumbnail
from api.kit.pictures import NotAPicture


def jpeg(width: int, height: int) -> bytes:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2 :] = (0, 0, 255)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def decoded(content: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


def test_shrinks_the_whole_without_a_window() -> None:
    assert decoded(thumbnail(jpeg(1280, 720), None)).shape == (180, 320, 3)


def test_cuts_the_window_out() -> None:
    picture = decoded(thumbnail(jpeg(1280, 720), Window(700, 100, 400, 300)))
    assert picture.shape == (240, 320, 3)
    assert picture[..., 2].min() > 200  # only the red half


def test_never_enlarges() -> None:
    assert decoded(thumbnail(jpeg(100, 80), None)).shape == (80, 100, 3)


@pytest.mark.parametrize("content", [b"", b"not a picture", jpeg(64, 64)[:20]])
def test_what_is_no_picture(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        thumbnail(content, None)
