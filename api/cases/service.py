"""Cases: what people see of them and do with them, step by step as `states.STEPS` says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import Permission
from api.answers import service as answers
from api.answers.service import Answered
from api.audit.service import record
from api.cases import repository
from api.cases.clock import extend, restore
from api.cases.conditions import REOPEN_WITHIN, Situation, severity_of_notice, unmet
from api.cases.deadlines import Deadlines
from api.cases.outside import as_told
from api.cases.passing import pass_to
from api.cases.spots import SPEAKS_OF_THE_SPOT, after_dismissal, lift_with_case
from api.cases.states import ANSWERS, OPEN, REVIEWS, Act, CaseState, Condition, Given, Reason, Step, step_of, steps_from
from api.cases.tables import STAGES_OF_THE_SHOP, Case, CaseTransition, Reminder
from api.evidence.countersigning import reviewed
from api.evidence.repository import keep_hold
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Change, Conflict, Forbidden, Invalid, VersionConflict
from api.kit.secrets import Keyring
from api.notices import service as notices

NOTE_LENGTH = 2000
_UNMET: dict[Condition, str] = {
    Condition.BY_THE_SAME_PERSON_WITHIN_10_S: "Only who did it can take it back, and only within 10 seconds.",
    Condition.WITHIN_30_DAYS: "A dismissed case can be reopened for 30 days; these are over.",
    Condition.MINOR_AND_THE_FIRST: "Only a minor case that is the first of its kind at the shop in 30 days can be recorded only.",
    Condition.OVERDUE: "This is possible once the deadline has passed.",
    Condition.NOT_BY_WHO_SUBMITTED: "Who submitted the rectification cannot verify it. Another officer must.",
}


class ActNotPossible(Conflict):
    """`condition` is what does not hold; None where the state itself has no such act."""

    code = "act-not-possible"

    def __init__(self, detail: str, condition: Condition | None = None) -> None:
        super().__init__(detail)
        self.condition = condition


@dataclass(frozen=True)
class Choice:
    """A step that the table has for the state of a case; `refused` says what this person lacks, None where nothing."""

    step: Step
    refused: Permission | Condition | None


async def list_cases(
    work: Work, actor: Actor, *, states: Collection[CaseState] | None = None, rule: str | None = None, shop_id: str | None = None,
    camera_id: str | None = None, is_overdue: bool = False, before: int | None = None, limit: int = 50,
) -> list[Case]:
    """Newest first; `before` is the id after which the next page goes on."""
    actor.require(Permission.CASES_READ)
    return await repository.list_cases(
        work, actor, states=states, rule=rule, shop_id=shop_id, camera_id=camera_id, is_overdue=is_overdue,
        before=before, limit=limit,
    )


async def get_case(work: Work, actor: Actor, case_id: int, *, for_change: bool = False) -> Case:
    actor.require(Permission.CASES_READ)
    return or_not_found(await repository.get_case(work, actor, case_id, for_change=for_change), "case")


async def list_transitions(work: Work, actor: Actor, case_id: int) -> Sequence[CaseTransition]:
    """As far as this actor is told of them."""
    case = await get_case(work, actor, case_id)
    return as_told(actor, case, await repository.list_transitions(work, actor, case_id))


async def list_reminders(work: Work, actor: Actor, case_id: int) -> Sequence[Reminder]:
    """As far as this actor is told of them."""
    await get_case(work, actor, case_id)
    found = await repository.list_reminders(work, actor, case_id)
    return found if actor.sees_unconfirmed else [reminder for reminder in found if reminder.stage in STAGES_OF_THE_SHOP]


async def list_parts(work: Work, actor: Actor, case: Case) -> list[Case]:
    """What was merged into it; it is told to nobody outside."""
    return [part for part, _ in await repository.list_parts(work, actor, case)]


async def choices(work: Work, actor: Actor, case: Case, transitions: Sequence[CaseTransition], at: datetime) -> list[Choice]:
    """What there is to do with the case now, and for each what keeps this person from it."""
    now = await _situation(work, actor, case, transitions, at)
    return [Choice(step, _refused(step, now)) for step in steps_from(case.state)]


async def act(
    work: Work, actor: Actor, case_id: int, expected_version: int, wanted: Act, at: datetime, deadlines: Deadlines,
    keyring: Keyring, *, reason: Reason | None = None, note: str | None = None, into: int | None = None,
    due_at: datetime | None = None, answered: Answered | None = None,
) -> Case:
    """One step of the table. Raises VersionConflict ActNotPossible, Forbidden, Invalid or NoticeNotPossible."""
    actor.require(Permission.CASES_READ)
    if into is not None and into < case_id:  # in the order of their numbers, or two who merge crosswise wait for each other
        await repository.get_case(work, actor, into, for_change=True)
    case = or_not_found(await repository.get_case(work, actor, case_id, for_change=True), "case")
    transitions = await repository.list_transitions(work, actor, case_id)
    if case.version != expected_version:
        raise VersionConflict(
            "Somebody else has acted on this case since you loaded it. See what changed, then decide again.",
            changes=[_change(step) for step in as_told(actor, case, transitions) if step.version > expected_version],
        )
    step = step_of(case.state, wanted)
    if step is None or not isinstance(step.who, Permission):
        raise ActNotPossible(f"A case that is {case.state.value} cannot be changed by {wanted.value}.")
    situation = await _situation(work, actor, case, transitions, at)
    refused = _refused(step, situation)
    if isinstance(refused, Permission):
        raise Forbidden(f"Your account may not do this; it needs the permission {refused.value}.")
    if refused is not None:
        raise ActNotPossible(_UNMET[refused], refused)
    note = (note or "").replace("\0", "").strip()[:NOTE_LENGTH] or None
    _check_given(step, reason, note, into, due_at, answered)
    other = into or case.merged_into
    if into is not None:
        await _merge(work, actor, case, into)
    if step.before is CaseState.MERGED:
        await _split(work, actor, case)
    if due_at is not None:
        extend(case, at, due_at, deadlines)
    if step.act is Act.ISSUE:
        case.severity = severity_of_notice(case.severity, situation.confirmed_lately)
    if step.via is not None:
        await pass_to(work, actor, case, *step.via, at, deadlines, is_told=False)
    code = reason.value if reason else None
    await pass_to(work, actor, case, step.act, step.after, at, deadlines, code, note, due_at=due_at, merged_into=into)
    if step.act is Act.UNDO:
        restore(case, transitions, await repository.list_reminders(work, actor, case_id), deadlines)
    await repository.end_leases(work, actor, [case.id])
    detail: dict[str, Any] = {"reason_code": code, "case": other}
    given = {name: value for name, value in detail.items() if value is not None}
    record(work, actor, f"case.{step.act.value}", "case", case.id, shop_id=case.shop_id, reason=note, **given)
    await work.flush()
    if step.act in REVIEWS:
        await reviewed(work, actor, keyring, case.id, step.act.value, at, reason.value if reason else None)
    if step.act is Act.ISSUE:
        await notices.issue(work, actor, case, deadlines, at)
    if step.act in ANSWERS:
        await answers.keep(work, actor, case, step.act, note or "", answered or Answered(), at)
    if reason in SPEAKS_OF_THE_SPOT:
        await after_dismissal(work, case, at)
    if step.act in (Act.UNDO, Act.REOPEN):
        await lift_with_case(work, actor, case, at)
    return case


def _refused(step: Step, now: Situation) -> Permission | Condition | None:
    if now.actor.kind is not ActorKind.PERSON or not isinstance(step.who, Permission) or not now.actor.may(step.who):
        return step.who if isinstance(step.who, Permission) else Permission.CASES_JUDGE
    return unmet(step, now)


async def _situation(
    work: Work, actor: Actor, case: Case, transitions: Sequence[CaseTransition], at: datetime
) -> Situation:
    confirmed = 0
    if any(Condition.MINOR_AND_THE_FIRST in step.conditions for step in steps_from(case.state)):
        confirmed = await repository.count_confirmed_alike(work, actor, case, at - REOPEN_WITHIN)
    return Situation(case, transitions, actor, at, confirmed)


def _check_given(
    step: Step, reason: Reason | None, note: str | None, into: int | None, due_at: datetime | None, answered: Answered | None
) -> None:
    if step.reasons is None and reason is not None:
        raise Invalid("This act takes no reason; put what you want to say into the note.")
    if step.reasons is not None and (reason is None or reason.value not in list(step.reasons)):
        raise Invalid(f"Give one of these reasons: {', '.join(step.reasons)}.")
    if note is None and (Given.NOTE in step.given or (reason is not None and reason.value == "other")):
        raise Invalid("Say in a few words why, or what was done.")
    if Given.PHOTOGRAPH in step.given and (answered is None or not answered.photographs):
        raise Invalid("Send at least one photograph that was taken after the notice: POST /api/v1/cases/ID/answers.")
    if Given.PERSON in step.given and (answered is None or not answered.person):
        raise Invalid("Name the person in charge.")
    if (into is not None) != (Given.CASE in step.given):
        raise Invalid("Name the case that this one is merged into." if into is None else "Only a merge names another case.")
    if (due_at is not None) != (Given.DEADLINE in step.given):
        raise Invalid("Say until when the time is extended." if due_at is None else "Only an extension names a new deadline.")


async def _merge(work: Work, actor: Actor, case: Case, into: int) -> None:
    target = await repository.get_case(work, actor, into, for_change=True)
    if target is None or target.id == case.id or target.shop_id != case.shop_id or target.state not in OPEN:
        raise Invalid("Name another case of the same shop that is still open.")
    for part, _ in await repository.list_parts(work, actor, case):
        await keep_hold(work, actor, case.id, part.id)  # of which it is the whole no more
    await repository.repoint_merged(work, actor, case, target)
    target.observations += case.observations
    case.merged_into = target.id


async def _split(work: Work, actor: Actor, case: Case) -> None:
    """What was seen of it counts for it alone again, what had been merged into it is its part again, and what was kept by a hold
    on the other stays kept."""
    if case.merged_into is None:
        return
    whole = await get_case(work, actor, case.merged_into, for_change=True)
    parts = await repository.list_parts(work, actor, whole)
    into, by_id = {part.id: above for part, above in parts}, {part.id: part for part, _ in parts}

    def all_above(part_id: int) -> list[int]:
        found = [part_id]
        while (above := into.get(found[-1])) is not None:
            found.append(above)
        return found[1:]

    above = all_above(case.id)
    for part_id, part in by_id.items():
        if part_id in above:
            part.observations -= case.observations
        elif case.id in all_above(part_id):
            part.merged_into = case.id
    whole.observations -= case.observations
    case.merged_into = None
    await keep_hold(work, actor, whole.id, case.id)


def _change(step: CaseTransition) -> Change:
    return Change(at=step.at, who=step.actor_name, what=step.act.value, note=step.note)
