import pytest

from detector.boxes import area, centre_inside, cheapest_pairs, common_area, iou, square_around

ONE = (0, 0, 10, 20)


@pytest.mark.parametrize(
    ("other", "common", "share"),
    [
        ((0, 0, 10, 20), 200, 1.0),
        ((5, 10, 15, 30), 50, 50 / 350),
        ((2, 3, 4, 7), 8, 8 / 200),
        ((10, 0, 20, 20), 0, 0.0),
        ((30, 0, 40, 20), 0, 0.0),
        ((30, 40, 40, 60), 0, 0.0),
        ((5, 5, 5, 5), 0, 0.0),
    ],
    ids=["the same", "a corner", "inside", "touching", "apart", "apart in both ways", "empty"],
)
def test_two_boxes(other, common, share):
    assert common_area(ONE, other) == common_area(other, ONE) == common
    assert iou(ONE, other) == iou(other, ONE) == pytest.approx(share)


def test_what_is_turned_inside_out_has_no_area():
    assert [area(box) for box in ((10, 20, 0, 0), (0, 20, 10, 0), (0, 0, 3, 4))] == [0, 0, 12]


def test_nothing_over_nothing_is_nothing():
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@pytest.mark.parametrize(("inner", "inside"), [((9, 9, 11, 31), True), ((9, 9, 12, 31), False), ((9, 9, 11, 32), False)])
def test_a_centre_lies_in_a_box_up_to_its_edge(inner, inside):
    assert centre_inside(inner, ONE) is inside


def test_square_around_keeps_the_centre():
    assert square_around((10, 20, 30, 30), 2.0) == (0, 5, 40, 45)


def test_the_cheapest_pair_comes_first_and_nobody_twice():
    costs = [(0.3, 0, 0), (0.1, 1, 0), (0.5, 0, 1), (0.2, 1, 1), (0.9, 2, 0)]
    assert cheapest_pairs(costs) == {1: 0, 0: 1}
    assert cheapest_pairs(costs, 2) == {1: 0, 0: 0}
    assert cheapest_pairs([]) == {}
