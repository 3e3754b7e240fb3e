"""The states of a case (状态机) that are reached so far, and the acts between them: one table."""

from dataclasses import dataclass
from enum import StrEnum

from api.accounts.permissions import Permission


class CaseState(StrEnum):
    PENDING_REVIEW = "pending_review"  # 待审核
    CONFIRMED = "confirmed"  # 已确认
    DISMISSED = "dismissed"  # 误报/不予处理


class Act(StrEnum):
    CONFIRM = "confirm"
    DISMISS = "dismiss"


class DismissalReason(StrEnum):
    NOT_A_VIOLATION = "not_a_violation"  # 没有违规
    NOT_STAFF = "not_staff"  # 不是从业人员
    DUPLICATE = "duplicate"  # 重复
    CANNOT_TELL = "cannot_tell"  # 无法判断
    TEST = "test"  # 测试
    OTHER = "other"  # 其他，需说明


@dataclass(frozen=True)
class Step:
    before: CaseState
    act: Act
    after: CaseState
    needs: Permission


STEPS = (
    Step(CaseState.PENDING_REVIEW, Act.CONFIRM, CaseState.CONFIRMED, Permission.CASES_JUDGE),
    Step(CaseState.PENDING_REVIEW, Act.DISMISS, CaseState.DISMISSED, Permission.CASES_JUDGE),
)


def step_of(state: CaseState, act: Act) -> Step | None:
    return next((step for step in STEPS if step.before is state and step.act is act), None)


def acts_in(state: CaseState, permissions: frozenset[Permission]) -> list[Act]:
    return [step.act for step in STEPS if step.before is state and step.needs in permissions]
