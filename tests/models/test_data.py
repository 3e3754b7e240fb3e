from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data import DataError, choose, fingerprint, read_all, read_folder
from tests.models.data_folder import write_folder


def test_boxes_come_in_pixels(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{}], {"p0": "0 0.5 0.5 0.25 0.5\n"})
    (picture,) = read_folder(folder)
    assert picture.boxes.tolist() == [[24, 12, 40, 36]]
    assert picture.read().shape == (48, 64, 3)


def test_an_empty_label_file_is_a_picture_without_boxes(tmp_path: Path):
    (picture,) = read_folder(write_folder(tmp_path / "d", [{}]))
    assert picture.boxes.shape == (0, 4)


def test_a_box_that_sticks_out_is_clipped_and_one_outside_is_dropped(tmp_path: Path):
    labels = {"p0": "0 0.0 0.5 0.5 0.5\n0 1.5 1.5 0.1 0.1\n"}
    (picture,) = read_folder(write_folder(tmp_path / "d", [{}], labels))
    assert picture.boxes.tolist() == [[0, 12, 16, 36]]


def test_hat_kinds_stay_with_their_boxes_when_a_box_is_dropped(tmp_path: Path):
    labels = {"p0": "2 1.5 1.5 0.1 0.1\n2 0.5 0.5 0.2 0.2\n"}
    (picture,) = read_folder(write_folder(tmp_path / "d", [{"hat_kind": ["helmet", "toque"]}], labels))
    assert picture.hat_kinds == ("toque",)


@pytest.mark.parametrize(
    "line",
    ["11 0.5 0.5 0.1 0.1", "-1 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "zero 0.5 0.5 0.1 0.1", "0 nan 0.5 0.1 0.1",
     "0 32 24 16 24"],
)  # fmt: skip
def test_a_label_that_cannot_be_read_names_the_line(tmp_path: Path, line: str):
    folder = write_folder(tmp_path / "d", [{}], {"p0": line})
    with pytest.raises(DataError, match="line 1"):
        read_folder(folder)


@pytest.mark.parametrize(
    "row",
    [
        {"annotated": [0, 42]}, {"annotated": None}, {"width": 0}, {"width": "wide"}, {"width": float("inf")},
        {"label": "labels/none.txt"},
    ],
    ids=str,
)
def test_a_line_of_the_manifest_that_cannot_be_used_is_named(tmp_path: Path, row: dict):
    with pytest.raises(DataError, match=r"manifest\.jsonl, line 2"):
        read_folder(write_folder(tmp_path / "d", [{}, row]))


@pytest.mark.parametrize("content", [b"{", b"[]", b"null"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "manifest.jsonl").write_bytes(content)
    with pytest.raises(DataError, match="line 1"):
        read_folder(tmp_path)


def test_a_manifest_that_is_no_text_is_named(tmp_path: Path):
    (tmp_path / "manifest.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"manifest\.jsonl cannot be read"):
        read_folder(tmp_path)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"manifest\.jsonl"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match="No data folder"):
        read_all([tmp_path])


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n"])
def test_a_torn_picture_says_which(tmp_path: Path, content: bytes):
    (picture,) = read_folder(write_folder(tmp_path / "d", [{}]))
    picture.path.write_bytes(content)
    with pytest.raises(DataError, match=picture.name):
        picture.read()


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_a_truncated_picture_says_which(tmp_path: Path, ending: str):
    folder = write_folder(tmp_path / "d", [{"image": f"images/p0{ending}"}])
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    whole = cv2.imencode(ending, image)[1].tobytes()
    (folder / "images" / f"p0{ending}").write_bytes(whole[: len(whole) * 9 // 10])
    (picture,) = read_folder(folder)
    with pytest.raises(DataError, match=rf"p0\{ending} is no readable picture"):
        picture.read()


def test_a_picture_that_is_not_there_says_which(tmp_path: Path):
    (picture,) = read_folder(write_folder(tmp_path / "d", [{"image": "images/none.png"}]))
    with pytest.raises(DataError, match=r"none\.png"):
        picture.read()


def test_a_picture_of_another_size_than_its_boxes_are_for_is_refused(tmp_path: Path):
    (picture,) = read_folder(write_folder(tmp_path / "d", [{"width": 128, "height": 96}]))
    with pytest.raises(DataError, match=r"64 x 48 pixels, manifest\.jsonl says 128 x 96"):
        picture.read()


def test_folders_inside_a_folder_are_read_together(tmp_path: Path):
    write_folder(tmp_path / "a", [{"name": "a0"}])
    write_folder(tmp_path / "b", [{"name": "b0"}, {"name": "b1"}])
    assert [p.name for p in read_all([tmp_path])] == ["a0.png", "b0.png", "b1.png"]


def test_sources_and_licences_are_chosen(tmp_path: Path):
    rows = [{"source": "a", "licence": "MIT"}, {"source": "b", "licence": "not stated"}, {"source": "c", "licence": "MIT"}]
    pictures = read_folder(write_folder(tmp_path / "d", rows))
    assert [p.source for p in choose(pictures, without=["c"], licences=["mit"])] == ["a"]
    assert [p.source for p in choose(pictures, only=["b"])] == ["b"]


@pytest.mark.parametrize("choice", [{"only": ["wider"]}, {"without": ["wider"]}, {"licences": ["mit", "bsd"]}], ids=str)
def test_a_choice_that_fits_no_picture_is_refused(tmp_path: Path, choice: dict):
    pictures = read_folder(write_folder(tmp_path / "d", [{"source": "wider_hats", "licence": "MIT"}]))
    with pytest.raises(DataError, match=r"There are: (wider_hats|MIT)"):
        choose(pictures, **choice)


def test_two_pictures_of_one_name_are_refused(tmp_path: Path):
    folders = [write_folder(tmp_path / name, [{"name": "p0", "group": name}]) for name in "ab"]
    with pytest.raises(DataError, match=r"a/images/p0\.png and .*b/images/p0\.png are both p0\.png of the source drawn"):
        read_all(folders)


def test_the_same_name_in_two_sources_is_no_clash(tmp_path: Path):
    folders = [write_folder(tmp_path / name, [{"name": "p0", "source": name}]) for name in "ab"]
    assert [picture.source for picture in read_all(folders)] == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [{"group": "other"}, {"annotated": [0, 1]}, {"smokers": [[0.5, 0.5, 0.5, 0.5]]}, {"hat_kind": ["toque"]}],
    ids=str,
)
def test_another_label_is_another_fingerprint(tmp_path: Path, change: dict):
    label = {"p0": "2 0.5 0.5 0.5 0.5\n"}
    given = [read_folder(write_folder(tmp_path / str(i), [row], label)) for i, row in enumerate([{}, {}, change])]
    before, again, after = (fingerprint(pictures) for pictures in given)
    assert before == again != after


def test_another_picture_of_the_same_name_is_another_fingerprint(tmp_path: Path):
    before, after = (write_folder(tmp_path / name, [{}, {}]) for name in ("before", "after"))
    (before / "images" / "p1.png").unlink()
    (after / "images" / "p1.png").unlink()
    same = fingerprint(read_folder(before))
    assert fingerprint(read_folder(after)) == same
    cv2.imwrite(str(after / "images" / "p0.png"), np.zeros((48, 64, 3), np.uint8))
    assert fingerprint(read_folder(after)) != same
