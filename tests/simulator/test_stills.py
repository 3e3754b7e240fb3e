"""Stills come in the form of the public data sets, and the same seed gives the same ones."""

import json
import resource
from concurrent.futures import BrokenExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from simulator.cli import app
from simulator.kits import TRAIN
from simulator.stills import CAP_MIN_PX, HAT_KIND, NAMES, cut_caps, make_still, write_stills


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stills")
    result = CliRunner().invoke(app, ["stills", "--count", "3", "--seed", "11", "--kit", "train", str(out)])
    assert result.exit_code == 0, result.output
    return out


def test_a_process_that_was_killed_while_it_rendered_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: object) -> None:
        raise BrokenExecutor("a process was terminated abruptly")

    monkeypatch.setattr("simulator.stills.write_stills", killed)
    result = CliRunner().invoke(app, ["stills", str(tmp_path)])
    assert (result.exit_code, "no memory was left" in result.output) == (1, True)


@pytest.fixture(scope="module")
def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_stills_that_the_disk_has_no_room_for_are_not_taken_for_finished_ones(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))  # less than a picture, more than its labels
    try:
        with pytest.raises(OSError, match="large"):
            write_stills(TRAIN, 1, 11, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "manifest.jsonl").exists()


def test_every_record_has_its_files_and_size(folder: Path, records: list[dict[str, object]]) -> None:
    assert len(records) == 3
    for record in records:
        picture = cv2.imread(str(folder / str(record["image"])))
        assert picture is not None
        assert picture.shape == (540, 960, 3)
        assert (record["width"], record["height"]) == (960, 540)


def test_every_class_but_the_phone_is_annotated(records: list[dict[str, object]]) -> None:
    for record in records:
        assert record["source"] == "simulator"
        assert record["annotated"] == list(range(9))
        assert record["annotated_names"] == list(NAMES)
        assert str(record["group"]).startswith("simulator:train")


def test_labels_are_boxes_inside_the_picture(folder: Path, records: list[dict[str, object]]) -> None:
    for record in records:
        lines = (folder / str(record["label"])).read_text().splitlines()
        hats = record["hat_kind"]
        assert isinstance(hats, list)
        assert len(hats) == len(lines)
        for line, hat in zip(lines, hats, strict=True):
            number, x, y, w, h = (float(v) for v in line.split())
            assert min(x - w / 2, y - h / 2) >= -1e-4
            assert max(x + w / 2, y + h / 2) <= 1 + 1e-4
            assert (hat in HAT_KIND.values()) == (number == 2)


def test_the_same_seed_gives_the_same_picture() -> None:
    one, two = make_still(TRAIN, 5, 2), make_still(TRAIN, 5, 2)
    assert np.array_equal(one.picture, two.picture)
    assert one.people == two.people


def test_another_number_gives_another_picture() -> None:
    assert not np.array_equal(make_still(TRAIN, 5, 2).picture, make_still(TRAIN, 5, 3).picture)


def test_a_cutout_is_as_large_as_its_head_and_shows_cap_alone() -> None:
    still = make_still(TRAIN, 5, 1)
    caps = cut_caps(still)
    heads = [p.head for p in still.people if p.head and p.cap == "worn" and p.head[2] - p.head[0] >= CAP_MIN_PX]
    assert caps
    sizes = {(y2 - y1, x2 - x1) for x1, y1, x2, y2 in heads}
    for cap in caps:
        assert cap.shape[:2] in sizes
        assert (cap[..., 3] > 200).mean() > 0.1
        assert (cap[-cap.shape[0] // 5 :, :, 3] < 128).mean() > 0.8  # the chin


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--seed", "-1", "out"], "-1 is not in the range"), (["--seed", "1", "/proc/nowhere"], "/proc/nowhere cannot be written")],
    ids=["seed", "folder"],
)
def test_what_cannot_be_is_told_in_a_sentence(arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["stills", "--count", "1", *arguments], env={"COLUMNS": "400"})
    assert result.exit_code == 2
    assert words in result.output
