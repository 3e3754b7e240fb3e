"""The same clip at any rate of looks gives the same violations; a suspicion supplies the looks that a short rule needs."""

import json
from pathlib import Path

import pytest

from contract.catalogue import load_catalogue
from detector.rules import RuleEngine
from detector.tracks import Tracker
from tests.detector.scenes import at, camera, person, scene

CATALOGUE = load_catalogue()
TRUTH = json.loads((Path(__file__).parent.parent / "simulator" / "event.truth.json").read_text())
RATES = [25, 5, 1, 0.5]
BROKEN = {"K01": {"cap": "missing"}, "K02": {"mask": "missing"}, "K06": {"gloves": ("missing",)}, "K07": {"smoking": "yes"}}
FIGURES = sorted({person["figure"] for frame in TRUTH["frames"] for person in frame["people"]})


def seen_at(time_s):
    """What a faultless look shows: everybody at a post of his own, with what the truth says he does then."""
    people = []
    for figure in FIGURES:
        wrong = {}
        for event in TRUTH["events"]:
            if event["figure"] == figure and event["from_s"] <= time_s < event["to_s"]:
                wrong |= BROKEN[event["rule"]]
        x = 100 + 400 * FIGURES.index(figure)
        people.append(person((x, 100, x + 120, 400), **{"gloves": ("worn",), **wrong}))
    return scene(*people)


def told(rate, *, bursts):
    """{(figure, rule): camera time of the telling}; `bursts`: from the next look on as often as the suspicion wants."""
    tracker, engine = Tracker(), RuleEngine(camera(), CATALOGUE)
    found = {}
    key_s = 1 / rate
    time_s = next_key_s = 0.0
    while time_s < TRUTH["duration_s"]:
        for violation in engine.update(tracker.update(seen_at(time_s), time_s), time_s, at(time_s)):
            engine.committed(violation)
            figure = FIGURES[round((violation.box[0] - 100) / 400)]
            assert (figure, violation.rule.code) not in found
            found[figure, violation.rule.code] = time_s
        wanted_s = engine.wanted_interval_s(time_s)
        if time_s >= next_key_s:
            next_key_s += key_s
        fast = bursts and wanted_s is not None and wanted_s < key_s and time_s > 0
        time_s = min(next_key_s, time_s + wanted_s / 2) if fast else next_key_s
    return found


def planted(rules):
    hold_s = {rule.code: rule.hold_s for rule in CATALOGUE.rules}
    events = [e for e in TRUTH["events"] if e["rule"] in rules and e["to_s"] - e["from_s"] >= hold_s[e["rule"]]]
    return {(e["figure"], e["rule"]): e["from_s"] + hold_s[e["rule"]] for e in events}


@pytest.mark.parametrize("rate", RATES)
def test_rules_that_hold_three_looks_tell_the_same_at_every_rate(rate):
    slow = {rule.code for rule in CATALOGUE.rules if rule.hold_s * rate >= 3}
    due = planted(slow)
    found = {what: time_s for what, time_s in told(rate, bursts=False).items() if what[1] in slow}
    assert found.keys() == due.keys()
    assert all(-1e-6 <= time_s - due[what] <= 1 / rate + 1e-6 for what, time_s in found.items())


@pytest.mark.parametrize("rate", RATES)
def test_with_bursts_every_rule_does(rate):
    due = planted(BROKEN)
    found = told(rate, bursts=True)
    assert found.keys() == due.keys()
    assert any(rule == "K07" for _, rule in found)
    assert all(-1e-6 <= time_s - due[what] <= 1 / rate + 1e-6 for what, time_s in found.items())


@pytest.mark.parametrize(("states", "wanted_s"), [({}, None), ({"cap": "missing"}, 20 / 3), ({"smoking": "yes"}, 1.0),
                                                   ({"cap": "missing", "smoking": "yes"}, 1.0)])
