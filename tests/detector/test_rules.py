from datetime import timedelta

import pytest

from contract.cameras import Hours
from contract.catalogue import AreaKind, load_catalogue
from detector.observation import Observation, Person
from detector.rules import SHOP_TIME, RuleEngine, same_spot
from tests.detector.scenes import START, at, camera, person, scene

CATALOGUE = load_catalogue()


def run(engine, looks, commit=True):
    """Feed (time_s, person) looks; return [(time_s, rule)] of the violations."""
    told = []
    for time_s, seen in looks:
        for violation in engine.update(scene(*([seen] if seen else [])), time_s, at(time_s)):
            told.append((time_s, violation.rule.code))
            if commit:
                engine.committed(violation)
    return told


def steady(seconds, step=1.0, start=0.0, **states):
    count = int(seconds / step) + 1
    return [(start + i * step, person(track=1, **states)) for i in range(count)]


@pytest.mark.parametrize(
    ("states", "rule", "hold_s"),
    [
        ({"cap": "missing"}, "K01", 20),
        ({"mask": "missing"}, "K02", 15),
        ({"mask": "wrong"}, "K02", 15),
        ({"gloves": ("missing", "worn")}, "K06", 20),
        ({"smoking": "yes"}, "K07", 3),
    ],
)
def test_each_rule_fires_when_its_hold_time_is_over(states, rule, hold_s):
    assert run(RuleEngine(camera(), CATALOGUE), steady(60, **states)) == [(hold_s, rule)]


@pytest.mark.parametrize("step", [0.04, 0.2, 1.0, 2.0, 5.0])
def test_the_rate_of_looks_does_not_change_the_violation(step):
    told = run(RuleEngine(camera(), CATALOGUE), steady(60, step, cap="missing"))
    assert [code for _, code in told] == ["K01"]
    assert 20 <= told[0][0] < 20 + step


@pytest.mark.parametrize(("step", "fires_at"), [(2.0, 4.0), (5.0, 10.0), (9.0, None)])
def test_three_sure_looks_are_needed_however_short_the_hold_time(step, fires_at):
    """And they must lie close enough together to be about one cigarette."""
    told = run(RuleEngine(camera(), CATALOGUE), steady(60, step, smoking="yes"))
    assert told[:1] == ([(fires_at, "K07")] if fires_at else [])


@pytest.mark.parametrize(
    "states",
    [
        {"cap": "unknown"},
        {"cap": "worn"},
        {"mask": "unknown"},
        {"gloves": ("unknown", "unknown")},
        {"gloves": ()},
        {"smoking": "unknown"},
        {"cap": "missing", "with_head": False},
    ],
)
def test_what_cannot_be_told_or_is_right_never_fires(states):
    assert run(RuleEngine(camera(), CATALOGUE), steady(120, **states)) == []


def test_half_of_the_looks_must_be_sure():
    pattern = ["missing", "unknown", "unknown"]
    looks = [(t, person(track=1, cap=pattern[t % 3])) for t in range(90)]
    assert run(RuleEngine(camera(), CATALOGUE), looks) == []


def test_seven_of_ten_sure_looks_must_violate():
    pattern = ["missing", "missing", "worn"]
    looks = [(t, person(track=1, cap=pattern[t % 3])) for t in range(90)]
    assert run(RuleEngine(camera(), CATALOGUE), looks) == []


def test_a_few_wrong_looks_do_not_hide_a_violation():
    looks = [(t, person(track=1, cap="worn" if t % 5 == 4 else "missing")) for t in range(40)]
    assert [code for _, code in run(RuleEngine(camera(), CATALOGUE), looks)] == ["K01"]


def test_a_cap_taken_off_for_less_than_the_hold_time_is_nothing():
    looks = steady(30) + steady(15, start=31, cap="missing") + steady(60, start=47)
    assert run(RuleEngine(camera(), CATALOGUE), looks) == []


