import pytest

from models.evaluate import Ranking


def test_average_precision_of_a_perfect_ranking_is_one():
    assert Ranking([0.9, 0.8, 0.1], [True, True, False], 2).average_precision() == 1


def test_what_is_never_found_counts_as_missed():
    assert Ranking([0.9], [True], 4).average_precision() == pytest.approx(0.25)


def test_precision_is_interpolated_over_all_points():
    # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: the step up to recall 1 counts 2/3.
    assert Ranking([0.9, 0.8, 0.7], [True, False, True], 2).average_precision() == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_nothing_to_find_has_no_figure():
    assert Ranking([0.9], [False], 0).average_precision() is None
    assert Ranking([], [], 3).average_precision() == 0
