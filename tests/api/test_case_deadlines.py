"""Deadlines, reminders and escalation, with a clock that the tests move."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.accounts.permissions import Role
from api.cases import clock
from api.cases.clock import LIMITS_OF_THE_AUTHORITY
from api.cases.conditions import severity_of_notice
from api.cases.deadlines import Deadlines, DeadlinesError, load_deadlines
from api.cases.states import OPEN, CaseState
from api.cases.tables import Case
from api.cases.timekeeper import catch_up
from api.kit.times import SHOP_TIME
from api.places.tables import Shop
from contract.catalogue import load_catalogue
from tests.api.acts import do
from tests.api.world import EdgeBox, World, answer_notice, problem_code


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHOP_TIME).astimezone(UTC)


TUESDAY = at("2026-11-24 09:00")
DEADLINES = Deadlines(load_deadlines(), load_catalogue())


async def as_it_was_before(world: World, case_id: int) -> float | None:
    """Without the clock that an earlier version of this software did not set; what was left of the shop's time."""
    async with world.centre.database.writing() as work:
        case = await work.get_one(Case, case_id)
        case.stage = case.stage_from = case.due_at = None
        case.next_check_at = case.opened_at
        return case.rectify_left_s


class Life:
    """A case of class 2 (K01 in a special room: 3 working days to rectify) that people walk through."""

    def __init__(self, world: World, box: EdgeBox, people: dict[Role, httpx.AsyncClient], case_id: int) -> None:
        self.world, self.box, self.people, self.case_id = world, box, people, case_id

    @classmethod
    async def begin(cls, world: World) -> "Life":
        world.centre.clock = lambda: TUESDAY
        place = await world.place()
        people = {role: await world.person(role, place=place) for role in (Role.OFFICER, Role.CHIEF, Role.STORE_OWNER)}
        box = await world.edge(place)
        return cls(world, box, people, await world.case(place, box))

    async def at(self, moment: datetime) -> dict[str, Any]:
        """The clock stands at this moment, and has looked around."""
        self.world.centre.clock = lambda: moment
        await catch_up(self.world.centre)
        return await self.case()

    async def case(self) -> dict[str, Any]:
        case: dict[str, Any] = (await self.people[Role.OFFICER].get(f"/api/v1/cases/{self.case_id}")).json()
        return case

    async def do(self, act: str, who: Role = Role.OFFICER, **given: object) -> httpx.Response:
        if act == "submit":
            return await answer_notice(self.people[who], self.case_id, (await self.case())["version"])
        return await do(self.people[who], self.case_id, act, **given)

    async def done(self, *acts: str, who: Role = Role.OFFICER) -> dict[str, Any]:
        for act in acts:
            answer = await self.do(act, who, **({"note": "Words."} if act in ("appeal", "reject", "return", "refuse") else {}))
            assert answer.status_code == 200, answer.text
        return await self.case()


