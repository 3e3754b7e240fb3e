"""What of the steps and limits of a case a shop and another department are told."""

from collections.abc import Sequence

from sqlalchemy import inspect

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.states import ANSWERS, TOLD, Act
from api.cases.tables import STAGES_OF_THE_SHOP, Case, CaseTransition, Stage

_OF_THE_SHOP = ANSWERS | {Act.ACKNOWLEDGE}


def as_told(actor: Actor, case: Case, steps: Sequence[CaseTransition]) -> Sequence[CaseTransition]:
    """Who sees what is not confirmed sees everything. Others do not read what the authority wrote for itself before the notice;
    who does not read the shop's answers neither reads its words here, nor who in the shop gave them."""
    if actor.sees_unconfirmed:
        return steps
    return [_told(actor, case, step) for step in steps]


def hears_of_delay(actor: Actor, case: Case) -> bool:
    """Whether this actor is told that the limit which runs is over; a shop is told so of its own, not of the authority's."""
    return actor.sees_unconfirmed or case.stage in STAGES_OF_THE_SHOP


def hears_of_limit(actor: Actor, case: Case) -> bool:
    """Whether this actor is told which limit runs; a check on site is not announced by it."""
    return actor.sees_unconfirmed or case.stage is not Stage.VISIT


def _told(actor: Actor, case: Case, step: CaseTransition) -> CaseTransition:
    if step.after not in TOLD:
        return _copy(step, note=None, reason=None, merged_into=None)
    if step.act in _OF_THE_SHOP and not (actor.may(Permission.EVIDENCE_READ) or actor.may(Permission.CASES_ANSWER)):
        return _copy(step, note=None, actor_name=case.shop.name)
    return step


def _copy(step: CaseTransition, **changes: str | None) -> CaseTransition:
    """Of no session: it is shown, never stored."""
    names = [column.key for column in inspect(CaseTransition).column_attrs]
    return CaseTransition(**{**{name: getattr(step, name) for name in names}, **changes})
