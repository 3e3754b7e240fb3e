from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from api.accounts.permissions import Role
from api.cases.states import Act
from api.cases.tables import Case
from api.kit.times import SHOP_TIME
from api.statistics import repository, service
from api.statistics.figures import By, Counts, Duration, Scope
from tests.api.acts import done
from tests.api.history import History
from tests.api.test_oauth import add, told
from tests.api.world import HOUSE, World, problem_code

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=SHOP_TIME)


async def test_counts_what_happened_and_how_things_stand(any_world: World):
    any_world.centre.clock = lambda: NOON
    place = await any_world.place()
    box = await any_world.edge(place)
    officer = await any_world.person(place=place)
    clue, issued, dismissed = [await any_world.case(place, box) for _ in range(3)]
    await done(officer, issued, "confirm", "issue")
    await done(officer, dismissed, "dismiss", reason="test")
    found = (await officer.get("/api/v1/statistics")).json()
    assert (found["since"], found["until"]) == ("2026-10-28", "2026-11-26")
    counted = {name: count for name, count in found["cases"].items() if count}
    assert counted == {"opened": 3, "confirmed": 1, "dismissed": 1, "issued": 1}
    assert found["cases_now"] == {"pending_review": 1, "issued": 1, "dismissed": 1}
    assert [(row["rule"], row["opened"]) for row in found["by_rule"]] == [("K01", 3)]
    assert [(row["name"], row["opened"]) for row in found["by_shop"]] == [("Shop", 3)]
    assert found["cameras_now"] == {"not_started": 1}
    assert clue


async def test_what_is_recorded_without_a_notice_is_accounted_for(any_world: World):
    """Or a report that says 10 confirmed and 7 notices leaves its reader to guess."""
    case_id = await any_world.case(await any_world.place())
    officer = await any_world.person()
    async with any_world.centre.database.writing() as work:
        await work.execute(update(Case).values(severity=3))
    await done(officer, case_id, "confirm", "record")
    counted = (await officer.get("/api/v1/statistics")).json()["cases"]
    assert {name: count for name, count in counted.items() if count} == {"opened": 1, "confirmed": 1, "recorded": 1}
    month = (await officer.get("/statistics/month?lang=en", headers={"Accept": "text/html"})).text
    assert "0 notices were issued; 1 minor violations were recorded without one." in month


async def test_counts_by_days_of_the_shops(world: World):
    """What is done after midnight in Shanghai is of the new day, also while it is still the old one in UTC."""
    midnight = datetime(2026, 11, 26, tzinfo=SHOP_TIME)
    place = await world.place()
    box = await world.edge(place)
    for moment in (midnight - timedelta(seconds=1), midnight):
        world.centre.clock = lambda moment=moment: moment  # type: ignore[misc]
        await world.case(place, box)
    officer = await world.person()
    for day, opened in (("2026-11-25", 1), ("2026-11-26", 1)):
        found = await officer.get("/api/v1/statistics", params={"since": day, "until": day})
        assert found.json()["cases"]["opened"] == opened, day


async def test_of_what_one_may_see(world: World):
    here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
    await told(world, here)
    box = await world.edge(elsewhere)
    await world.case(elsewhere, box)
    for who, opened in (
        (await world.person(), 2), (await world.person(place=here), 1),
        (await world.person(Role.STORE_OWNER, place=elsewhere), 0),
    ):
        assert (await who.get("/api/v1/statistics")).json()["cases"]["opened"] == opened
    async with (await add(world, elsewhere, scopes=["statistics:read"])).by_itself() as client:
        found = (await client.get("/api/v1/statistics")).json()
        assert (found["cases"]["opened"], found["cases"]["confirmed"], found["cases_now"]) == (0, 0, {})
        assert (await client.get("/api/v1/cases")).status_code == 403


@pytest.mark.parametrize(
    ("since", "until"), [("2026-11-02", "2026-11-01"), ("2024-01-01", "2026-01-01"), ("9999-12-31", "9999-12-31")]
)
async def test_a_period_that_is_none(world: World, since: str, until: str):
    answer = await (await world.person()).get("/api/v1/statistics", params={"since": since, "until": until})
    assert (answer.status_code, problem_code(answer)) == (422, "bad-period")


