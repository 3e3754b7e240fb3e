import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.accounts.permissions import Role
from api.cameras.zones import Corner, ZoneFlaw, flaw_of
from tests.api.test_cameras import new_camera
from tests.api.world import World, problem_code

SQUARE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
BOW_TIE = [(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)]


@pytest.mark.parametrize(
    "corners",
    [
        SQUARE, SQUARE[::-1], [(0, 0), (1, 0), (1, 1), (0, 1)], [(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)],
        [(0.1, 0.1), (0.5, 0.4), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)],
        [(0.1, 0.1), (0.5, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)],
    ],
    ids=["square", "the other way round", "the whole picture", "triangle", "with a dent", "a corner on a straight line"],
)
def test_a_zone(corners: list[Corner]):
    assert flaw_of(corners) is None


@pytest.mark.parametrize(
    ("corners", "flaw"),
    [
        ([], ZoneFlaw.TOO_FEW),
        (SQUARE[:2], ZoneFlaw.TOO_FEW),
        ([(number / 200, 0.5 + (number % 2) / 4) for number in range(101)], ZoneFlaw.TOO_MANY),
        ([*SQUARE[:3], (0.1, 1.01)], ZoneFlaw.OUTSIDE),
        ([*SQUARE[:3], (-0.01, 0.9)], ZoneFlaw.OUTSIDE),
        ([*SQUARE[:3], (math.nan, 0.9)], ZoneFlaw.OUTSIDE),
        ([*SQUARE[:3], (0.1, math.inf)], ZoneFlaw.OUTSIDE),
        (BOW_TIE, ZoneFlaw.CROSSING),
        ([(0.1, 0.1), (0.9, 0.1), (0.5, 0.1), (0.5, 0.9)], ZoneFlaw.CROSSING),
        ([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.1), (0.1, 0.9)], ZoneFlaw.CROSSING),
        ([*SQUARE, SQUARE[0]], ZoneFlaw.CROSSING),
        ([(0.1, 0.1), (0.9, 0.9), (0.5, 0.5)], ZoneFlaw.CROSSING),
        ([(0.1, 0.1), (0.12, 0.1), (0.12, 0.12)], ZoneFlaw.TOO_SMALL),
    ],
    ids=[
        "nothing", "two corners", "too many", "below", "left of it", "no number", "endless", "bow tie", "back over itself",
        "touches itself", "the first corner again", "a line", "a speck",
    ],
)
def test_what_is_none(corners: list[Corner], flaw: ZoneFlaw):
    assert flaw_of(corners) is flaw


@given(st.lists(st.integers(0, 359), min_size=3, max_size=20, unique=True))
def test_corners_in_order_around_a_point_never_cross(degrees: list[int]):
    angles = [math.radians(one) for one in sorted(degrees)]
    corners = [(0.5 + 0.4 * math.cos(angle), 0.5 + 0.4 * math.sin(angle)) for angle in angles]
    assert flaw_of(corners) in (None, ZoneFlaw.TOO_SMALL)


@pytest.mark.parametrize(
    "zone",
    [SQUARE[:2], [*SQUARE[:3], (0.1, 1.01)], BOW_TIE, [(0.1, 0.1), (0.12, 0.1), (0.12, 0.12)], [*SQUARE[:3], ("NaN", 0.9)]],
    ids=["two corners", "outside", "crossing", "a speck", "no number"],
)
async def test_the_api_refuses_it_in_words(world: World, zone: list[Corner]):
    installer = await world.person(Role.INSTALLER)
    answer = await installer.post("/api/v1/cameras", json=new_camera(await world.place(), zone=zone))
    assert (answer.status_code, problem_code(answer)) == (422, "invalid")
    assert "zone" in answer.text
