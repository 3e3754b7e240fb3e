"""Cases of the past, written into the database at once: what takes people days in a test of figures."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol

from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition
from api.kit.database import Database


class Watched(Protocol):
    shop_id: str
    area_id: str
    camera_id: str


class History:
    """`case` takes the steps of one as (when, what, reason)."""

    def __init__(self, database: Database, place: Watched) -> None:
        self.database, self.place = database, place
        self.cases: list[tuple[Case, list[CaseTransition]]] = []

    def case(self, *steps: Sequence[object], rule: str = "K01", state: str = "detected") -> None:
        at = steps[0][0]
        case = Case(
            camera_id=self.place.camera_id, shop_id=self.place.shop_id, area_id=self.place.area_id, rule=rule, severity=3,
            state=CaseState(state), opened_at=at, captured_at=at, last_seen_at=at, track=1, looks=10, sure_looks=9,
            violating_looks=8, version=len(steps) - 1,
        )
        self.cases.append((case, [_step(number, *step) for number, step in enumerate(steps)]))

    async def __aenter__(self) -> "History":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self.database.writing() as work:
            work.add_all(case for case, _ in self.cases)
            await work.flush()
            for case, steps in self.cases:
                for step in steps:
                    step.case_id = case.id
                work.add_all(steps)


def _step(version: int, at: datetime, act: Act, reason: str | None = None) -> CaseTransition:
    return CaseTransition(
        version=version, at=at, actor_kind="person", actor_id="1", actor_name="Officer", act=act, before=None,
        after=CaseState.DETECTED, reason=reason,
    )
