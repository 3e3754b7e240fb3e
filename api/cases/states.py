"""The life of a case (状态机) as one table: who may do what in which state, and what it needs.

Service, console, the API's `actions`, the diagram in docs/cases.md and the state-machine test are made from it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from api.accounts.permissions import Permission


class CaseState(StrEnum):
    DETECTED = "detected"  # 已抓拍
    PENDING_REVIEW = "pending_review"  # 待审核
    MERGED = "merged"  # 已合并
    DISMISSED = "dismissed"  # 误报/不予处理
    CONFIRMED = "confirmed"  # 已确认
    RECORDED = "recorded"  # 仅记录
    ISSUED = "issued"  # 已下发
    ACKNOWLEDGED = "acknowledged"  # 已签收
    REFUSED = "refused"  # 拒收
    APPEALED = "appealed"  # 申辩中
    SUBMITTED = "submitted"  # 已整改待复核
    RETURNED = "returned"  # 退回
    ON_SITE = "on_site"  # 现场核查
    WITHDRAWN = "withdrawn"  # 已撤销
    CLOSED = "closed"  # 已销号
    TRANSFERRED = "transferred"  # 转执法


class Act(StrEnum):
    REPORT = "report"
    QUEUE = "queue"
    MUTE = "mute"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    MERGE = "merge"
    SPLIT = "split"  # the way back from a merge
    UNDO = "undo"
    REOPEN = "reopen"
    RECORD = "record"
    ISSUE = "issue"
    ACKNOWLEDGE = "acknowledge"
    SUBMIT = "submit"
    APPEAL = "appeal"
    REFUSE = "refuse"
    UPHOLD = "uphold"  # the appeal is right
    REJECT = "reject"  # the appeal is not
    RETURN = "return"
    GO_ON_SITE = "go_on_site"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    EXTEND = "extend"


class Machine(StrEnum):
    """Who acts where no person does."""

    EDGE = "edge"
    SYSTEM = "system"


class DismissalReason(StrEnum):
    NOT_A_VIOLATION = "not_a_violation"  # 没有违规
    NOT_STAFF = "not_staff"  # 不是从业人员
    DUPLICATE = "duplicate"  # 重复
    CANNOT_TELL = "cannot_tell"  # 无法判断
    TEST = "test"  # 测试
    OTHER = "other"  # 其他，需说明


class WithdrawalReason(StrEnum):
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"  # 证据不足
    WRONG_FACTS = "wrong_facts"  # 违规事实认定错误
    ALREADY_PUT_RIGHT = "already_put_right"  # 企业已整改完成
    WRONG_LAW = "wrong_law"  # 适用法规错误
    OTHER = "other"  # 其他，需说明


Reason = DismissalReason | WithdrawalReason


class Given(StrEnum):
    """What comes with an act."""

    NOTE = "note"  # in words
    PERSON = "person"  # in charge
    PHOTOGRAPH = "photograph"  # at least one, taken after the notice
    CASE = "case"  # the number of another case
    DEADLINE = "deadline"  # a moment still to come


class Condition(StrEnum):
    """What must hold for an act besides the state and the permission."""

    BY_THE_SAME_PERSON_WITHIN_10_S = "by_the_same_person_within_10_s"
    WITHIN_30_DAYS = "within_30_days"
    MINOR_AND_THE_FIRST = "minor_and_the_first"
    OVERDUE = "overdue"
    NOT_BY_WHO_SUBMITTED = "not_by_who_submitted"


@dataclass(frozen=True)
class Step:
    """`via` is a state that is passed in the same act, recorded as a transition of its own."""

    before: CaseState | None
    act: Act
    after: CaseState
    who: Permission | Machine
    given: frozenset[Given] = field(default=frozenset())
    reasons: type[DismissalReason] | type[WithdrawalReason] | None = None
    conditions: tuple[Condition, ...] = ()
    via: tuple[Act, CaseState] | None = None


S, A, P, C = CaseState, Act, Permission, Condition
NOTE, CASE = frozenset({Given.NOTE}), frozenset({Given.CASE})
PUT_RIGHT = NOTE | {Given.PERSON, Given.PHOTOGRAPH}
SIGNED = (A.ACKNOWLEDGE, S.ACKNOWLEDGED)
UNTIL_CLOSED = (S.ISSUED, S.ACKNOWLEDGED, S.REFUSED, S.APPEALED, S.SUBMITTED, S.RETURNED, S.ON_SITE)

STEPS = (
    Step(None, A.REPORT, S.DETECTED, Machine.EDGE),
    Step(S.DETECTED, A.QUEUE, S.PENDING_REVIEW, Machine.SYSTEM),
    Step(S.DETECTED, A.MUTE, S.DISMISSED, Machine.SYSTEM),

    Step(S.PENDING_REVIEW, A.CONFIRM, S.CONFIRMED, P.CASES_JUDGE),
    Step(S.PENDING_REVIEW, A.DISMISS, S.DISMISSED, P.CASES_JUDGE, reasons=DismissalReason),
    Step(S.PENDING_REVIEW, A.MERGE, S.MERGED, P.CASES_JUDGE, CASE),
    Step(S.MERGED, A.SPLIT, S.PENDING_REVIEW, P.CASES_JUDGE, NOTE),
    Step(S.MERGED, A.UNDO, S.PENDING_REVIEW, P.CASES_JUDGE, conditions=(C.BY_THE_SAME_PERSON_WITHIN_10_S,)),
    Step(S.CONFIRMED, A.UNDO, S.PENDING_REVIEW, P.CASES_JUDGE, conditions=(C.BY_THE_SAME_PERSON_WITHIN_10_S,)),
    Step(S.DISMISSED, A.UNDO, S.PENDING_REVIEW, P.CASES_JUDGE, conditions=(C.BY_THE_SAME_PERSON_WITHIN_10_S,)),
    Step(S.DISMISSED, A.REOPEN, S.PENDING_REVIEW, P.CASES_DECIDE, NOTE, conditions=(C.WITHIN_30_DAYS,)),

    Step(S.CONFIRMED, A.ISSUE, S.ISSUED, P.CASES_HANDLE),
    Step(S.CONFIRMED, A.RECORD, S.RECORDED, P.CASES_HANDLE, conditions=(C.MINOR_AND_THE_FIRST,)),
    # Confirmed by mistake, or no notice is possible; the shop has not heard of it.
    Step(S.CONFIRMED, A.DISMISS, S.DISMISSED, P.CASES_DECIDE, reasons=DismissalReason),

    Step(S.ISSUED, A.ACKNOWLEDGE, S.ACKNOWLEDGED, P.CASES_ANSWER),
    Step(S.ISSUED, A.SUBMIT, S.SUBMITTED, P.CASES_ANSWER, PUT_RIGHT, via=SIGNED),
    Step(S.ISSUED, A.APPEAL, S.APPEALED, P.CASES_ANSWER, NOTE, via=SIGNED),
    Step(S.ISSUED, A.REFUSE, S.REFUSED, P.CASES_HANDLE, NOTE),
    Step(S.ACKNOWLEDGED, A.SUBMIT, S.SUBMITTED, P.CASES_ANSWER, PUT_RIGHT),
    Step(S.ACKNOWLEDGED, A.APPEAL, S.APPEALED, P.CASES_ANSWER, NOTE),
    Step(S.RETURNED, A.SUBMIT, S.SUBMITTED, P.CASES_ANSWER, PUT_RIGHT),
    Step(S.RETURNED, A.APPEAL, S.APPEALED, P.CASES_ANSWER, NOTE),

    Step(S.APPEALED, A.UPHOLD, S.WITHDRAWN, P.CASES_DECIDE, NOTE),
    Step(S.APPEALED, A.REJECT, S.ACKNOWLEDGED, P.CASES_DECIDE, NOTE),

    Step(S.SUBMITTED, A.CLOSE, S.CLOSED, P.CASES_HANDLE, conditions=(C.NOT_BY_WHO_SUBMITTED,)),
    Step(S.SUBMITTED, A.RETURN, S.RETURNED, P.CASES_HANDLE, NOTE, conditions=(C.NOT_BY_WHO_SUBMITTED,)),

    Step(S.REFUSED, A.GO_ON_SITE, S.ON_SITE, P.CASES_HANDLE),
    Step(S.ISSUED, A.GO_ON_SITE, S.ON_SITE, P.CASES_HANDLE, conditions=(C.OVERDUE,)),
    Step(S.ACKNOWLEDGED, A.GO_ON_SITE, S.ON_SITE, P.CASES_HANDLE, conditions=(C.OVERDUE,)),
    Step(S.RETURNED, A.GO_ON_SITE, S.ON_SITE, P.CASES_HANDLE, conditions=(C.OVERDUE,)),
    Step(S.ON_SITE, A.CLOSE, S.CLOSED, P.CASES_HANDLE, NOTE, conditions=(C.NOT_BY_WHO_SUBMITTED,)),
    Step(S.ON_SITE, A.TRANSFER, S.TRANSFERRED, P.CASES_DECIDE, NOTE),

    *(Step(state, A.EXTEND, state, P.CASES_DECIDE, NOTE | {Given.DEADLINE}) for state in (S.ISSUED, S.ACKNOWLEDGED, S.RETURNED)),
    *(Step(state, A.WITHDRAW, S.WITHDRAWN, P.CASES_DECIDE, reasons=WithdrawalReason) for state in UNTIL_CLOSED),
    Step(S.CLOSED, A.REOPEN, S.RETURNED, P.CASES_DECIDE, NOTE),
)

# What a shop and a partner see: before the notice everything is a clue or the bureau's own matter.
TOLD = frozenset(UNTIL_CLOSED) | {S.RECORDED, S.WITHDRAWN, S.CLOSED, S.TRANSFERRED}
# A person has found it to be a violation.
JUDGED = (TOLD | {S.CONFIRMED}) - {S.WITHDRAWN}
# More of the same thing joins these.
OPEN = frozenset(UNTIL_CLOSED) | {S.PENDING_REVIEW, S.CONFIRMED}
# What a person finds of the evidence: the centre signs that with its own time.
REVIEWS = frozenset({A.CONFIRM, A.DISMISS, A.MERGE, A.SPLIT, A.UNDO, A.REOPEN, A.UPHOLD, A.WITHDRAW})
# What a shop answers: kept with its photographs.
ANSWERS = frozenset({A.SUBMIT, A.APPEAL})


def steps_from(state: CaseState) -> list[Step]:
    """What persons can do with a case in this state, in the order of the table."""
    return [step for step in STEPS if step.before is state and isinstance(step.who, Permission)]


def step_of(state: CaseState | None, act: Act) -> Step | None:
    return next((step for step in STEPS if step.before is state and step.act is act), None)
