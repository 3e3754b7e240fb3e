import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import models
from models.data import DataError, read_all, read_folder
from models.split import learned, split, write_learned, write_split
from tests.models.data_folder import write_folder


def test_a_group_is_never_divided(tmp_path: Path):
    rows = [{"group": f"g{i % 20}"} for i in range(60)]
    pictures = read_folder(write_folder(tmp_path / "d", rows))
    parts = split(pictures)
    by_group = defaultdict(set)
    for picture in pictures:
        by_group[picture.group].add(parts[picture.source, picture.name])
    assert all(len(found) == 1 for found in by_group.values())
    tested = sum(part == "test" for part in parts.values())
    assert 0.1 * 60 <= tested <= 0.2 * 60


def test_a_new_picture_of_a_tested_group_is_tested_too(tmp_path: Path):
    rows = [{"name": f"p{i}", "group": f"g{i % 20}"} for i in range(60)]
    pictures = read_folder(write_folder(tmp_path / "d", rows))
    known = split(pictures)
    listed = tmp_path / "split.csv"
    tested = next(p for p in pictures if known[p.source, p.name] == "test")
    write_split({k: v for k, v in known.items() if k != ("drawn", tested.name)}, listed)
    assert split(pictures, listed)[tested.source, tested.name] == "test"


def test_few_groups_are_all_trained_on(tmp_path: Path):
    rows = [{"name": f"p{i}", "group": "one" if i else "two"} for i in range(20)]
    assert set(split(read_folder(write_folder(tmp_path / "d", rows))).values()) == {"train"}


def test_of_two_listed_parts_of_a_group_the_stricter_holds(tmp_path: Path):
    pictures = read_folder(write_folder(tmp_path / "d", [{"name": f"p{i}", "group": "one"} for i in range(3)]))
    write_split({pictures[0].key: "val", pictures[1].key: "test"}, tmp_path / "split.csv")
    assert set(split(pictures, tmp_path / "split.csv").values()) == {"test"}


def listed_parts() -> dict[tuple[str, str], str]:
    path = Path(models.__file__).with_name("split.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return {(row["source"], row["image"]): row["part"] for row in csv.DictReader(file)}


def test_the_shipped_list_has_only_known_parts():
    assert set(listed_parts().values()) == {"train", "val", "test"}


@pytest.mark.shared
def test_the_shipped_list_covers_the_shared_data_and_divides_no_group():
    pictures = read_all([Path(models.__file__).parents[2] / "shared" / "data"])
    listed = listed_parts()
    groups = defaultdict(set)
    for picture in pictures:
        groups[picture.source, picture.group].add(listed[picture.source, picture.name])
    assert all(len(found) == 1 for found in groups.values())
    assert np.mean([part == "test" for part in listed.values()]) == pytest.approx(0.15, abs=0.02)


def test_weights_say_what_they_learned_from(tmp_path: Path):
    write_learned(tmp_path, {("shop", "a.webp"), ("shop", "b.webp")})
    assert learned(tmp_path) == {("shop", "a.webp"), ("shop", "b.webp")}


def test_the_shipped_weights_learned_from_all_but_the_test_list(tmp_path: Path):
    assert learned(tmp_path) == {key for key, part in listed_parts().items() if part != "test"}


def test_a_list_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "learned.csv").write_text("what, is, this\n1, 2, 3\n")
    with pytest.raises(DataError, match=r"learned\.csv is no list of pictures"):
        learned(tmp_path)
