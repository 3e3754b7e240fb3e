"""Drawn plots: for any seed a story that the rules must see, in a kitchen of its own."""

import numpy as np
import pytest

from simulator.drawn import drawn
from simulator.plot import Plot

SEEDS = range(1, 41)
HOLD_S = {"K01": 20.0, "K02": 15.0, "K06": 20.0, "K07": 3.0}


@pytest.fixture(scope="module")
def plots() -> list[Plot]:
    return [drawn(seed) for seed in SEEDS]


def test_each_rule_is_broken_once_for_six_seconds_more_than_its_hold_time(plots: list[Plot]) -> None:
    lasting = [sorted(e.rule for e in plot.events() if e.to_s - e.from_s >= HOLD_S[e.rule] + 6) for plot in plots]
    assert lasting == [sorted(HOLD_S)] * len(plots)


def test_no_one_person_breaks_every_rule(plots: list[Plot]) -> None:
    assert {len({e.figure for e in plot.events()}) for plot in plots} == {2, 3}


def test_what_is_too_short_for_a_rule_happens_too(plots: list[Plot]) -> None:
    short = [e for plot in plots for e in plot.events() if e.to_s - e.from_s < HOLD_S[e.rule]]
    assert {e.rule for e in short} == {"K01"}
    assert max(e.to_s - e.from_s for e in short) <= 3


def test_nobody_does_two_things_at_once(plots: list[Plot]) -> None:
    for actor in (actor for plot in plots for actor in plot.actors):
        for times in ([at for at, _ in actor.doing], [at for at, _ in actor.wearing]):
            assert times == sorted(times)


def test_everybody_is_whole_in_the_picture(plots: list[Plot]) -> None:
    for plot in plots:
        for actor in plot.actors:
            x, y, z = actor.station.x, actor.station.y, actor.person.height_m + 0.22
            corners = np.array([[x - 0.3, y, z], [x + 0.3, y, z], [x, y - 0.3, actor.station.top]], np.float32)
            pixels, _ = plot.camera.project(corners)
            assert (pixels > 0).all()
            assert (pixels < (plot.camera.width, plot.camera.height)).all()


def test_another_seed_is_another_kitchen_with_other_people(plots: list[Plot]) -> None:
    assert len({plot.kitchen.width for plot in plots}) > 15
    assert len({actor.person for plot in plots for actor in plot.actors}) > 2 * len(plots)
    assert len({plot.duration_s for plot in plots}) > 15


def test_the_same_seed_is_the_same_plot() -> None:
    assert drawn(7).events() == drawn(7).events()
    assert drawn(7).actors == drawn(7).actors