def test_a_cap_lifted_for_a_moment_is_not_when_a_later_violation_began():
    """The lifted cap and the later look at it missing are seven of ten looks of more than the hold time."""
    states = ["missing", "worn", "worn", "worn", "worn"] + ["missing"] * 20
    looks = [(2 * i, person(track=1, cap=state)) for i, state in enumerate(states)]
    engine = RuleEngine(camera(), CATALOGUE)
    told = [v for t, seen in looks for v in engine.update(scene(seen), t, at(t))]
    assert told[0].since_s == 10


def test_one_wrong_look_does_not_begin_a_violation_anew():
    states = ["missing", "worn"] + ["missing"] * 20
    looks = [(2 * i, person(track=1, cap=state)) for i, state in enumerate(states)]
    assert run(RuleEngine(camera(), CATALOGUE), looks) == [(20, "K01")]


def test_it_is_not_told_of_when_it_is_over():
    looks = steady(19, cap="missing") + steady(60, start=20)
    assert run(RuleEngine(camera(), CATALOGUE), looks) == []


def test_votes_are_counted_over_the_spell():
    engine = RuleEngine(camera(), CATALOGUE)
    looks = [(t, person(track=1, cap="unknown" if t in (5, 6) else "missing")) for t in range(21)]
    violations = [v for t, seen in looks for v in engine.update(scene(seen), t, at(t))]
    assert (violations[0].votes.looks, violations[0].votes.sure, violations[0].votes.violating) == (21, 19, 19)
    assert (violations[0].since_s, violations[0].since) == (0, START)


def test_gloves_are_asked_for_only_at_marked_posts():
    engine = RuleEngine(camera(posts=frozenset()), CATALOGUE)
    assert run(engine, steady(60, gloves=("missing",))) == []


def test_masks_are_not_asked_for_at_the_wok():
    engine = RuleEngine(camera(area=AreaKind.COOKING), CATALOGUE)
    assert run(engine, steady(60, mask="missing")) == []


def test_outside_the_zone_nothing_fires():
    zone = [(0.2, 0.0), (1.0, 0.0), (1.0, 1.0), (0.2, 1.0)]
    assert run(RuleEngine(camera(zone=zone), CATALOGUE), steady(60, cap="missing")) == []


def test_inside_the_zone_it_fires():
    zone = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    assert run(RuleEngine(camera(zone=zone), CATALOGUE), steady(60, cap="missing")) == [(20, "K01")]


def test_a_head_at_the_lower_edge_is_inside_a_zone_that_reaches_down_to_it():
    """The body below it, as far as it shows, decides: all that is guessed beyond the picture is in no zone."""
    zone = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]
    low = person((100, 630, 280, 720), track=1, cap="missing")
    alone = Person(None, None, low.head, track=1)
    assert run(RuleEngine(camera(zone=zone), CATALOGUE), [(t, alone) for t in range(60)]) == [(20, "K01")]


def test_time_outside_the_zone_does_not_count():
    zone = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    away = person((900, 100, 1000, 400), track=1, cap="missing")
    looks = [(t, away if 10 <= t < 15 else person(track=1, cap="missing")) for t in range(30)]
    assert run(RuleEngine(camera(zone=zone), CATALOGUE), looks) == []


@pytest.mark.parametrize(
    ("start", "end", "fires"),
    [("09:00", "22:00", True), ("11:00", "14:00", False), ("22:00", "11:00", True), ("00:00", "00:00", True)],
)
def test_business_hours_are_local(start, end, fires):
    engine = RuleEngine(camera(hours=[Hours(start=start, end=end)]), CATALOGUE)
    assert bool(run(engine, steady(60, cap="missing"))) is fires


@pytest.mark.parametrize(("evening", "fires"), [("09:00", True), ("17:00", False)])
def test_a_shop_that_closes_between_meals_has_several_hours(evening, fires):
    hours = [Hours(start="06:00", end="08:00"), Hours(start=evening, end="22:00")]
    assert bool(run(RuleEngine(camera(hours=hours), CATALOGUE), steady(60, cap="missing"))) is fires


