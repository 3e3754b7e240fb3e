"""How long the evidence of a case is kept, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.tables import Case, CaseTransition
from api.console.case_rows import case_url
from api.console.i18n import N_
from api.console.speech import Speaker
from api.evidence.retention import Retention
from api.evidence.tables import Evidence, LegalHold


@dataclass(frozen=True)
class KeepingView:
    """How long the evidence is kept, and what became of it; the addresses are there for who can do so now."""

    sentences: Sequence[str]
    hold_url: str | None
    lift_url: str | None
    delete_url: str | None


class Keeping(StrEnum):
    HOLD = "hold"
    LIFT = "lift"
    DELETE = "delete"


def keeping_view(
    case: Case, transitions: Sequence[CaseTransition], holds: Sequence[LegalHold], deleted: Sequence[Evidence], is_there: bool,
    can_be_held: bool, retention: Retention, actor: Actor, speaker: Speaker,
) -> KeepingView | None:
    """`is_there` says that there is evidence left, `can_be_held` that there is, or some of what was merged into the case. None
    for who has nothing to know of it."""
    sentences = [_deleted(deleted[-1], speaker)] if deleted else []
    if not actor.may(Permission.EVIDENCE_READ):
        return KeepingView(sentences, None, None, None) if sentences else None
    active = next((hold for hold in holds if hold.lifted_at is None), None)
    sentences += (_hold(hold, speaker) for hold in holds)
    days = retention.days_of(case.state)
    if is_there and active is None:
        until = _at(transitions[-1], days, speaker) if days is not None else None
        sentences.append(
            speaker.say(N_("Kept until %(at)s, then deleted."), at=until) if until
            else speaker.say(N_("Kept as long as the case is open, or until a section head deletes it."))
        )
    base, may = f"{case_url(case.id)}/keeping", actor.may(Permission.EVIDENCE_KEEP)
    return KeepingView(
        sentences, f"{base}/{Keeping.HOLD}" if may and can_be_held and active is None else None,
        f"{base}/{Keeping.LIFT}" if may and active is not None else None,
        f"{base}/{Keeping.DELETE}" if may and is_there and active is None else None,
    )


def _at(last: CaseTransition, days: int, speaker: Speaker) -> str:
    return speaker.time(last.at + timedelta(days=days)).short


def _deleted(evidence: Evidence, speaker: Speaker) -> str:
    at = speaker.time(evidence.deleted_at).short if evidence.deleted_at else ""
    return speaker.say(
        N_("Deleted at %(at)s by %(name)s. Ground: %(ground)s. What was signed had the digest %(digest)s."), at=at,
        name=speaker.doer(evidence.deleted_by or ""), ground=evidence.deletion_ground, digest=evidence.digest[:16],
    )


def _hold(hold: LegalHold, speaker: Speaker) -> str:
    said = speaker.say(
        N_("Legal hold since %(at)s, by %(name)s: %(reason)s"), at=speaker.time(hold.set_at).short, name=hold.set_by,
        reason=hold.set_because,
    )
    if hold.lifted_at is None:
        return said
    lifted = speaker.say(
        N_("lifted at %(at)s by %(name)s: %(reason)s"), at=speaker.time(hold.lifted_at).short, name=hold.lifted_by,
        reason=hold.lifted_because,
    )
    return f"{said}{speaker.say(N_('; '))}{lifted}"
