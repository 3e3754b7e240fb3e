"""The clock of a case: which limit runs in which state, when somebody is reminded, and who hears of it when it is overdue.

One limit runs at a time. Flags speak of the limit that runs; what was is in the reminders. An objection stops the clock, and so
does waiting for verification: that is not the shop's time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.accounts.actors import the_system
from api.cases import repository
from api.cases.deadlines import Deadlines
from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition, Level, Reminder, ReminderKind, Stage
from api.deliveries.outbox import tell_reminder
from api.kit.database import Work
from api.kit.problems import Invalid


class BadDeadline(Invalid):
    code = "bad-deadline"


# Of one transaction: after a standstill there may be thousands, and others want to write too.
BATCH = 200
# Whoever types a wrong year is told so.
LONGEST = timedelta(days=366)
_WITH_SHOP = (CaseState.ACKNOWLEDGED, CaseState.RETURNED)
LIMITS_OF_THE_AUTHORITY: dict[CaseState, Stage] = {
    CaseState.PENDING_REVIEW: Stage.REVIEW,
    CaseState.CONFIRMED: Stage.NOTICE,
    CaseState.SUBMITTED: Stage.VERIFY,
    CaseState.APPEALED: Stage.DECIDE,
    CaseState.REFUSED: Stage.VISIT,
    CaseState.ON_SITE: Stage.VISIT,
}


def set_clock(case: Case, before: CaseState | None, at: datetime, deadlines: Deadlines) -> None:
    """After a step of the case."""
    to_rectify = deadlines.to_rectify(case.rule, case.severity)
    if case.state in (CaseState.SUBMITTED, CaseState.APPEALED) and case.rectify_due_at is not None:
        case.rectify_left_s = deadlines.left(to_rectify, at, case.rectify_due_at).total_seconds()
    if case.state is CaseState.ISSUED:
        if before is not CaseState.ISSUED:
            case.rectify_due_at = deadlines.due(to_rectify, at)
            _run_of(case, Stage.SIGN, at, deadlines)
    elif case.state in _WITH_SHOP:
        start = case.stage_from if before is CaseState.ISSUED and case.stage_from is not None else at
        if before is CaseState.CLOSED:
            # Opened again: the time of the notice may be over long since, and the shop would be late at once.
            case.rectify_due_at, case.rectify_left_s = deadlines.due(to_rectify, at), None
        elif case.rectify_left_s is not None:
            left = timedelta(seconds=case.rectify_left_s)
            resumed = deadlines.resumed(to_rectify, at, left)
            if case.state is CaseState.RETURNED:
                # Who answered late, or at the last moment, has to read first what is still missing: as long as a notice.
                resumed = max(resumed, deadlines.due(deadlines.of_stage(case, Stage.SIGN), at))
            case.rectify_due_at, case.rectify_left_s = resumed, None
        _run(case, Stage.RECTIFY, start, case.rectify_due_at or deadlines.due(to_rectify, at), deadlines)
    elif case.state in LIMITS_OF_THE_AUTHORITY:
        # Who sets out after a refusal has not been there yet: its limit goes on.
        if case.stage is not Stage.VISIT:
            _run_of(case, LIMITS_OF_THE_AUTHORITY[case.state], at, deadlines)
    else:
        case.stage = case.stage_from = case.due_at = case.next_check_at = None
        _lower_flags(case)


def restore(case: Case, transitions: Sequence[CaseTransition], reminders: Sequence[Reminder], deadlines: Deadlines) -> None:
    """As the clock stood before a judgement that was taken back: it gives no new time, and nothing is told twice."""
    begun = [step.at for step in transitions if step.after is CaseState.PENDING_REVIEW and step.act is not Act.UNDO]
    _run_of(case, Stage.REVIEW, begun[-1], deadlines)
    moments = _moments(case, deadlines)
    told = {(one.kind, one.level): one.at for one in reminders if (one.stage, one.due_at) == (case.stage, case.due_at)}
    for number, moment in enumerate(moments):
        if (moment.kind, moment.level) in told:
            _raise_flags(case, moment, told[moment.kind, moment.level])
            case.next_check_at = next((later.at for later in moments[number + 1 :]), None)


def extend(case: Case, at: datetime, due_at: datetime, deadlines: Deadlines) -> None:
    """Give the shop until `due_at`. Raises BadDeadline for a moment that is over, not after the limit now, or years ahead."""
    if due_at <= at:
        raise BadDeadline("This deadline is over already. Name a moment still to come.")
    if case.rectify_due_at is not None and due_at <= case.rectify_due_at:
        raise BadDeadline("This is not later than the deadline that the shop has.")
    if due_at > at + LONGEST:
        raise BadDeadline("This is more than a year ahead. Name a nearer moment.")
    case.rectify_due_at = due_at
    if case.stage is Stage.RECTIFY:
        _run(case, Stage.RECTIFY, at, due_at, deadlines)


async def tick(work: Work, at: datetime, deadlines: Deadlines) -> int:
    """Remind and escalate where it is time; returns for how many cases. After a standstill or a jump of the clock each case tells
    only what came last."""
    cases = await repository.list_due(work, the_system(), at, BATCH)
    for case in cases:
        if case.stage is None:  # it came into its state before that had a limit
            _run_of(case, LIMITS_OF_THE_AUTHORITY[case.state], at, deadlines)
            continue
        for moment in _latest(case, at, deadlines):
            _raise_flags(case, moment, at)
            work.add(Reminder(case_id=case.id, at=at, due_at=case.due_at, kind=moment.kind, stage=case.stage, level=moment.level))
            await tell_reminder(work, case, moment.kind, moment.level, at)
        case.next_check_at = _next(case, at, deadlines)
    await work.flush()
    return len(cases)


@dataclass(frozen=True)
class _Moment:
    at: datetime
    kind: ReminderKind
    level: Level | None = None


def _moments(case: Case, deadlines: Deadlines) -> list[_Moment]:
    """Of the limit that runs, in order of time."""
    if case.due_at is None or case.stage_from is None:
        return []
    escalations = [_Moment(at, ReminderKind.ESCALATED, level) for level, at in deadlines.escalations(case, case.due_at)]
    half = _Moment(deadlines.reminder(case.stage_from, case.due_at), ReminderKind.HALF)
    return [half, _Moment(case.due_at, ReminderKind.LIMIT), *escalations]


def _latest(case: Case, at: datetime, deadlines: Deadlines) -> list[_Moment]:
    """What came last: with the end of a limit also who hears of it at once, and no half of one that has no length."""
    past = [moment for moment in _moments(case, deadlines) if moment.at <= at]
    last = [moment for moment in past if moment.at == past[-1].at]
    return [moment for moment in last if moment.kind is not ReminderKind.HALF] or last


def _next(case: Case, at: datetime, deadlines: Deadlines) -> datetime | None:
    return next((moment.at for moment in _moments(case, deadlines) if moment.at > at), None)


def _run_of(case: Case, stage: Stage, start: datetime, deadlines: Deadlines) -> None:
    """Its class's limit."""
    _run(case, stage, start, deadlines.due(deadlines.of_stage(case, stage), start), deadlines)


def _run(case: Case, stage: Stage, start: datetime, due: datetime, deadlines: Deadlines) -> None:
    case.stage, case.stage_from, case.due_at = stage, start, due
    _lower_flags(case)
    case.next_check_at = _moments(case, deadlines)[0].at


def _lower_flags(case: Case) -> None:
    case.overdue_at = case.escalated_at = case.escalation = None


def _raise_flags(case: Case, moment: _Moment, at: datetime) -> None:
    if moment.kind is ReminderKind.HALF:
        return
    case.overdue_at = case.overdue_at or case.due_at
    if moment.level is not None:
        case.escalation, case.escalated_at = moment.level, at
