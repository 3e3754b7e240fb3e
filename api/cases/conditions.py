"""What must hold for an act besides state and permission."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.accounts.actors import Actor
from api.cases.states import Act, CaseState, Condition, Step
from api.cases.tables import Case, CaseTransition

UNDO_WITHIN = timedelta(seconds=10)
REOPEN_WITHIN = timedelta(days=30)


# The third minor case of a kind at a shop in 30 days is no minor one any more.
THIRD, MINOR, LESS_MINOR = 3, 3, 2


def severity_of_notice(severity: int, confirmed_lately: int) -> int:
    return LESS_MINOR if severity == MINOR and confirmed_lately >= THIRD - 1 else severity


@dataclass(frozen=True)
class Situation:
    """`confirmed_lately` is how many other cases of the same rule a person has confirmed at the shop in the last 30 days."""

    case: Case
    transitions: Sequence[CaseTransition]
    actor: Actor
    at: datetime
    confirmed_lately: int

    @property
    def last(self) -> CaseTransition:
        return self.transitions[-1]

    @property
    def age(self) -> timedelta:
        """Since the last act; negative for a clock that was put back."""
        return self.at - self.last.at


def _by_the_same_person(now: Situation) -> bool:
    """What was confirmed before a section head dismissed it is not undone into the queue: that is reopened, with a reason."""
    return now.last.before is CaseState.PENDING_REVIEW and now.last.actor_id == now.actor.id and now.age <= UNDO_WITHIN


def _not_by_who_submitted(now: Situation) -> bool:
    return not any(step.act is Act.SUBMIT and step.actor_id == now.actor.id for step in now.transitions)


_HOLDS: dict[Condition, Callable[[Situation], bool]] = {
    Condition.BY_THE_SAME_PERSON_WITHIN_10_S: _by_the_same_person,
    # What is set aside at a muted spot joins a case that was dismissed long ago.
    Condition.WITHIN_30_DAYS: lambda now: min(now.age, now.at - now.case.last_seen_at) <= REOPEN_WITHIN,
    Condition.MINOR_AND_THE_FIRST: lambda now: now.case.severity == MINOR and now.confirmed_lately == 0,
    Condition.OVERDUE: lambda now: now.case.overdue_at is not None,
    Condition.NOT_BY_WHO_SUBMITTED: _not_by_who_submitted,
}


def unmet(step: Step, now: Situation) -> Condition | None:
    """The first condition of the step that does not hold."""
    return next((condition for condition in step.conditions if not _HOLDS[condition](now)), None)