async def counted(world: World, scope: Scope, by: By | None = None) -> dict[str, Counts]:
    async with world.centre.database.reading() as work:
        return {row.name or row.key: row.counts for row in (await repository.count_steps(work, HOUSE, scope, [by]))[by]}


def november(**narrowed: str) -> Scope:
    return Scope(datetime(2026, 11, 1, tzinfo=SHOP_TIME), datetime(2026, 12, 1, tzinfo=SHOP_TIME), **narrowed)


@pytest.mark.parametrize("at", ["/api/v1/statistics", "/statistics", "/statistics.csv", "/statistics.xlsx", "/statistics/month"])
async def test_one_person_has_few_counted_at_once(world: World, at: str):
    """Twenty of a year at once held all connections of a county's centre: for half a minute everybody else got a 503."""
    chief = await world.person(Role.CHIEF)
    person = (await chief.get("/api/v1/me")).json()["id"]
    with ExitStack() as going_on:
        for _ in range(3):
            going_on.enter_context(world.centre.counts.one_more(person))
        answer = await chief.get(at)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert (await chief.get(at)).status_code == 200


class TestCounting:
    async def test_false_alarms_are_not_what_nobody_could_tell(self, any_world: World):
        place = await any_world.place()
        async with History(any_world.centre.database, place) as history:
            for reason in ("not_a_violation", "not_staff", "cannot_tell", "test", "duplicate", "other"):
                history.case((NOON, Act.REPORT), (NOON, Act.DISMISS, reason))
            history.case((NOON, Act.REPORT), (NOON, Act.CONFIRM))
            history.case((NOON, Act.REPORT), (NOON, Act.MERGE))
            history.case((NOON, Act.REPORT), (NOON, Act.MUTE))
        its = (await counted(any_world, november()))[""]
        assert its == Counts(found=9, set_aside=1, confirmed=1, false_alarms=2, cannot_tell=1, apart=4, dismissed=6)
        assert its.judged == 3

    async def test_a_judgement_taken_back_is_none(self, any_world: World):
        async with History(any_world.centre.database, await any_world.place()) as history:
            history.case((NOON, Act.REPORT), (NOON, Act.CONFIRM), (NOON, Act.UNDO), (NOON, Act.DISMISS, "not_staff"))
        its = (await counted(any_world, november()))[""]
        assert (its.confirmed, its.false_alarms) == (0, 1)

    async def test_what_a_section_head_changed_counts_once(self, any_world: World):
        """A report in which cases are violations and false alarms at once, or more are closed than had a notice, is none."""
        judged, later = (NOON, Act.REPORT), NOON + timedelta(days=1)
        async with History(any_world.centre.database, await any_world.place()) as history:
            history.case(judged, (NOON, Act.CONFIRM), (later, Act.DISMISS, "not_a_violation"))
            history.case(judged, (NOON, Act.DISMISS, "not_staff"), (later, Act.REOPEN), (later, Act.CONFIRM), (later, Act.ISSUE))
            history.case(judged, (NOON, Act.CONFIRM), (NOON, Act.CLOSE), (later, Act.REOPEN), (later, Act.CLOSE))
            history.case(judged, (NOON, Act.CONFIRM), (NOON, Act.CLOSE), (later, Act.REOPEN))
        its = (await counted(any_world, november()))[""]
        assert (its.confirmed, its.false_alarms, its.dismissed, its.closed) == (3, 1, 1, 1)

    async def test_weeks_begin_on_monday_in_the_time_of_the_shops(self, any_world: World):
        monday = datetime(2026, 11, 23, tzinfo=SHOP_TIME)
        async with History(any_world.centre.database, await any_world.place()) as history:
            for moment in (monday - timedelta(seconds=1), monday, monday + timedelta(days=6, hours=23, minutes=59)):
                history.case((moment, Act.REPORT))
        weeks = await counted(any_world, november(), By.WEEK)
        assert {week: counts.found for week, counts in weeks.items()} == {"2026-11-16": 1, "2026-11-23": 2}

    async def test_by_rule_shop_station_and_camera(self, any_world: World):
        here, there = await any_world.place("Here"), await any_world.place("There")
        for place, rules in ((here, ("K01", "K02")), (there, ("K01",))):
            async with History(any_world.centre.database, place) as history:
                for rule in rules:
                    history.case((NOON, Act.REPORT), (NOON, Act.CONFIRM), rule=rule)
        for by, expected in (
            (By.RULE, {"K01": 2, "K02": 1}), (By.SHOP, {"Here": 2, "There": 1}),
            (By.CAMERA, {"Here camera": 2, "There camera": 1}), (By.STATION, {"Here district": 2, "There district": 1}),
        ):
            found = {name: counts.confirmed for name, counts in (await counted(any_world, november(), by)).items()}
            assert found == expected, by
            assert list(found) == list(expected), "the most first"
        for narrowed, expected in (
            ({"shop_id": there.shop_id}, 1), ({"district_id": here.district_id}, 2), ({"rule": "K02"}, 1),
            ({"rule": "K02", "shop_id": there.shop_id}, 0),
        ):
            assert (await counted(any_world, november(**narrowed)))[""].confirmed == expected, narrowed


