from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from models.compare import FEWEST, compare, table, undecided, verdict
from models.data import Picture
from models.evaluate import Evaluation
from models.events import Alarm, Planted, Watched
from models.matching import Matches
from models.outcomes import Candidate, Label

BOX = (0.0, 0.0, 40.0, 40.0)
COUNT = 2 * FEWEST


def evaluation(found: list[bool], shops: list[str], one_camera: bool = False, days: int = COUNT) -> Evaluation:
    """One person in each picture, found or not; each picture is a scene of its own, or all are of the shop's one camera."""
    none = (np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    pictures = [
        Picture(Path(f"{i}.png"), s, s if one_camera else f"g{i}", "CC0", frozenset(), (64, 48), *none, day=str(i % days))
        for i, s in enumerate(shops)
    ]
    matches = Matches(1.6, 1.4, {})
    for number, hit in enumerate(found):
        matches.labels["person"].append(Label(number, BOX, 40.0, hit))
        if hit:
            matches.candidates["person"].append(Candidate(number, BOX, 0.9, True, 40.0, told=True))
    return Evaluation(pictures, [], matches)


TWO_SHOPS = ["first"] * FEWEST + ["second"] * FEWEST
HALF = [i % 2 == 0 for i in range(COUNT)]


def test_weights_that_are_better_everywhere_may_replace_the_old_ones():
    differences = compare(evaluation(HALF, TWO_SHOPS), evaluation([True] * COUNT, TWO_SHOPS))
    assert [(d.part, d.better) for d in differences] == [("all", True), ("first", True), ("second", True)]
    assert "may replace" in verdict(differences)


def test_weights_that_are_worse_in_one_shop_must_not():
    spoilt = [True] * FEWEST + [i % 4 == 0 for i in range(FEWEST)]
    differences = compare(evaluation(HALF, TWO_SHOPS), evaluation(spoilt, TWO_SHOPS))
    assert verdict(differences) == "The new weights must not replace the old ones: surely worse at person (second)."
    assert "worse" in table(differences).splitlines()[-1]


def test_the_same_weights_are_neither_better_nor_worse():
    differences = compare(evaluation(HALF, TWO_SHOPS), evaluation(HALF, TWO_SHOPS))
    assert all((d.low, d.high) == (0, 0) for d in differences)
    assert "no need" in verdict(differences)


def test_the_more_is_compared_the_wider_are_the_intervals():
    """Bonferroni: of two comparisons each may be wrong once in forty times, of three once in sixty."""
    better = [i % 4 != 0 for i in range(COUNT)]
    two, three = (compare(evaluation(HALF, shops), evaluation(better, shops))[0] for shops in (["first"] * COUNT, TWO_SHOPS))
    gain = two.new - two.old
    wider = NormalDist().inv_cdf(1 - 0.05 / 6) / NormalDist().inv_cdf(1 - 0.05 / 4)
    assert two.low < gain < two.high
    assert [three.low - gain, three.high - gain] == pytest.approx([wider * (two.low - gain), wider * (two.high - gain)])


def test_a_shop_with_few_labels_does_not_decide():
    shops = ["first"] * (COUNT - 3) + ["small"] * 3
    differences = compare(evaluation([True] * COUNT, shops), evaluation([True] * (COUNT - 3) + [False] * 3, shops))
    assert {d.part for d in differences} == {"all", "first"}


def test_without_labels_there_is_nothing_to_compare():
    assert "nothing to compare" in verdict(compare(evaluation([], []), evaluation([], [])))


def test_a_shop_with_one_camera_is_compared_by_its_days():
    shop = ["only"] * COUNT
    differences = compare(evaluation(HALF, shop, one_camera=True), evaluation([True] * COUNT, shop, one_camera=True))
    assert [(d.part, d.better) for d in differences] == [("only", True)]


@pytest.mark.parametrize("days", [1, 5])
def test_a_shop_of_which_there_are_few_days_is_named_instead(days: int):
    shop = ["only"] * COUNT
    before, after = (evaluation(found, shop, one_camera=True, days=days) for found in (HALF, [True] * COUNT))
    assert undecided(after, [], compare(before, after)) == ["only"]


def test_scenes_without_a_label_do_not_decide():
    shops = ["first"] * COUNT
    before, after = evaluation([True] * COUNT, shops), evaluation(HALF, shops)
    for side in (before, after):  # twenty labels in each of two scenes; in all others nothing is to be found
        side.matches.labels["person"] = [replace(one, picture=i % 2) for i, one in enumerate(side.matches.labels["person"])]
    assert undecided(after, [], compare(before, after)) == ["first"]


def test_among_many_shops_one_that_is_a_little_worse_by_chance_is_no_reason():
    shops = [f"shop {i // FEWEST}" for i in range(50 * FEWEST)]
    few = [i >= 4 for i in range(len(shops))]  # four of the first shop's twenty are lost
    one, among_fifty = (
        compare(evaluation([True] * len(few[:n]), shops[:n]), evaluation(few[:n], shops[:n])) for n in (FEWEST, len(shops))
    )
    assert "shop 0" in {d.part for d in one if d.worse}
    assert "shop 0" not in {d.part for d in among_fifty if d.worse}


NO_PICTURES = evaluation([], [])


def watched(told: int, false: int = 0, planted: int = 4) -> Watched:
    """A clip of three minutes with so many planted violations, told ones and false alarms."""
    events = [Planted(figure, "K01", 0.0, 60.0, 20.0) for figure in range(planted)]
    return Watched("clip.mp4", 0.05, events, dict.fromkeys(events[:told], 22.0), [Alarm(1.0, "K01", BOX)] * false)


def test_weights_that_tell_fewer_violations_of_the_same_clips_must_not_replace_the_old_ones():
    clips = [watched(4)] * 8, [watched(2), watched(4)] * 4
    differences = compare(NO_PICTURES, NO_PICTURES, clips)
    assert [(d.subject, d.part, d.old, d.new, d.count) for d in differences if d.worse] == [
        ("violations told", "clips", 1.0, 0.75, 32), ("violations told", "K01", 1.0, 0.75, 32),
    ]  # fmt: skip
    assert "must not" in verdict(differences)


def test_weights_with_more_false_alarms_must_not_replace_the_old_ones():
    differences = compare(NO_PICTURES, NO_PICTURES, ([watched(4)] * 8, [watched(4, false=1)] * 8))
    assert [(d.subject, d.old, d.new) for d in differences if d.worse] == [("false per camera-hour", 0.0, 20.0)]


def test_weights_with_fewer_false_alarms_are_better():
    differences = compare(NO_PICTURES, NO_PICTURES, ([watched(4, false=1)] * 8, [watched(4)] * 8))
    assert [(d.subject, d.better, d.worse) for d in differences if d.fewer] == [("false per camera-hour", True, False)]
    assert "surely better at false per camera-hour (clips)" in verdict(differences)


def test_a_rule_with_few_planted_violations_does_not_decide_alone():
    differences = compare(NO_PICTURES, NO_PICTURES, ([watched(3, planted=3)] * 6, [watched(2, planted=3)] * 6))
    assert {d.part for d in differences} == {"clips"}


def test_of_a_few_clips_nothing_can_be_said():
    clips = [watched(4)] * 5, [watched(2)] * 5
    assert undecided(NO_PICTURES, clips[1], compare(NO_PICTURES, NO_PICTURES, clips)) == ["clips"]
