"""Legal citations: they come from the rule catalogue alone, and what is not checked does not go out."""

from collections.abc import Collection, Iterable
from datetime import datetime

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.kit.database import Work
from api.kit.problems import Forbidden, Invalid, NotFound
from api.notices import repository
from api.notices.schemas import Citation, CitationOut, Standing
from api.notices.tables import AcceptedCitation
from contract.catalogue import Catalogue, LegalBasis


def citations_of(basis: Iterable[LegalBasis], accepted: Collection[str]) -> list[Citation]:
    """`accepted` are the texts that a section head has accepted."""
    return [Citation(text=line.text, says=line.says, standing=_standing(line, accepted)) for line in basis]


def _standing(line: LegalBasis, accepted: Collection[str]) -> Standing:
    if line.clause is None:
        return Standing.NO_CLAUSE
    if line.verified:
        return Standing.VERIFIED
    return Standing.ACCEPTED if line.text in accepted else Standing.UNVERIFIED


async def accepted_texts(work: Work, actor: Actor, district_ids: Collection[str] | None = None) -> set[str]:
    return {row.text for row in await repository.list_accepted(work, actor, district_ids)}


async def list_citations(work: Work, actor: Actor, catalogue: Catalogue) -> list[CitationOut]:
    """Each line of the catalogue once, in its order."""
    actor.require(Permission.EVIDENCE_READ)
    accepted = {row.text: row for row in reversed(await repository.list_accepted(work, actor, None))}
    return [_out(line, codes, accepted) for line, codes in _lines(catalogue).items()]


async def accept(work: Work, actor: Actor, catalogue: Catalogue, text: str, note: str, at: datetime) -> CitationOut:
    """Once, on record: a second acceptance changes nothing, until somebody has taken the first one back."""
    _require_reach(actor)
    line, codes = next(((line, codes) for line, codes in _lines(catalogue).items() if line.text == text), (None, []))
    if line is None:
        raise NotFound("The rule catalogue has no such citation.")
    if line.clause is None:
        raise Invalid("This citation has no clause number. Read the text, and enter the number in the rule catalogue first.")
    if line.verified:
        raise Invalid("This citation is verified already.")
    if not note.strip():
        raise Invalid("Say which text you have read, and where.")
    accepted = {row.text: row for row in reversed(await repository.list_accepted(work, actor, None))}
    if text not in accepted:
        row = AcceptedCitation(
            text=text, district_id=actor.district_id, accepted_at=at, actor_id=actor.id, actor_name=actor.name, note=note.strip()
        )
        work.add(row)
        await work.flush()
        record(work, actor, "citation.accepted", "citation", row.id, district_id=actor.district_id, text=text)
        accepted[text] = row
    return _out(line, codes, accepted)


async def revoke(work: Work, actor: Actor, catalogue: Catalogue, text: str, note: str, at: datetime) -> CitationOut:
    """On record. Notices that were issued stay as they are; no new one names it. Asked again, it changes nothing."""
    _require_reach(actor)
    line, codes = next(((line, codes) for line, codes in _lines(catalogue).items() if line.text == text), (None, []))
    words = await repository.list_last_words(work, actor, None)
    accepted = [row for row in words if not row.revokes]
    is_done = any((row.revokes, row.text, row.actor_id, row.note) == (True, text, actor.id, note.strip()) for row in words)
    taken_back = [
        row for row in accepted if row.text == text and (actor.sees_all_places or row.district_id == actor.district_id)
    ]
    if line is None or not (taken_back or is_done):
        raise NotFound("Nobody has accepted this citation where you decide.")
    if not note.strip():
        raise Invalid("Say why it does not hold.")
    for row in taken_back:
        word = AcceptedCitation(
            text=text, district_id=row.district_id, accepted_at=at, actor_id=actor.id, actor_name=actor.name, note=note.strip(),
            revokes=True,
        )
        work.add(word)
        await work.flush()
        record(work, actor, "citation.revoked", "citation", word.id, district_id=row.district_id, text=text, reason=note.strip())
    left = {row.text: row for row in reversed(accepted) if row not in taken_back}
    return _out(line, codes, left)


def may_accept(actor: Actor) -> bool:
    """An acceptance holds in a district or everywhere: who is bound to one shop cannot speak for either."""
    return actor.may(Permission.CASES_DECIDE) and actor.shop_id is None


def _require_reach(actor: Actor) -> None:
    """Raises Forbidden."""
    actor.require(Permission.CASES_DECIDE)
    if not may_accept(actor):
        raise Forbidden("Your account is bound to one shop. What is accepted holds in a whole district: ask its section head.")


def _lines(catalogue: Catalogue) -> dict[LegalBasis, list[str]]:
    lines: dict[LegalBasis, list[str]] = {line: [] for line in catalogue.order_basis}
    for rule in catalogue.rules:
        for line in rule.basis:
            lines.setdefault(line, []).append(rule.code)
    return lines


def _out(line: LegalBasis, codes: list[str], accepted: dict[str, AcceptedCitation]) -> CitationOut:
    standing = _standing(line, accepted)
    row = accepted.get(line.text) if standing is Standing.ACCEPTED else None
    return CitationOut(
        rules=codes, text=line.text, standing=standing, accepted_by=row.actor_name if row else None,
        accepted_at=row.accepted_at if row else None, note=row.note if row else None,
    )