def moment(case: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(case[name])


class TestLimits:
    async def test_each_stage_has_its_own(self, any_world: World):
        life = await Life.begin(any_world)
        case = await life.case()
        assert (case["stage"], moment(case, "due_at")) == ("review", at("2026-11-24 15:00"))  # 4 working hours
        case = await life.done("confirm")
        assert (case["stage"], moment(case, "due_at")) == ("notice", at("2026-11-25 17:30"))
        case = await life.done("issue")
        assert (case["stage"], moment(case, "due_at")) == ("sign", at("2026-11-25 17:30"))
        # The rule's own 3 working days, from the notice on.
        assert moment(case, "rectify_due_at") == at("2026-11-27 17:30")
        case = await life.done("acknowledge", who=Role.STORE_OWNER)
        assert (case["stage"], moment(case, "due_at")) == ("rectify", at("2026-11-27 17:30"))
        case = await life.done("submit", who=Role.STORE_OWNER)
        assert (case["stage"], moment(case, "due_at")) == ("verify", at("2026-11-26 17:30"))
        case = await life.done("close")
        assert (case["stage"], case["due_at"]) == (None, None)

    async def test_an_objection_stops_the_clock(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        await life.done("appeal", who=Role.STORE_OWNER)
        await life.at(at("2026-12-08 09:00"))  # two weeks later
        case = await life.done("reject", who=Role.CHIEF)
        # What was left on Tuesday morning: that day and three more.
        assert moment(case, "due_at") == at("2026-12-11 17:30")
        assert (case["overdue_at"], case["severity"]) == (None, 2)
        assert {reminder["stage"] for reminder in case["reminders"]} == {"decide"}

    async def test_what_was_left_of_hours_is_counted_by_the_clock(self, world: World):
        life = await Life.begin(world)
        life.case_id = (await life.box.report(rule="K09")).json()["case_id"]  # 24 hours to rectify
        await life.done("confirm", "issue")
        await life.at(at("2026-11-24 16:00"))
        await life.done("appeal", who=Role.STORE_OWNER)
        await life.at(at("2026-12-05 20:00"))  # a Saturday evening
        case = await life.done("reject", who=Role.CHIEF)
        assert moment(case, "due_at") == at("2026-12-06 13:00")

    async def test_an_objection_is_decided_in_time(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        case = await life.done("appeal", who=Role.STORE_OWNER)
        assert (case["stage"], moment(case, "due_at")) == ("decide", at("2026-11-27 17:30"))
        case = await life.at(at("2026-11-27 17:31"))
        assert [reminder["kind"] for reminder in case["reminders"]] == ["limit"]
        assert moment(case, "overdue_at") == at("2026-11-27 17:30")

    async def test_a_refused_notice_is_followed_by_a_visit_in_time(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        case = await life.done("refuse")
        assert (case["stage"], moment(case, "due_at")) == ("visit", at("2026-11-26 17:30"))
        # Who sets out has not been there yet: this gives no new time, and lowers no flag.
        await life.at(at("2026-11-26 17:31"))
        case = await life.done("go_on_site")
        assert (case["stage"], moment(case, "overdue_at")) == ("visit", at("2026-11-26 17:30"))
        case = await life.at(at("2026-11-30 17:31"))
        assert [(one["kind"], one["stage"]) for one in case["reminders"]] == [("limit", "visit"), ("escalated", "visit")]

    async def test_a_visit_to_a_shop_that_is_overdue_has_a_limit_of_its_own(self, world: World):
        life = await Life.begin(world)
        await life.done("confirm", "issue")
        await life.at(at("2026-11-25 17:31"))
        case = await life.done("go_on_site")
        assert (case["stage"], moment(case, "due_at"), case["overdue_at"]) == ("visit", at("2026-11-27 17:30"), None)

    async def test_no_shop_hears_by_when_officers_come(self, world: World):
        life = await Life.begin(world)
        await life.done("confirm", "issue")
        await life.done("refuse")
        await life.at(at("2026-12-08 09:00"))
        shop = life.people[Role.STORE_OWNER]
        told = (await shop.get(f"/api/v1/cases/{life.case_id}")).json()
        assert (told["stage"], told["due_at"], told["overdue_at"]) == (None, None, None)
        events = (await shop.get("/api/v1/events")).text
        page = (await shop.get(f"/cases/{life.case_id}", params={"lang": "en"})).text
        assert ("on site by" in page, "2026-11-26" in page, "2026-11-26" in events) == (False, False, False)

    def test_each_state_in_which_somebody_must_act_has_one(self):
        assert {*LIMITS_OF_THE_AUTHORITY, CaseState.ISSUED, CaseState.ACKNOWLEDGED, CaseState.RETURNED} == OPEN

    async def test_a_case_from_before_its_state_had_one_gets_it(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        await life.done("appeal", who=Role.STORE_OWNER)
        left = await as_it_was_before(any_world, life.case_id)
        case = await life.at(at("2026-12-08 09:00"))
        assert (case["stage"], moment(case, "due_at"), case["overdue_at"]) == ("decide", at("2026-12-11 17:30"), None)
        async with any_world.centre.database.reading() as work:
            assert (await work.get_one(Case, life.case_id)).rectify_left_s == left

    @pytest.mark.parametrize(
        ("judged", "told", "later", "next_told"),
        [
            ("2026-11-24 11:00", [], "2026-11-24 12:01", "half"),
            ("2026-11-24 12:30", ["half"], "2026-11-24 15:01", "limit"),
            ("2026-11-24 15:30", ["half", "limit"], "2026-11-26 17:31", "escalated"),
        ],
    )
    async def test_a_judgement_that_is_taken_back_gives_no_new_time(
        self, world: World, judged: str, told: list[str], later: str, next_told: str
    ):
        life = await Life.begin(world)
        for text in ("2026-11-24 12:00", "2026-11-24 15:00"):
            if at(text) < at(judged):
                await life.at(at(text))
        before = await life.at(at(judged))
        assert [reminder["kind"] for reminder in before["reminders"]] == told
        for seconds in (5, 10):  # nor is it one that is taken back once more
            await life.done("confirm")
            await life.at(at(judged) + timedelta(seconds=seconds))
            after = await life.done("undo")
        clock = ("stage", "due_at", "overdue_at", "escalation", "escalated_at", "reminders")
        assert {name: after[name] for name in clock} == {name: before[name] for name in clock}
        again = await life.at(at(judged) + timedelta(minutes=1))
        assert [reminder["kind"] for reminder in again["reminders"]] == told
        case = await life.at(at(later))
        assert [reminder["kind"] for reminder in case["reminders"]] == [*told, next_told]

    async def test_waiting_for_verification_is_not_the_shops_time(self, world: World):
        life = await Life.begin(world)
        await life.done("confirm", "issue")
        await life.done("submit", who=Role.STORE_OWNER)
        await life.at(at("2026-11-30 09:00"))
        case = await life.done("return")
        assert moment(case, "due_at") == at("2026-12-03 17:30")

    @pytest.mark.parametrize("answered", ["2026-11-27 17:29", "2026-12-01 10:00"], ids=["at the last moment", "late"])
    async def test_what_is_returned_leaves_time_to_read_why(self, any_world: World, answered: str):
        """Or the shop would be late, once more, before it can have read what is still missing."""
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        await life.at(at(answered))
        await life.done("submit", who=Role.STORE_OWNER)
        before = [one for one in (await life.case())["reminders"] if one["stage"] in ("sign", "rectify")]
        await life.at(at("2026-12-02 10:00"))
        case = await life.done("return")
        assert moment(case, "due_at") == at("2026-12-03 17:30")  # as long as it has to sign for a notice of this class
        case = await life.at(at("2026-12-03 17:29"))
        told = [one for one in case["reminders"] if one["stage"] in ("sign", "rectify") and one not in before]
        assert (case["overdue_at"], [one["kind"] for one in told]) == (None, ["half"])

    async def test_a_closed_case_that_is_opened_again_has_a_limit_of_its_own(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        await life.done("refuse", who=Role.OFFICER)
        await life.done("go_on_site")
        closed = await life.do("close", note="Seen there.")
        assert closed.status_code == 200, closed.text
        await life.at(at("2026-12-14 09:00"))  # long after the limit of the notice
        reopened = await life.do("reopen", Role.CHIEF, note="It was not done after all.")
        assert reopened.status_code == 200, reopened.text
        case = await life.at(at("2026-12-14 09:01"))
        assert (case["stage"], moment(case, "due_at"), case["reminders"]) == ("rectify", at("2026-12-17 17:30"), [])
        assert moment(case, "rectify_due_at") == at("2026-12-17 17:30")


class TestReminders:
    async def test_at_half_and_at_the_limit_once_each(self, any_world: World):
        life = await Life.begin(any_world)
        told = []
        for text in ("2026-11-24 11:59", "2026-11-24 12:01", "2026-11-24 14:59", "2026-11-24 15:00", "2026-11-24 15:01"):
            case = await life.at(at(text))
            told.append([reminder["kind"] for reminder in case["reminders"]])
        assert told == [[], ["half"], ["half"], ["half", "limit"], ["half", "limit"]]
        assert moment(case, "overdue_at") == at("2026-11-24 15:00")

    async def test_escalation_goes_up_step_by_step(self, any_world: World):
        life = await Life.begin(any_world)
        levels = []
        for text in ("2026-11-25 10:00", "2026-11-26 17:31", "2026-12-01 17:31", "2026-12-08 17:31", "2027-01-30 09:00"):
            levels.append((await life.at(at(text)))["escalation"])
        # Nobody summons the shop for a talk where the authority is late.
        assert levels == [None, "station", "bureau", "bureau", "bureau"]
        assert len((await life.case())["reminders"]) == 3

    async def test_a_shop_that_is_late_is_summoned_for_a_talk(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        assert (await life.at(at("2027-01-30 09:00")))["escalation"] == "talk"

    async def test_a_limit_after_which_a_case_goes_up_at_once_is_told_too(self, any_world: World):
        life = await Life.begin(any_world)
        serious = (await life.box.report(rule="K09")).json()["case_id"]
        case = await Life(any_world, life.box, life.people, serious).at(at("2026-11-24 09:31"))
        told = [(reminder["kind"], reminder["level"]) for reminder in case["reminders"]]
        assert told == [("limit", None), ("escalated", "station")]

    async def test_acting_lowers_the_flags(self, world: World):
        life = await Life.begin(world)
        assert (await life.at(at("2026-12-08 17:31")))["escalation"] == "bureau"
        case = await life.done("confirm")
        assert (case["overdue_at"], case["escalation"]) == (None, None)

    async def test_a_shop_reads_of_its_own_limits_and_not_of_the_authority_s(self, any_world: World):
        life = await Life.begin(any_world)
        await life.at(at("2026-11-24 15:01"))  # nobody has judged it in time
        await life.done("confirm", "issue")
        officer = (await life.at(at("2026-11-26 10:00")))["reminders"]
        shop = (await life.people[Role.STORE_OWNER].get(f"/api/v1/cases/{life.case_id}")).json()["reminders"]
        stages = [[reminder["stage"] for reminder in told] for told in (officer, shop)]
        assert stages == [["review", "sign"], ["sign"]]

    async def test_a_shop_that_has_answered_is_not_called_late_when_the_authority_is(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        await life.done("submit", who=Role.STORE_OWNER)
        officer = await life.at(at("2026-12-08 17:31"))  # nobody has verified it
        shop, path = life.people[Role.STORE_OWNER], f"/api/v1/cases/{life.case_id}"
        told = (await shop.get(path)).json()
        listed = (await shop.get("/api/v1/cases", params={"overdue": True})).json()["items"]
        counts = (await shop.get("/api/v1/statistics")).json()
        page = (await shop.get(f"/cases/{life.case_id}", params={"lang": "en"})).text
        assert (officer["overdue_at"] is None, officer["escalation"]) == (False, "bureau")
        assert (told["overdue_at"], told["escalation"], told["escalated_at"], listed) == (None, None, None, [])
        assert (counts["overdue_now"], counts["cases"]["overdue"]) == (0, 0)
        assert ("Overdue since" in page, "Reported to" in page, "For the authority to verify by" in page) == (False, False, True)

    async def test_an_officer_may_go_once_it_is_overdue(self, world: World):
        life = await Life.begin(world)
        await life.done("confirm", "issue")
        assert (await life.do("go_on_site")).status_code == 409
        await life.at(at("2026-11-25 17:31"))
        assert (await life.do("go_on_site")).json()["state"] == "on_site"


class TestStandstill:
    async def test_catching_up_tells_each_case_once(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(clock, "BATCH", 2)
        monkeypatch.setattr("api.cases.timekeeper.BATCH", 2)
        life = await Life.begin(any_world)
        for _ in range(4):
            await any_world.case(life.box.place, life.box)
        any_world.centre.clock = lambda: at("2026-12-08 17:31")
        assert await catch_up(any_world.centre) >= 5
        assert await catch_up(any_world.centre) == 0
        cases = (await life.people[Role.OFFICER].get("/api/v1/cases", params={"overdue": True})).json()["items"]
        assert len(cases) == 5
        for case in cases:
            told = (await life.people[Role.OFFICER].get(f"/api/v1/cases/{case['id']}")).json()["reminders"]
            assert [(reminder["kind"], reminder["level"]) for reminder in told] == [("escalated", "bureau")]

    async def test_a_limit_that_ended_meanwhile_counts_as_missed_once(self, any_world: World):
        life = await Life.begin(any_world)
        for text in ("2026-11-26 17:31", "2026-12-01 17:31"):
            case = await life.at(at(text))
        assert [reminder["kind"] for reminder in case["reminders"]] == ["escalated", "escalated"]
        counted = (await life.people[Role.OFFICER].get("/api/v1/statistics")).json()["cases"]
        assert counted["overdue"] == 1

    async def test_a_clock_that_jumps_back_and_forth_repeats_nothing(self, world: World):
        life = await Life.begin(world)
        for text in ("2026-11-24 15:01", "2020-01-01 00:00", "2026-11-24 15:02"):
            case = await life.at(at(text))
        assert [reminder["kind"] for reminder in case["reminders"]] == ["limit"]


class TestExtension:
    async def test_by_a_section_head(self, any_world: World):
        life = await Life.begin(any_world)
        await life.done("confirm", "issue")
        await life.done("acknowledge", who=Role.STORE_OWNER)
        given = {"note": "New caps arrive on Monday.", "due_at": "2026-12-01T18:00:00+08:00"}
        assert (await life.do("extend", **given)).status_code == 403
        case = (await life.do("extend", Role.CHIEF, **given)).json()
        assert (case["state"], moment(case, "due_at")) == ("acknowledged", at("2026-12-01 18:00"))
        assert case["transitions"][-1]["act"] == "extend"
        assert moment(case["transitions"][-1], "due_at") == at("2026-12-01 18:00")

    async def test_before_the_shop_has_signed(self, world: World):
        """It signs in time all the same, and has until then once it has."""
        life = await Life.begin(world)
        await life.done("confirm", "issue")
        case = (await life.do("extend", Role.CHIEF, note="Closed for repairs.", due_at="2026-12-01T18:00:00+08:00")).json()
        assert (case["stage"], moment(case, "due_at")) == ("sign", at("2026-11-25 17:30"))
        case = await life.done("acknowledge", who=Role.STORE_OWNER)
        assert (case["stage"], moment(case, "due_at")) == ("rectify", at("2026-12-01 18:00"))

    @pytest.mark.parametrize(
        ("now", "due_at"),
        [
            ("2026-12-01 09:00", "2026-11-30T09:00:00+08:00"),  # the shop's own is over since the 27th
            ("2026-11-24 09:00", "2026-11-26T09:00:00+08:00"),
            ("2026-11-24 09:00", "2062-11-30T09:00:00+08:00"),
        ],
    )
    async def test_a_deadline_in_the_past_before_the_one_there_is_or_far_ahead(self, world: World, now: str, due_at: str):
        life = await Life.begin(world)
        await life.done("confirm", "issue")
        await life.at(at(now))
        answer = await life.do("extend", Role.CHIEF, note="Words.", due_at=due_at)
        assert (answer.status_code, problem_code(answer)) == (422, "bad-deadline")


async def test_the_third_of_a_kind_in_30_days_is_more_serious(world: World):
    life = await Life.begin(world)
    severities, drafts = [], []
    for _ in range(3):
        life.case_id = (await life.box.report(rule="K12")).json()["case_id"]
        before = (await life.done("confirm"))["severity"]
        drafts.append("严重程度：较重" in (await life.people[Role.OFFICER].get(f"/cases/{life.case_id}/notice")).text)
        severities.append((before, (await life.done("issue"))["severity"]))
    assert severities == [(3, 3), (3, 3), (3, 2)]
    assert drafts == [False, False, True]  # as it is issued then


@pytest.mark.parametrize(
    ("rule", "due"), [("K14", "2026-11-28 10:00"), ("K06", "2026-12-07 17:30"), ("K08", "2026-12-07 17:30")],
    ids=["at once", "calendar days", "record: as its class"],
)
def test_how_long_a_rule_gives_from_a_saturday_on(rule: str, due: str):
    assert DEADLINES.due(DEADLINES.to_rectify(rule, 3), at("2026-11-28 10:00")) == at(due)


@pytest.mark.parametrize(("severity", "confirmed", "then"), [(3, 1, 3), (3, 2, 2), (2, 2, 2), (1, 2, 1)])
def test_a_third_one_makes_nothing_less_serious(severity: int, confirmed: int, then: int):
    assert severity_of_notice(severity, confirmed) == then


async def test_what_does_not_count_to_the_third(world: World):
    life = await Life.begin(world)
    changes = (
        {}, {"state": CaseState.WITHDRAWN}, {"rule": "K11"}, {"shop_id": "next"}, {"opened_at": TUESDAY - timedelta(days=31)},
    )
    earlier = [(await life.box.report(rule="K12")).json()["case_id"] for _ in changes]
    async with world.centre.database.writing() as work:
        work.add(Shop(id="next", district_id=life.box.place.district_id, name="Next door"))
        await work.flush()
        for case_id, change in zip(earlier, changes, strict=True):
            await work.execute(update(Case).where(Case.id == case_id).values({"state": CaseState.CONFIRMED} | change))
    life.case_id = (await life.box.report(rule="K12")).json()["case_id"]
    assert (await life.done("confirm", "issue"))["severity"] == 3


async def test_only_a_minor_one_that_is_the_first_is_recorded_without_a_notice(world: World):
    life = await Life.begin(world)
    minor = [(await life.box.report(rule="K12")).json()["case_id"] for _ in range(2)]
    answers = []
    for case_id in (life.case_id, *minor):  # the first one is of class 2
        life.case_id = case_id
        await life.done("confirm")
        answers.append((await life.do("record")).status_code)
    assert answers == [409, 200, 409]


class TestTable:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("08:30", "13:30"), ("unit: hours", "unit: moons"), ("  3:  #", "  4:  #"), ("holidays: []", "holidays: [soon]"),
            ("holidays: []", "holidays: [2027-02-30]"),
            # An hour counted twice; the same told twice, which stops the clock of all cases; a day that is both.
            ("12:00", "14:30"), ("level: bureau", "level: station"),
            ("holidays: []\nworking_days: []", "holidays: [2027-02-06]\nworking_days: [2027-02-06]"),
        ],
    )
    def test_one_that_cannot_be_used(self, tmp_path: Path, old: str, new: str):
        text = (Path(__file__).parents[2] / "configs" / "deadlines.yaml").read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "deadlines.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(DeadlinesError, match=r"deadlines\.yaml cannot be used"):
            load_deadlines(path)

    async def test_a_copy_from_before_a_limit_of_the_authority_has_the_one_to_verify(self, world: World, tmp_path: Path):
        text = (Path(__file__).parents[2] / "configs" / "deadlines.yaml").read_text(encoding="utf-8")
        path = tmp_path / "deadlines.yaml"
        path.write_text(re.sub(r"    (notice|decide|visit): .*\n", "", text), encoding="utf-8")
        world.centre.deadlines = Deadlines(load_deadlines(path), world.centre.catalogue)
        life = await Life.begin(world)
        case = await life.done("confirm")
        assert (case["stage"], moment(case, "due_at")) == ("notice", at("2026-11-26 17:30"))

    def test_a_year_whose_holidays_nobody_knows_is_told(self, world: World):
        deadlines = world.centre.deadlines
        assert deadlines.unknown_years(at("2026-10-01 09:00")) == []
        assert deadlines.unknown_years(at("2026-12-24 09:00")) == [2027]
        assert deadlines.unknown_years(at("2026-12-24 09:00") + timedelta(days=30)) == [2027]