def test_the_same_person_is_told_of_again_after_the_repeat_interval():
    told = run(RuleEngine(camera(), CATALOGUE), steady(1900, 5.0, cap="missing"))
    assert [t for t, _ in told] == [20, 1820]


def test_somebody_else_elsewhere_is_told_of():
    engine = RuleEngine(camera(), CATALOGUE)
    other = person((800, 100, 900, 400), track=2, cap="missing")
    told = [
        violation.track
        for t in range(60)
        for violation in engine.update(scene(person(track=1, cap="missing"), other), t, at(t))
        if engine.committed(violation) is None
    ]
    assert told == [1, 2]


def test_a_new_track_at_the_same_spot_is_not_told_of_again():
    engine = RuleEngine(camera(), CATALOGUE)
    run(engine, steady(25, cap="missing"))
    later = [(40 + t, person((105, 110, 210, 400), track=2, cap="missing")) for t in range(60)]
    assert run(engine, later) == []


def test_a_spot_is_the_same_in_a_stream_of_another_size():
    engine = RuleEngine(camera(), CATALOGUE)
    run(engine, steady(25, cap="missing"))
    half = Observation(640, 360, (person((50, 50, 100, 200), track=2, cap="missing"),))
    assert [v for t in range(40, 100) for v in engine.update(half, t, at(t))] == []


def test_what_was_told_before_a_restart_is_not_told_again():
    first = RuleEngine(camera(), CATALOGUE)
    told = [v for t, seen in steady(20, cap="missing") for v in first.update(scene(seen), t, at(t))]
    second = RuleEngine(camera(), CATALOGUE, [told[0].repeat])
    assert run(second, steady(60, start=30, cap="missing")) == []


def test_a_violation_that_was_not_committed_comes_again():
    engine = RuleEngine(camera(), CATALOGUE)
    assert len(run(engine, steady(22, cap="missing"), commit=False)) == 3


@pytest.mark.parametrize(
    ("walks_by", "numbered_by", "again"),
    [(0, 0, (21, "K01", 1)), (400, 0, (21, "K01", 1)), (0, 10, (41, "K01", 11))],
    ids=["who-stays", "who-walks-on", "who-comes-to-the-spot"],
)
def test_what_could_not_be_kept_after_all_is_told_of_again(walks_by, numbered_by, again):
    """And nothing else is: another rule that was told of at the same spot, and somebody else elsewhere."""
    engine, told = RuleEngine(camera(), CATALOGUE), []
    for t in range(60):
        x, number = (100 + walks_by, numbered_by) if t > 20 else (100, 0)
        guilty = person((x, 100, x + 100, 400), track=number + 1, cap="missing", mask="missing")
        seen = scene(person((800, 100, 900, 400), track=number + 2, cap="missing"), guilty)
        for violation in engine.update(seen, t, at(t)):
            told.append((t, violation.rule.code, violation.track))
            engine.committed(violation)
            if told[-1] == (20, "K01", 1):
                engine.refused(violation)
    assert told == [(15, "K02", 1), (20, "K01", 2), (20, "K01", 1), again]


@pytest.mark.parametrize("back_to", [0, 996])
def test_a_clock_that_jumps_back_starts_anew(back_to):
    looks = steady(15, start=985, cap="missing") + steady(19, start=back_to, cap="missing")
    assert run(RuleEngine(camera(), CATALOGUE), looks) == []


def test_a_clock_that_jumps_back_starts_anew_for_who_was_out_of_sight_too():
    """Somebody was last seen before the moment that it jumps back to."""
    engine = RuleEngine(camera(), CATALOGUE)
    gone = person((800, 100, 900, 400), track=2)
    engine.update(scene(gone), 990, at(990))
    looks = steady(14, start=992, cap="missing") + steady(19, start=1000, cap="missing")
    assert run(engine, looks) == []


