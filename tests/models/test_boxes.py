import numpy as np
import pytest

from models.boxes import areas, intersections, ious

ONE = np.asarray([(0, 0, 10, 20)], np.float32)


@pytest.mark.parametrize(
    ("other", "common", "iou"),
    [
        ((0, 0, 10, 20), 200, 1.0),
        ((5, 10, 15, 30), 50, 50 / 350),
        ((2, 3, 4, 7), 8, 8 / 200),
        ((10, 0, 20, 20), 0, 0.0),
        ((30, 0, 40, 20), 0, 0.0),
        ((5, 5, 5, 5), 0, 0.0),
    ],
    ids=["the same", "a corner", "inside", "touching", "apart", "empty"],
)
def test_two_boxes(other, common, iou):
    others = np.asarray([other], np.float32)
    assert intersections(ONE, others)[0, 0] == intersections(others, ONE)[0, 0] == common
    assert ious(ONE, others)[0, 0] == ious(others, ONE)[0, 0] == pytest.approx(iou)


def test_each_of_some_with_each_of_others():
    assert ious(np.repeat(ONE, 2, axis=0), np.zeros((0, 4), np.float32)).shape == (2, 0)
    assert ious(ONE, np.concatenate([ONE + 100, ONE])).tolist() == [[0.0, 1.0]]


def test_what_is_turned_inside_out_has_no_area():
    assert areas(np.asarray([(10, 20, 0, 0), (0, 0, 3, 4)], np.float32)).tolist() == [0, 12]


def test_nothing_over_nothing_is_nothing():
    assert ious(ONE * 0, ONE * 0).tolist() == [[0.0]]
