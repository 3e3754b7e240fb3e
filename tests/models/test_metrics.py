import numpy as np
import pytest

from models.metrics import Ranking, calibration_error, interval, reliability


def ranking(scores: list[float], hits: list[bool], wanted: int, told: list[bool] | None = None) -> Ranking:
    told = told or [True] * len(scores)
    rows = list(zip(scores, hits, [50.0] * len(scores), range(len(scores)), told, strict=True))
    return Ranking.of(rows, [(50.0, index) for index in range(wanted)])


def test_average_precision_of_a_perfect_ranking_is_one():
    assert ranking([0.9, 0.8, 0.1], [True, True, False], 2).average_precision() == 1


def test_what_is_never_found_counts_as_missed():
    assert ranking([0.9], [True], 4).average_precision() == pytest.approx(0.25)
    assert ranking([], [], 3).average_precision() == 0


def test_precision_is_interpolated_over_all_points():
    # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: the step up to recall 1 counts 2/3.
    assert ranking([0.9, 0.8, 0.7], [True, False, True], 2).average_precision() == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_candidates_are_ranked_whatever_order_they_come_in():
    assert ranking([0.1, 0.9], [False, True], 1).average_precision() == 1


def test_recall_when_sure_is_that_of_the_last_score_with_enough_precision():
    # 19 hits, one false alarm, then nothing but false alarms: 19 of 20 is just 95 %.
    found = ranking([1 - i / 100 for i in range(25)], [True] * 19 + [False] * 6, 38)
    assert found.recall_when_sure() == pytest.approx(0.5)


def test_no_score_is_sure_enough():
    assert ranking([0.9, 0.8], [False, True], 1).recall_when_sure() == 0


def test_recall_and_precision_of_what_the_product_tells():
    assert ranking([0.9, 0.6, 0.3], [True, False, True], 4, told=[False, True, True]).as_used() == (0.25, 0.5)
    assert ranking([0.3], [True], 4, told=[False]).as_used() == (0, None)


def test_a_size_keeps_its_labels_and_its_false_alarms():
    rows = [(0.9, True, 20.0, 0, True), (0.8, False, 20.0, 0, True), (0.7, True, 100.0, 0, True), (0.6, False, 100.0, 0, True)]
    small = Ranking.of(rows, [(20.0, 0), (20.0, 0), (100.0, 0)]).of_size(0, 32)
    assert (len(small.scores), len(small.label_sizes)) == (2, 2)
    assert small.average_precision() == 0.5


def test_a_size_begins_at_its_lower_bound_and_ends_below_the_upper_one():
    rows = [(0.9, True, 16.0, 0, True), (0.8, True, 32.0, 0, True)]
    part = Ranking.of(rows, [(16.0, 0), (32.0, 0)]).of_size(16, 32)
    assert (part.sizes.tolist(), part.label_sizes.tolist()) == ([16.0], [16.0])


def test_an_interval_holds_its_value_and_is_the_same_again():
    rng = np.random.default_rng(0)
    found = ranking(list(rng.random(60)), list(rng.random(60) < 0.7), 60)
    groups = np.arange(60)
    low, high = interval(found.average_precision, groups)
    assert low < found.average_precision() < high
    assert interval(found.average_precision, groups) == (low, high)


def test_an_interval_draws_groups_and_not_pictures():
    """Pictures of one scene err alike: 60 pictures of 6 scenes say less than 60 of 60."""
    hits = np.repeat([True, True, True, False, True, False], 10)

    def share(groups: np.ndarray) -> float:
        low, high = interval(lambda weights: float((weights[groups] * hits).sum() / weights[groups].sum()), groups)
        return high - low

    assert share(np.repeat(np.arange(6), 10)) > 2 * share(np.arange(60))


def test_one_group_has_no_interval():
    assert interval(lambda weights: 1.0, np.zeros(9, np.int64)) is None
    assert interval(lambda weights: 1.0, np.arange(2)) == (1.0, 1.0)


def test_an_interval_is_of_95_per_cent():
    """Of a share of a half in 400 groups: 1.96 standard errors to either side."""
    groups, flags = np.arange(400), np.arange(400) % 2
    low, high = interval(lambda weights: float((weights[groups] * flags).sum() / weights.sum()), groups)
    assert high - low == pytest.approx(2 * 1.96 * (0.25 / 400) ** 0.5, rel=0.1)


def test_true_probabilities_have_no_calibration_error():
    scores = np.repeat([0.25, 0.75], 4)
    assert calibration_error(scores, np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)) == 0


def test_the_calibration_error_is_the_mean_distance():
    scores = np.array([0.95, 0.95, 0.05, 0.05])
    assert calibration_error(scores, np.array([1, 0, 0, 0], bool)) == pytest.approx((0.45 + 0.05) / 2)


def test_what_is_told_too_surely_and_too_unsurely_does_not_cancel_out():
    assert calibration_error(np.array([0.8, 0.8, 0.2, 0.2]), np.array([1, 0, 1, 0], bool)) == pytest.approx(0.3)


@pytest.mark.parametrize(("scores", "bins"), [([0.9, 0.99], 1), ([0.89, 0.9], 2), ([0.95, 1.0], 1), ([0.0, 0.09], 1)])
def test_there_are_ten_bins_and_certainty_is_in_the_last_one(scores, bins):
    """Of one that was and one that was not: apart, each is wrong by all that it misses."""
    told, truths = np.array(scores), np.array([1, 0], bool)
    assert len(reliability(told, truths)) == bins
    apart = np.abs(told - truths).mean()
    assert calibration_error(told, truths) == pytest.approx(abs(told.mean() - 0.5) if bins == 1 else apart)


def test_the_reliability_curve_leaves_empty_bins_out():
    assert reliability(np.array([0.0, 1.0, 1.0]), np.array([0, 1, 0], bool)) == [(0.0, 0.0, 1), (1.0, 0.5, 2)]


def test_a_row_that_counts_twice_is_two_rows_of_the_calibration_error():
    scores, truths = np.array([0.1, 0.9, 0.95]), np.array([1, 1, 0], bool)
    twice = calibration_error(np.repeat(scores, [2, 1, 1]), np.repeat(truths, [2, 1, 1]))
    assert calibration_error(scores, truths, np.array([2.0, 1.0, 1.0])) == pytest.approx(twice)
