import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.kit.pictures import NotAPicture, check_jpeg, decoded, jpeg_size
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


@pytest.fixture(params=[0, 1], ids=["in one piece", "with restart markers"])
def grain(request: pytest.FixtureRequest) -> bytes:
    """Of several rows of blocks."""
    picture = np.random.default_rng(1).integers(0, 255, (200, 320, 3)).astype(np.uint8)
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_RST_INTERVAL, request.param])
    assert done
    return encoded.tobytes()


def test_nothing_is_said_about_a_whole_one(grain: bytes, capfd: pytest.CaptureFixture[str]):
    assert check_jpeg(grain, 1000) == (320, 200)
    assert capfd.readouterr().err == ""  # libjpeg would write there


@pytest.mark.parametrize("missing", [1, 2, 1000, 40_000])
def test_one_that_is_cut(grain: bytes, missing: int):
    with pytest.raises(NotAPicture):
        check_jpeg(grain[:-missing], 1000)


@pytest.mark.parametrize(
    ("good", "bad"), [(b"\xff\xdb", b"\xff\xef"), (b"\xff\xc4\x00\x1f\x00", b"\xff\xc4\x00\x1f\x0f")],
    ids=["no quantization table", "Huffman table without its place"],
)
def test_a_header_that_no_decoder_takes(grain: bytes, good: bytes, bad: bytes):
    assert good in grain
    with pytest.raises(NotAPicture, match="damaged"):
        check_jpeg(grain.replace(good, bad), 1000)


@pytest.mark.parametrize("marker", [0x00, 0x01, 0xD0, 0xD7])
def test_a_header_that_decoders_do_not_read(marker: int):
    """They pass over a marker without a length, and read the large picture behind it."""
    large = jpeg(width=400, height=300)[2:]
    told = int.from_bytes(large[:2])  # where the small one lies, if the first bytes behind the marker are its length
    content = b"\xff\xd8\xff" + bytes([marker]) + large[:told].ljust(told, b"\0") + jpeg(width=40, height=30)[2:]
    picture = decoded(content)
    assert picture is not None
    assert picture.shape[:2] == (300, 400)
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
