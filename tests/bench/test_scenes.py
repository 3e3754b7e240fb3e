"""The benchmark's kit shares nothing with any other, and its plot plants what the rules must find."""

from itertools import pairwise

import pytest

from bench.scenes import KIT, busy
from contract.catalogue import load_catalogue
from simulator.kits import KITS, Kit
from tests.simulator import test_kits


@pytest.mark.parametrize("other", KITS.values(), ids=KITS)
@pytest.mark.parametrize(
    "differs",
    [test_kits.test_kitchens_differ, test_kits.test_people_differ, test_kits.test_garment_shapes_differ,
     test_kits.test_colours_differ, test_kits.test_random_numbers_differ],
    ids=lambda check: check.__name__,
)
def test_the_kit_is_held_out(differs, other: Kit) -> None:
    differs((KIT, other))


def test_every_planted_breach_lasts_its_hold_time_and_five_seconds_more() -> None:
    events = busy().events()
    assert {event.rule for event in events} == {"K01", "K02", "K06", "K07"}
    for event in events:
        assert event.to_s - event.from_s >= load_catalogue().rule(event.rule).hold_s + 5


def test_it_ends_as_it_begins() -> None:
    plot = busy()
    for actor in plot.actors:
        assert actor.wear(0.0) == actor.wear(plot.duration_s)
        assert all(a < b < plot.duration_s for (a, _), (b, _) in pairwise(actor.wearing))
