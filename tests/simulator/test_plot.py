"""Plots hold what the rules need, and end as they begin."""

from dataclasses import replace

import pytest

from simulator.kits import EVENT
from simulator.people import Wear
from simulator.plot import Plot, breaks, pose_at
from simulator.plots import PLOTS

HOLD_S = {"K01": 20.0, "K02": 15.0, "K06": 20.0, "K07": 3.0}


@pytest.fixture(params=sorted(PLOTS))
def plot(request: pytest.FixtureRequest) -> Plot:
    return PLOTS[request.param](seed=1)


def test_each_rule_is_broken_once_for_longer_than_its_hold_time(plot: Plot) -> None:
    lasting = [e for e in plot.events() if e.to_s - e.from_s >= HOLD_S[e.rule]]
    assert sorted(e.rule for e in lasting) == ["K01", "K02", "K06", "K07"]


def test_everybody_wears_everything_at_both_ends(plot: Plot) -> None:
    for actor in plot.actors:
        for t in (0.0, plot.duration_s - 1e-3):
            assert not any(breaks(actor.wear(t), rule) for rule in HOLD_S)


def test_the_end_leads_into_the_beginning(plot: Plot) -> None:
    for actor in plot.actors:
        actions = actor.actions()
        end, start = pose_at(actions, plot.duration_s - 1e-3, plot.duration_s), pose_at(actions, 0.0, plot.duration_s)
        assert end.right == pytest.approx(start.right, abs=0.01)
        assert end.head_yaw == pytest.approx(start.head_yaw, abs=0.01)


def test_an_event_lasts_from_the_change_to_the_change_back(plot: Plot) -> None:
    full = Wear(EVENT.caps[0], EVENT.masks[0], "worn", ("2a5a94", "2a5a94"), None)
    actor = replace(plot.actors[0], wearing=((0.0, full), (5.0, replace(full, cap=None)), (9.0, full)))
    events = replace(plot, actors=(actor,)).events()
    assert [(e.figure, e.rule, e.from_s, e.to_s) for e in events] == [(1, "K01", 5.0, 9.0)]
