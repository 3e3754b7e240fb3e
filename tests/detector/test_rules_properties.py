"""Tracks and rules under any looks: against the rule's own words, at every rate, with every kind of clock."""

from dataclasses import replace
from datetime import timedelta
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.catalogue import load_catalogue
from detector.observation import Observation
from detector.rules import RuleEngine
from detector.tracks import FORGET_AFTER_S, Tracker
from tests.detector.scenes import START, at, camera, person, scene

CATALOGUE = load_catalogue()
CAP = CATALOGUE.rule("K01")
PLACES = [(100, 100, 200, 400), (500, 100, 600, 400), (900, 100, 1000, 400)]
CAPS = st.sampled_from(["missing", "missing", "missing", "worn", "unknown"])
GAPS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0])


def fires(looks):
    """The rule in words, by trying every beginning: does it fire at the last of these (time_s, cap) looks?"""
    now, last = looks[-1]
    for i, (begin, first) in enumerate(looks):
        spell = [cap for _, cap in looks[i:]]
        sure = len(spell) - spell.count("unknown")
        if (
            first == last == "missing"
            and CAP.hold_s <= now - begin <= 2 * CAP.hold_s + 10
            and sure >= max(3, len(spell) / 2)
            and spell.count("missing") >= 0.7 * sure
            and all(spell[:n].count("missing") >= spell[:n].count("worn") for n in range(len(spell)))
        ):
            return True
    return False


def told(engine, looks):
    """Times of the violations that (time_s, person) looks lead to, each committed."""
    times = []
    for time_s, seen in looks:
        for violation in engine.update(scene(seen), time_s, at(time_s)):
            engine.committed(violation)
            times.append(time_s)
    return times


# Mostly bare, mostly not to be told, and mostly covered: the last two are what the shares and the longest spell are for.
KINDS = st.sampled_from([("missing", "missing", "worn", "unknown"), ("missing", "unknown"), ("missing", "worn", "worn")])


@given(looks=KINDS.flatmap(lambda caps: st.lists(st.tuples(GAPS, st.sampled_from(caps)), min_size=1, max_size=60)))
def test_it_fires_exactly_when_the_rule_says_so(looks):
    engine = RuleEngine(camera(), CATALOGUE)
    times = list(accumulate(gap for gap, _ in looks))
    history = [(time_s, cap) for time_s, (_, cap) in zip(times, looks, strict=True)]
    for i, (time_s, cap) in enumerate(history):
        violations = engine.update(scene(person(track=1, cap=cap)), time_s, at(time_s))
        assert bool(violations) is fires(history[: i + 1])
        for violation in violations:
            votes = violation.votes
            assert votes.looks >= votes.sure >= max(3, votes.looks / 2)
            assert votes.violating >= 0.7 * votes.sure
            assert violation.person.head.cap.state == "missing"
            assert time_s - violation.since_s >= CAP.hold_s
            assert violation.since == START + timedelta(seconds=violation.since_s)


BAD = {"cap": {"cap": "missing"}, "mask": {"mask": "missing"}, "glove": {"gloves": ("missing",)}, "smoking": {"smoking": "yes"}}
IN_FORCE = CATALOGUE.in_force(camera().area, camera().posts)


