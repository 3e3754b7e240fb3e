"""The queues that people work off: what is to be judged, what the shops have to do, what is to be verified."""

from dataclasses import dataclass
from enum import StrEnum

from api.cases.states import CaseState

S = CaseState


class QueueName(StrEnum):
    JUDGE = "judge"
    NOTICE = "notice"
    SHOP = "shop"
    VERIFY = "verify"


STATES: dict[QueueName, frozenset[CaseState]] = {
    QueueName.JUDGE: frozenset({S.PENDING_REVIEW}),
    QueueName.NOTICE: frozenset({S.CONFIRMED}),
    QueueName.SHOP: frozenset({S.ISSUED, S.ACKNOWLEDGED, S.RETURNED}),
    # An answer, an objection, a refusal and a visit all wait for the authority.
    QueueName.VERIFY: frozenset({S.SUBMITTED, S.APPEALED, S.REFUSED, S.ON_SITE}),
}


@dataclass(frozen=True)
class Queue:
    """A queue as somebody has narrowed it; `words` are part of the name of a shop or a camera."""

    name: QueueName
    rule: str = ""
    severity: int | None = None
    words: str = ""

    @property
    def states(self) -> frozenset[CaseState]:
        return STATES[self.name]