async def test_durations_by_nearest_rank(any_world: World):
    """From the notice to the first answer and to the closure: of 1 to 10 hours, the fifth and the ninth."""
    place = await any_world.place()
    async with History(any_world.centre.database, place) as history:
        for hours in range(1, 11):
            answered = NOON + timedelta(hours=hours)
            history.case(
                (NOON, Act.ISSUE), (answered, Act.SUBMIT), (answered, Act.RETURN), (answered + timedelta(hours=20), Act.SUBMIT),
                (answered + timedelta(days=1), Act.CLOSE),
            )
        history.case((NOON, Act.ISSUE))  # still open: no time yet
        opened_again = ((NOON, Act.ISSUE), (NOON + timedelta(minutes=1), Act.CLOSE), (NOON + timedelta(minutes=2), Act.REOPEN))
        history.case(*opened_again, state="returned")
    async with any_world.centre.database.reading() as work:
        tables = await repository.measure_durations(work, HOUSE, november(), (None, By.RULE, By.STATION))
        for by, key in ((None, ""), (By.RULE, "K01"), (By.STATION, place.district_id)):
            rows = tables[by]
            found = {row.until: row.duration for row in rows}
            assert {row.key for row in rows} == {key}
            assert found[Act.SUBMIT] == Duration(10, timedelta(hours=5), timedelta(hours=9))
            assert found[Act.CLOSE] == Duration(10, timedelta(hours=29), timedelta(hours=33))


async def test_a_wall_counts_today_and_what_is_open(any_world: World):
    place = await any_world.place()
    async with History(any_world.centre.database, place) as history:
        history.case((NOON - timedelta(days=1), Act.REPORT), (NOON, Act.CONFIRM), state="confirmed")
        closed_twice = ((NOON - timedelta(days=3), Act.CLOSE), (NOON - timedelta(days=2), Act.REOPEN), (NOON, Act.CLOSE))
        history.case(*closed_twice, state="closed")
        history.case((NOON - timedelta(days=9), Act.CLOSE), state="closed")
    async with any_world.centre.database.reading() as work:
        today = await service.get_today(work, HOUSE, NOON)
    assert (today.counts.found, today.counts.confirmed, today.counts.closed) == (0, 1, 1)
    assert today.waiting == {"confirmed": 1}
    assert [closed.at for closed in today.closed] == [NOON]
    assert (today.coverage.entered, today.coverage.connected, today.coverage.active) == (1, 0, 0)


async def test_nobody_counts_what_is_not_theirs(world: World):
    here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
    async with History(world.centre.database, elsewhere) as history:
        history.case((NOON, Act.REPORT), (NOON, Act.CONFIRM))
    world.centre.clock = lambda: NOON
    officer = await world.person(place=here)
    for path in ("/statistics", "/statistics/month", "/wall", "/statistics.csv?table=shop"):
        answer = await officer.get(path)
        assert answer.status_code == 200, path
        assert "Elsewhere" not in answer.text, path
    assert "Here" in (await officer.get("/statistics")).text