def test_hours_are_by_the_right_time_where_the_clock_is_wrong():
    local = at(0).astimezone(SHOP_TIME)
    now = Hours(start=(local - timedelta(hours=1)).time(), end=(local + timedelta(hours=1)).time())
    ahead = timedelta(hours=8)
    for clock_off_s, fires in ((ahead.total_seconds(), True), (0.0, False)):
        engine = RuleEngine(camera(hours=[now]), CATALOGUE)
        told = [
            v for t, seen in steady(25, cap="missing") for v in engine.update(scene(seen), t, at(t) + ahead, clock_off_s)
        ]
        assert bool(told) == fires


@pytest.mark.parametrize("walks", [False, True], ids=["the-same-spot", "the-same-person"])
def test_a_wall_clock_that_is_set_back_silences_nobody_for_longer_than_the_repeat_interval(walks):
    """An old PC keeps local time in its clock chip: eight hours ahead, until NTP has put it right."""
    engine, told = RuleEngine(camera(), CATALOGUE), []
    for time_s in range(2 * 1800):
        box = (100 + 600 * (walks and time_s >= 30), 100, 200 + 600 * (walks and time_s >= 30), 400)
        wall = at(time_s + (8 * 3600 if time_s < 30 else 0))
        for violation in engine.update(scene(person(box, track=1, cap="missing")), time_s, wall):
            engine.committed(violation)
            told.append(time_s)
    assert told == [20, 30 + 1800]


@pytest.mark.parametrize("set_by_s", [56 * 365 * 86400, -8 * 3600], ids=["an empty battery", "local time in the chip"])
def test_a_wall_clock_that_is_set_meanwhile_moves_no_beginning(set_by_s):
    engine = RuleEngine(camera(), CATALOGUE)
    walls = [at(time_s + (0 if time_s >= 10 else -set_by_s)) for time_s in range(21)]
    told = [v for t, wall in enumerate(walls) for v in engine.update(scene(person(track=1, cap="missing")), t, wall)]
    assert [(violation.since_s, violation.since) for violation in told] == [(0, at(0))]


def test_memory_of_a_law_abiding_day_is_bounded():
    engine = RuleEngine(camera(), CATALOGUE)
    run(engine, [(t, person(track=t // 60)) for t in range(3600)])
    assert len(engine._tracks) < 5
    assert sum(len(looks) for track in engine._tracks.values() for looks in track.looks.values()) == 0


def test_evidence_may_be_written_or_refused_when_the_guilty_one_is_forgotten():
    """A slow disk: meanwhile the clock has jumped back, which forgets everybody."""
    engine = RuleEngine(camera(), CATALOGUE)
    (first,) = [v for t, seen in steady(20, cap="missing") for v in engine.update(scene(seen), t, at(t))]
    engine.update(scene(), 0, at(21))
    engine.committed(first)
    again = [(t, person(track=2, cap="missing")) for t in range(1, 60)]
    assert run(engine, again[:30]) == []
    engine.refused(first)
    assert run(engine, again[30:]) == [(31, "K01")]


def test_repeat_ends_at_the_repeat_interval():
    engine = RuleEngine(camera(), CATALOGUE)
    (violation,) = [v for t, seen in steady(20, cap="missing") for v in engine.update(scene(seen), t, at(t))]
    assert violation.repeat.until == at(20) + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((100, 100, 200, 400), True),
        ((130, 110, 230, 400), True),
        ((120, 170, 150, 240), True),
        ((0, 0, 300, 600), True),
        ((130, 100, 170, 140), False),
        ((0, 0, 300, 250), False),
        ((150, 100, 250, 400), True),
        ((160, 100, 260, 400), False),
        ((210, 100, 310, 400), False),
        ((600, 100, 700, 400), False),
    ],
)
def test_same_spot(other, same):
    here = (100, 100, 200, 400)
    assert same_spot(here, other) is same_spot(other, here) is same