@pytest.mark.parametrize(
    ("rule", "looks_a_second"),
    # Where the hold time holds three looks.
    [(rule, rate) for rule in IN_FORCE for rate in (25, 5, 1, 0.5) if rule.hold_s * rate >= 2],
    ids=lambda value: getattr(value, "code", value),
)
def test_exactly_the_hold_time_is_enough_and_one_look_less_is_not(rule, looks_a_second):
    step = 1 / looks_a_second
    needed = -(-rule.hold_s // step)  # steps between the first and the last look
    states = BAD[rule.sign.attribute]

    def seen(count):
        steps = [(i * step, person(track=1, **states)) for i in range(int(count))]
        return told(RuleEngine(camera(), CATALOGUE), [*steps, (count * step, person(track=1))])

    assert seen(needed) == []
    assert len(seen(needed + 1)) == 1


@settings(max_examples=25)
@given(spells=st.lists(st.tuples(st.sampled_from([6, 10, 30]), st.sampled_from([40, 60])), min_size=1, max_size=3))
def test_every_rate_of_looks_tells_the_same(spells):
    """A cap off for 6, 10 or 30 s at a time, then on for so long that no two of these come together."""

    def cap_at(time_s):
        for off_s, on_s in spells:
            if time_s < off_s + on_s:
                return "missing" if time_s < off_s else "worn"
            time_s -= off_s + on_s
        return "worn"

    def told_of(step):
        engine = RuleEngine(camera(), CATALOGUE)
        steps = range(int(sum(map(sum, spells)) / step))
        since = []
        for i in steps:
            for violation in engine.update(scene(person(track=1, cap=cap_at(i * step))), i * step, at(i * step)):
                since.append(round(violation.since_s))
                engine.committed(violation)
        return since

    slow = told_of(2.0)
    assert len(slow) == any(off_s == 30 for off_s, _ in spells)
    assert told_of(0.2) == told_of(1.0) == slow


@given(
    stamps=st.lists(st.sampled_from([0.0, 1.0, 1.0, 3.0, -4.0, 12.0, -1000.0]), min_size=1, max_size=50),
    caps=st.lists(CAPS, min_size=50, max_size=50),
)
def test_no_clock_makes_up_a_violation(stamps, caps):
    """Equal stamps, gaps and leaps back: time before a leap back never counts, and nobody has two numbers at once."""
    tracker, engine = Tracker(), RuleEngine(camera(), CATALOGUE)
    time_s = began = 2000.0
    for step, cap in zip(stamps, caps, strict=False):
        time_s += step
        began = time_s if step < 0 else began
        seen = tracker.update(scene(*[person(box, cap=cap) for box in PLACES]), time_s)
        assert len({one.track for one in seen.people}) == len(PLACES)
        for violation in engine.update(seen, time_s, at(time_s)):
            assert began <= violation.since_s <= time_s - CAP.hold_s


@given(st.permutations(range(3)), st.sampled_from([0.5, 1.0, 2.0, 5.0]))
def test_the_order_of_people_in_a_picture_does_not_matter(order, step):
    """The finder sorts by score, which changes from look to look."""
    people = [person(box, cap=cap) for box, cap in zip(PLACES, ("missing", "worn", "missing"), strict=True)]
    tracker, engine = Tracker(), RuleEngine(camera(), CATALOGUE)
    told_at = set()
    for i in range(60):
        mixed = people if i % 2 else [people[j] for j in order]
        for violation in engine.update(tracker.update(scene(*mixed), i * step), i * step, at(i * step)):
            told_at.add((violation.track, violation.box))
    assert {box for _, box in told_at} == {PLACES[0], PLACES[2]}
    assert len(told_at) == 2


def zoomed(seen, zoom):
    """The same look at a stream of another size."""

    def sized(one):
        return replace(one, box=tuple(edge * zoom for edge in one.box))

    people = tuple(replace(sized(one), head=sized(one.head)) for one in seen.people)
    return Observation(round(seen.width * zoom), round(seen.height * zoom), people)


@settings(max_examples=25)
@given(zooms=st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=60, max_size=60), numbered_anew_at=st.integers(20, 60))
def test_a_stream_that_changes_its_size_tells_the_same(zooms, numbered_anew_at):
    """Of one who walks past two who stand; also where the box is started again meanwhile."""

    def told_of(zooms):
        tracker, engine, repeats, found = Tracker(), RuleEngine(camera(), CATALOGUE), [], []
        for t, zoom in enumerate(zooms):
            if t == numbered_anew_at:
                tracker, engine = Tracker(100), RuleEngine(camera(), CATALOGUE, repeats)
            walker = person((20.0 * t, 380, 20.0 * t + 100, 680), cap="missing")
            seen = scene(person(PLACES[0], cap="missing"), person(PLACES[1]), walker)
            for violation in engine.update(tracker.update(zoomed(seen, zoom), t), t, at(t)):
                engine.committed(violation)
                repeats.append(violation.repeat)
                found.append((t, violation.track))
        return found

    assert told_of(zooms) == told_of([1.0] * 60)


STEPS = st.sampled_from([0.5, 1.0, 2.0])


@settings(max_examples=30)
@given(step=STEPS, left_s=st.integers(1, 30), away_s=st.integers(1, 30))
@example(step=1.0, left_s=5, away_s=int(FORGET_AFTER_S))
@example(step=1.0, left_s=5, away_s=int(FORGET_AFTER_S) + 1)
def test_who_vanishes_and_comes_back(step, left_s, away_s):
    """Behind a pillar for a moment the votes go on; after long enough to be somebody else they begin anew."""
    tracker, engine = Tracker(), RuleEngine(camera(), CATALOGUE)
    times = [i * step for i in range(int(100 / step)) if not left_s < i * step < left_s + away_s]
    told_at = next(t for t in times if engine.update(tracker.update(scene(person(cap="missing")), t), t, at(t)))
    last, back = max(t for t in times if t <= left_s), min(t for t in times if t >= left_s + away_s)
    is_another = back - last > FORGET_AFTER_S and last < CAP.hold_s
    assert told_at == min(t for t in times if t >= CAP.hold_s + (back if is_another else 0.0))


@settings(max_examples=30)
@given(step=STEPS, begin_s=st.integers(0, 30), speed=st.integers(30, 200), hidden_s=st.integers(0, 6))
def test_of_two_who_pass_each_other_only_the_bare_one_is_told_of(step, begin_s, speed, hidden_s):
    """However fast, and also where one hides the other meanwhile: even where the numbers were mixed up, the look that tells shows
    the violation."""
    tracker, engine = Tracker(), RuleEngine(camera(), CATALOGUE)
    middle_s = begin_s + 300 / speed
    told_of = []
    for i in range(int((begin_s + 600 / speed + 40) / step)):
        t = i * step
        x = min(max(0.0, speed * (t - begin_s)), 600.0)
        bare, capped = person((100 + x, 100, 200 + x, 400), cap="missing"), person((700 - x, 100, 800 - x, 400))
        seen = scene(capped) if abs(t - middle_s) < hidden_s / 2 else scene(capped, bare)
        for violation in engine.update(tracker.update(seen, t), t, at(t)):
            engine.committed(violation)
            told_of.append(violation.person.box == bare.box)
    assert told_of
    assert all(told_of)
