"""The table of states: that it is sound, that the document shows it, and that whatever people do, the invariants hold."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import event

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import PERMISSIONS, Permission, Role
from api.answers.service import Answered
from api.answers.tables import Photograph
from api.cameras.tables import Camera
from api.cases import service
from api.cases.clock import tick
from api.cases.deadlines import Deadlines, load_deadlines
from api.cases.diagram import drawn
from api.cases.observations import open_case
from api.cases.seen import Seen
from api.cases.states import (
    ANSWERS,
    OPEN,
    STEPS,
    TOLD,
    Act,
    CaseState,
    DismissalReason,
    Given,
    WithdrawalReason,
    step_of,
    steps_from,
)
from api.cases.tables import Case, CaseTransition, Stage
from api.kit.database import Database
from api.kit.ids import new_id
from api.kit.problems import Conflict, Forbidden, Invalid, NotFound, VersionConflict
from api.kit.secrets import Keyring
from api.places.tables import Area, Contact, District, Duty, Shop
from contract.catalogue import AreaKind, load_catalogue
from contract.evidence import FIRST_OF_CHAIN, AttributeVotes, Manifest, ModelVersion, file_digest
from tests.api.world import HOUSE

DEADLINES = Deadlines(load_deadlines(), load_catalogue())
KEYRING = Keyring({"k": b"0" * 32}, "k")
R = TypeVar("R")
ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class TestTable:
    def test_one_row_for_a_state_and_an_act(self):
        rows = [(step.before, step.act) for step in STEPS]
        assert len(rows) == len(set(rows))

    def test_every_state_is_reached_and_leads_to_an_end(self):
        following: dict[CaseState | None, set[CaseState]] = {state: set() for state in (None, *CaseState)}
        for step in STEPS:
            following[step.before].add(step.after)
        reached: set[CaseState] = set()
        fresh = set(following[None])
        while fresh:
            reached |= fresh
            fresh = {after for state in fresh for after in following[state]} - reached
        assert reached == set(CaseState)
        ends = {state for state in CaseState if not following[state]} | {CaseState.CLOSED, CaseState.DISMISSED}
        while grown := {state for state in CaseState if following[state] & ends} - ends:
            ends |= grown
        assert ends == set(CaseState)

    def test_no_state_can_only_be_left_with_what_may_not_be_possible(self):
        """A citation that nobody may use, or a rule that is gone, keeps a notice back for good."""
        for state in set(CaseState) - {CaseState.DISMISSED}:
            ways = steps_from(state)
            assert not ways or any(step.act is not Act.ISSUE and not step.conditions for step in ways), state

    def test_nothing_is_told_before_a_person_has_confirmed(self):
        """Every way into what a shop sees leads through a confirmation."""
        before_confirmation = {CaseState.DETECTED}
        while grown := {
            step.after for step in STEPS if step.before in before_confirmation and step.act is not Act.CONFIRM
        } - before_confirmation:
            before_confirmation |= grown
        assert not before_confirmation & TOLD

    def test_only_a_person_does_more_than_opening_and_muting(self):
        assert {step.act for step in STEPS if not isinstance(step.who, Permission)} == {Act.REPORT, Act.QUEUE, Act.MUTE}

    def test_is_what_the_document_shows(self):
        document = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
        assert drawn() in document, "run python -m api.cases.diagram and put what it prints into docs/cases.md"


def person(name: str, role: Role) -> Actor:
    shop = "shop" if role is Role.STORE_OWNER else None
    return Actor(ActorKind.PERSON, name, name, permissions=PERMISSIONS[role], role=role, shop_id=shop)


PEOPLE = [
    person("reviewer", Role.REVIEWER), person("officer", Role.OFFICER), person("colleague", Role.OFFICER),
    person("chief", Role.CHIEF), person("owner", Role.STORE_OWNER), person("bureau", Role.BUREAU),
]
OWNER = PEOPLE[4]


def manifest() -> Manifest:
    return Manifest(
        violation_id=uuid4(), edge_id="edge", camera_id="camera", camera_name="C", shop_id="shop", area=AreaKind.COOKING,
        stream_host="192.0.2.7", sequence=1, previous=FIRST_OF_CHAIN, rule="K01", severity=3, catalogue_version="0" * 12,
        models=[ModelVersion(name="finder", sha256="a" * 64)], software_version="1", captured_at=START, clock_offset_s=None,
        camera_time_s=1.0, since=START, frame_width=64, frame_height=48, track=1,
        votes=AttributeVotes(looks=10, sure=8, violating=7), boxes=[], files={"original.jpg": file_digest(b"")},
    )


def answer() -> Answered:
    photograph = Photograph(
        id=new_id(), place=0, key="answers/1.jpg", sha256="a" * 64, sent_sha256="b" * 64, size=1, width=1, height=1,
        taken_at=None, received_at=START,
    )
    return Answered("Li Mei", None, (photograph,))


class Place:
    """One shop in a database, for all the lives of cases that are tried out."""

    def __init__(self, path: Path) -> None:
        self.runner = asyncio.Runner()
        self.database = Database(f"sqlite+aiosqlite:///{path}", wait_s=60)
        # A power failure is not what is tried out here, and a thousand waits for the disk take minutes.
        event.listen(self.database.engine.sync_engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
        self.run(self._settle())

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        return self.runner.run(coroutine)

    async def _settle(self) -> None:
        async with self.database.writing() as work:
            for row in (
                District(id="county", name="County", phone="028-1234567"), Shop(id="shop", district_id="county", name="Shop"),
                Contact(shop_id="shop", place=0, duty=Duty.OWNER, name="Owner", phone="13800000000"),
                Area(id="area", shop_id="shop", kind=AreaKind.COOKING, name="Area"),
                Camera(id="camera", shop_id="shop", area_id="area", name="Camera", url="rtsp://192.0.2.7/"),
            ):
                work.add(row)
                await work.flush()

    def close(self) -> None:
        self.run(self.database.close())
        self.runner.close()


@pytest.fixture
def place(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Place]:
    path = tmp_path / "sunshine.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    place = Place(path)
    yield place
    place.close()


def seen(step: CaseTransition) -> tuple[object, ...]:
    of_whom = (step.id, step.version, step.at, step.actor_id, step.actor_name, step.address)
    return (*of_whom, step.act, step.before, step.after, step.reason, step.note)


class CaseLife(RuleBasedStateMachine):
    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.at = START
        self.known: list[tuple[object, ...]] = []
        self.case_id = self.place.run(self._open())
        self.case, self.transitions = self._read()
        self.severity = self.case.severity

    async def _open(self) -> int:
        async with self.place.database.writing() as work:
            camera = await work.get_one(Camera, "camera")
            case = await open_case(work, HOUSE, camera, 3, manifest(), Seen(START), self.at, DEADLINES)
            return case.id

    def _read(self) -> tuple[Case, list[CaseTransition]]:
        async def read() -> tuple[Case, list[CaseTransition]]:
            async with self.place.database.reading() as work:
                case = await service.get_case(work, HOUSE, self.case_id)
                return case, list(await service.list_transitions(work, HOUSE, self.case_id))

        return self.place.run(read())

    def _offered(self, who: Actor) -> list[Act]:
        async def read() -> list[Act]:
            async with self.place.database.reading() as work:
                found = await service.choices(work, who, self.case, self.transitions, self.at)
                return [choice.step.act for choice in found if choice.refused is None]

        return self.place.run(read())

    def _act(self, who: Actor, wanted: Act, version: int, given: dict[str, Any]) -> bool:
        """Whether it was done."""
        async def write() -> None:
            async with self.place.database.writing() as work:
                await service.act(work, who, self.case_id, version, wanted, self.at, DEADLINES, KEYRING, **given)

        try:
            self.place.run(write())
        except (Conflict, VersionConflict, Forbidden, Invalid, NotFound):
            return False
        return True

    @rule(seconds=st.sampled_from([1, 9, 11, 3600, 31 * 86400]))
    def time_passes(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    @rule()
    def the_clock_looks_around(self) -> None:
        async def look() -> None:
            async with self.place.database.writing() as work:
                await tick(work, self.at, DEADLINES)

        self.place.run(look())

    @rule(
        who=st.sampled_from(PEOPLE), wanted=st.sampled_from(Act), note=st.sampled_from(["", "In words."]), stale=st.booleans(),
        with_photograph=st.booleans(),
    )
    def somebody_tries_anything(self, who: Actor, wanted: Act, note: str, stale: bool, with_photograph: bool) -> None:
        step = step_of(self.case.state, wanted)
        reason = next(iter(step.reasons)) if step and step.reasons else None
        given = step.given if step is not None else frozenset()
        is_complete = not given & {Given.CASE, Given.DEADLINE} and (note != "" or Given.NOTE not in given)
        is_complete = is_complete and (with_photograph or Given.PHOTOGRAPH not in given)
        # Any other act takes no photographs.
        answered = answer() if with_photograph and wanted in ANSWERS else None
        is_offered = wanted in self._offered(who) and (who is not OWNER or self.case.state in TOLD)
        version = self.case.version - (1 if stale else 0)
        sent = {"note": note, "reason": reason, "answered": answered}
        assert self._act(who, wanted, version, sent) == (is_offered and is_complete and not stale)

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def somebody_does_what_is_offered(self, data: st.DataObject, who: Actor) -> None:
        offered = [act for act in self._offered(who) if act is not Act.MERGE]
        if not offered or (who is OWNER and self.case.state not in TOLD):
            return
        wanted = data.draw(st.sampled_from(offered))
        reason = {Act.DISMISS: DismissalReason.CANNOT_TELL, Act.WITHDRAW: WithdrawalReason.WRONG_LAW}.get(wanted)
        given = {"note": "In words.", "reason": reason, "answered": answer() if wanted in ANSWERS else None}
        if wanted is Act.EXTEND:
            given["due_at"] = max(self.case.rectify_due_at or self.at, self.at) + timedelta(days=1)
        assert self._act(who, wanted, self.case.version, given), wanted

    @invariant()
    def what_was_recorded_stays_and_hangs_together(self) -> None:
        self.case, self.transitions = self._read()
        rows = [seen(step) for step in self.transitions]
        assert rows[: len(self.known)] == self.known
        self.known = rows
        assert [step.version for step in self.transitions] == list(range(self.case.version + 1))
        befores = [step.before for step in self.transitions]
        assert befores == [None, *(step.after for step in self.transitions[:-1])]
        assert self.transitions[-1].after is self.case.state

    @invariant()
    def a_shop_sees_nothing_that_no_person_has_confirmed(self) -> None:
        async def look() -> None:
            async with self.place.database.reading() as work:
                await service.get_case(work, OWNER, self.case_id)

        confirmed = any(step.act is Act.CONFIRM and step.actor_kind == ActorKind.PERSON for step in self.transitions)
        try:
            self.place.run(look())
        except NotFound:
            return
        assert confirmed

    @invariant()
    def who_submitted_never_verifies(self) -> None:
        submitted: set[str] = set()
        for step in self.transitions:
            assert not (step.act in (Act.CLOSE, Act.RETURN) and step.actor_id in submitted)
            submitted |= {step.actor_id} if step.act is Act.SUBMIT else set()

    @invariant()
    def a_notice_is_signed_for_before_it_is_answered(self) -> None:
        for step in self.transitions:
            assert not (step.act in (Act.SUBMIT, Act.APPEAL) and step.before is CaseState.ISSUED)

    @invariant()
    def an_appeal_stops_the_shops_clock_and_never_makes_it_more_serious(self) -> None:
        if self.transitions[-1].act in (Act.APPEAL, Act.UPHOLD, Act.REJECT):
            assert self.case.severity == self.severity
        self.severity = self.case.severity
        if self.case.state is CaseState.APPEALED:
            assert (self.case.stage, self.case.rectify_left_s is not None) == (Stage.DECIDE, True)

    @invariant()
    def flags_speak_of_the_limit_that_runs_where_somebody_must_act(self) -> None:
        assert (self.case.stage is not None) == (self.case.state in OPEN)
        assert (self.case.due_at is None) == (self.case.stage is None)
        assert self.case.overdue_at in (None, self.case.due_at)
        assert self.case.escalation is None or self.case.overdue_at is not None


def test_whatever_people_do(place: Place):
    life = type("Life", (CaseLife,), {"place": place})
    wanted = settings(
        max_examples=25, stateful_step_count=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(life, settings=wanted)
