import numpy as np
import pytest

from detector.crops import PADDING, crop_square, head_region, is_cut_off


def picture(height: int = 60, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_crop_of_the_same_size_is_the_picture_itself():
    image = picture()
    assert np.array_equal(crop_square(image, (20, 10, 40, 30), 1.0, 20), image[10:30, 20:40])


def test_scale_is_relative_to_the_longer_side():
    image = picture()
    assert np.array_equal(crop_square(image, (30, 20, 50, 30), 1.5, 30), image[10:40, 25:55])


def test_what_lies_outside_the_picture_is_grey():
    crop = crop_square(picture(), (-10, -10, 10, 10), 1.0, 20)
    assert (crop[:10] == PADDING).all()
    assert (crop[:, :10] == PADDING).all()
    assert np.array_equal(crop[10:, 10:], picture()[:10, :10])


def test_a_box_wholly_outside_gives_a_grey_crop():
    assert (crop_square(picture(), (200, 200, 220, 230), 1.4, 16) == PADDING).all()


def test_shrinking_averages():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::2] = 200
    crop = crop_square(image, (0, 0, 64, 64), 1.0, 16)
    assert abs(int(crop.mean()) - 100) <= 1
    assert crop.std() < 2


@pytest.mark.parametrize("size", [16, 96])
def test_every_size_comes_out_square(size: int):
    assert crop_square(picture(), (3.2, 4.7, 9.9, 40.1), 1.6, size).shape == (size, size, 3)


@pytest.mark.parametrize("box", [(200, 10, 220, 30), (-40, 10, -20, 30), (10, 200, 30, 220), (10, -40, 30, -20)])
def test_beside_the_picture_on_any_side_all_is_grey(box):
    crop = crop_square(picture(), box, 1.0, 16)
    assert crop.shape == (16, 16, 3)
    assert (crop == PADDING).all()


@pytest.mark.parametrize(
    "box", [(5, 5, 5, 5), (9, 9, 3, 3), (0, 0, np.nan, 3), (0, 0, np.inf, 3), (np.nan, 0, 3, 3), (0, np.nan, 3, 3)]
)
def test_a_box_without_extent_is_refused(box):
    with pytest.raises(ValueError, match="extent"):
        crop_square(picture(), box, 1.6, 96)


def test_a_tall_head_is_cut_around_its_face():
    assert head_region((10, 0, 50, 90)) == (10, pytest.approx(46), 50, 90)


def test_a_head_of_common_shape_is_cut_around_all_of_it():
    assert head_region((10, 20, 50, 62)) == (10, 20, 50, 62)


@pytest.mark.parametrize(
    ("head", "cut"),
    [
        ((100, 0, 150, 49), True),
        ((100, 1, 150, 50), True),
        ((100, 0, 150, 50), False),
        ((100, 0, 150, 80), False),
        ((100, 2, 150, 40), False),
        ((100, 30, 150, 60), False),
        ((0, 0, 50, 80), True),
        ((1, 0, 51, 80), True),
        ((2, 0, 52, 80), False),
        ((270, 0, 320, 80), True),
        ((269, 0, 319, 80), True),
        ((268, 0, 318, 80), False),
        ((0, 30, 50, 60), False),
        ((0, 200, 50, 240), False),
    ],
)
def test_a_head_that_the_upper_edge_cuts_off_is_lower_than_wide_or_cut_by_a_side_too(head, cut):
    """Of a picture 320 px wide; the edge is where a fiftieth of the head's width reaches."""
    assert is_cut_off(head, 320) is cut