def test_the_most_urgent_suspicion_says_how_often(states, wanted_s):
    engine = RuleEngine(camera(), CATALOGUE)
    engine.update(scene(person(track=1, **states)), 0.0, at(0))
    assert engine.wanted_interval_s(0.0) == (None if wanted_s is None else pytest.approx(wanted_s))


@pytest.mark.parametrize(
    ("then", "open_still"), [("yes", True), ("unknown", True), ("no", False)],
)
def test_a_suspicion_ends_with_a_sure_look_to_the_contrary(then, open_still):
    engine = RuleEngine(camera(), CATALOGUE)
    engine.update(scene(person(track=1, smoking="yes")), 0.0, at(0))
    engine.update(scene(person(track=1, smoking=then)), 1.0, at(1))
    assert (engine.wanted_interval_s(1.0) is not None) is open_still


def test_a_suspicion_ends_with_its_hold_time_where_nobody_is_seen_any_more():
    engine = RuleEngine(camera(), CATALOGUE)
    engine.update(scene(person(track=1, smoking="yes")), 0.0, at(0))
    engine.update(scene(), 3.0, at(3))
    assert engine.wanted_interval_s(3.0) is not None
    assert engine.wanted_interval_s(3.1) is None


@pytest.mark.parametrize(("began_s", "rule"), [(0.3, "K02"), (1.9, "K01"), (0.0, "K01")])
def test_a_look_when_it_is_wanted_tells_no_later_than_one_key_frame_after_the_truth(began_s, rule):
    """Key frames every two seconds, whatever the hold time is."""
    engine, time_s, key_s, hold_s = RuleEngine(camera(), CATALOGUE), 0.0, 2.0, CATALOGUE.rule(rule).hold_s
    while time_s < 60:
        wrong = BROKEN[rule] if time_s >= began_s else {}
        if engine.update(scene(person(track=1, **wrong)), time_s, at(time_s)):
            break
        at_s = engine.wanted_at_s(time_s)
        following = (time_s // key_s + 1) * key_s
        time_s = following if at_s is None else min(at_s, following)
    assert time_s - hold_s - began_s < key_s


def test_a_suspicion_says_when_it_will_have_lasted():
    engine = RuleEngine(camera(), CATALOGUE)
    engine.update(scene(person(track=1)), 0.0, at(0))
    assert engine.wanted_at_s(0.0) is None
    for second in (2.0, 4.0):
        engine.update(scene(person(track=1, cap="missing")), second, at(second))
    assert engine.wanted_at_s(4.0) == 22.0
    assert engine.wanted_at_s(22.0) == 24.0


def test_what_could_not_be_kept_is_told_again():
    engine = RuleEngine(camera(), CATALOGUE)
    told = []
    for second in range(6):
        for violation in engine.update(scene(person(track=1, smoking="yes")), second, at(second)):
            told.append(second)
            engine.committed(violation)
            if second < 4:
                engine.refused(violation)
    assert told == [3, 4]


def test_what_was_told_is_no_suspicion():
    engine = RuleEngine(camera(), CATALOGUE)
    for second in range(4):
        for violation in engine.update(scene(person(track=1, smoking="yes")), second, at(second)):
            engine.committed(violation)
    assert engine.wanted_interval_s(3.0) is None
    engine.update(scene(person(track=1, smoking="yes")), 4.0, at(4))
    assert engine.wanted_interval_s(4.0) is None


def test_who_leaves_the_zone_is_not_suspected_any_more():
    engine = RuleEngine(camera(zone=[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]), CATALOGUE)
    engine.update(scene(person(track=1, smoking="yes")), 0.0, at(0))
    assert engine.wanted_interval_s(0.0) is not None
    engine.update(scene(person((700, 100, 800, 400), track=1, smoking="yes")), 1.0, at(1))
    assert (engine.wanted_interval_s(1.0), engine.wanted_at_s(1.0)) == (None, None)
