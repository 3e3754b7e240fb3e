import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.kit.pictures import NotAPicture, check_jpeg, jpeg_size
from tests.api.world import jpeg


def test_width_and_height():
    assert check_jpeg(jpeg(width=320, height=200), 1000) == (320, 200)


def test_a_progressive_one():
    done, encoded = cv2.imencode(".jpg", np.zeros((20, 30, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert done
    with pytest.raises(NotAPicture, match="progressive"):
        check_jpeg(encoded.tobytes(), 1000)


def test_too_large_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch):
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", decode)
    with pytest.raises(NotAPicture, match="at most 100"):
        check_jpeg(jpeg(width=101, height=10), 100)


def test_a_png():
    content = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    with pytest.raises(NotAPicture):
        check_jpeg(content, 1000)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_in_words(content: bytes):
    for start in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0"):
        with pytest.raises(NotAPicture):
            check_jpeg(start + content, 1000)


def test_every_cut_is_read_or_refused():
    whole = jpeg()
    for length in range(0, len(whole), 7):
        try:
            assert jpeg_size(whole[:length]) == jpeg_size(whole)
        except NotAPicture:
            continue
