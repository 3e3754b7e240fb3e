"""Notices: what one says, what stands in its way, and its issue in the same transaction as the act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from api.accounts.actors import Actor, the_system
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cases import repository as cases
from api.cases.conditions import REOPEN_WITHIN, severity_of_notice
from api.cases.deadlines import Deadlines
from api.cases.states import JUDGED, Act, CaseState
from api.cases.tables import Case, CaseTransition
from api.kit.database import Work
from api.kit.not_found import not_found, or_not_found
from api.kit.problems import Conflict, Invalid
from api.kit.times import in_shop_time
from api.notices import documents, repository
from api.notices.citations import accepted_texts, citations_of
from api.notices.documents import Officer, OrderDraft
from api.notices.paper import missing_characters
from api.notices.schemas import Facts
from api.notices.tables import Notice
from api.places import repository as places
from api.places.tables import OF_FOOD, Shop
from contract.catalogue import Catalogue, Rule


class Obstacle(StrEnum):
    """What stands in the way of a notice, and what to do about it."""

    NO_CONTACT = "no_contact"
    NO_PHONE = "no_phone"
    NO_RULE = "no_rule"
    NOT_ACCEPTED = "not_accepted"
    NO_CLAUSE = "no_clause"
    NO_CHARACTER = "no_character"


_WORDS: dict[Obstacle, str] = {
    Obstacle.NO_CONTACT: "The shop %(what)s has no contact, so nobody would get the notice. Enter a name and a telephone number "
    "on the page of the shop, or have an administrator do so.",
    Obstacle.NO_PHONE: "The station %(what)s has no telephone number, which a notice must name. Have an administrator enter it.",
    Obstacle.NO_RULE: "The rule %(what)s is not in the rule catalogue of this centre. Put it back, or have a section head "
    "dismiss the case.",
    Obstacle.NOT_ACCEPTED: "Nobody has checked %(what)s, and no other clause says that this is forbidden. A section head must "
    "read and accept it once.",
    Obstacle.NO_CLAUSE: "%(what)s has no clause number, and no other clause says that this is forbidden. Read the text, and "
    "enter the number in the rule catalogue.",
    Obstacle.NO_CHARACTER: "The font of the notice lacks the character %(what)s. Write that name or address without it.",
}
# What an order can be drafted of: confirmed by a person, and not withdrawn.
DRAFTABLE = JUDGED - {CaseState.RECORDED}


@dataclass(frozen=True)
class Hindrance:
    obstacle: Obstacle
    what: str

    @property
    def sentence(self) -> str:
        return _WORDS[self.obstacle] % {"what": self.what}


class NoticeNotPossible(Conflict):
    code = "notice-not-possible"

    def __init__(self, hindrances: Sequence[Hindrance]) -> None:
        super().__init__(" ".join(hindrance.sentence for hindrance in hindrances))
        self.hindrances = list(hindrances)


@dataclass(frozen=True)
class Draft:
    """A notice that is not issued yet, and what stands in the way of its issue."""

    facts: Facts
    hindrances: list[Hindrance]


async def issue(work: Work, actor: Actor, case: Case, deadlines: Deadlines, at: datetime) -> Notice:
    """For a case that has just become issued. Raises NoticeNotPossible; then the act has not happened either."""
    rule = _rule(deadlines.catalogue, case)
    shop = await _shop(work, actor, case)
    if rule is None:
        raise NoticeNotPossible([*_hindrances_of_place(shop), Hindrance(Obstacle.NO_RULE, case.rule)])
    facts = await _facts(work, actor, case, shop, rule, deadlines, at)
    if hindrances := _hindrances(facts, shop):
        raise NoticeNotPossible(hindrances)
    number = await repository.take_number(work, actor, shop.district_id, facts.year)
    issued = [line for line in facts.citations if line.may_be_issued]
    facts = facts.model_copy(update={"number": number, "citations": issued})
    notice = Notice(
        case_id=case.id, station_id=shop.district_id, year=facts.year, number=number, issued_at=at, issued_by=actor.id,
        facts=facts.model_dump(mode="json"),
    )
    work.add(notice)
    await work.flush()
    record(work, actor, "notice.issued", "case", case.id, shop_id=case.shop_id, reference=facts.reference)
    return notice


async def find_notice(work: Work, actor: Actor, case_id: int) -> Facts | None:
    """What the notice of a case says; None where there is none that the actor sees."""
    notice = await repository.get_notice(work, actor, case_id)
    return None if notice is None else Facts.model_validate(notice.facts)


async def get_notice(work: Work, actor: Actor, case_id: int) -> Facts:
    actor.require(Permission.CASES_READ)
    return or_not_found(await find_notice(work, actor, case_id), "notice")


async def draft_notice(work: Work, actor: Actor, case_id: int, deadlines: Deadlines, at: datetime) -> Draft:
    """Of a confirmed case, as it would be issued now; citations that would be left out are marked."""
    case = await _case(work, actor, case_id)
    rule = _rule(deadlines.catalogue, case)
    if case.state is not CaseState.CONFIRMED or rule is None:
        raise not_found("notice")
    shop = await _shop(work, actor, case)
    facts = await _facts(work, actor, case, shop, rule, deadlines, at)
    return Draft(facts, _hindrances(facts, shop))


async def hindrances(work: Work, actor: Actor, case: Case, deadlines: Deadlines, at: datetime) -> list[Hindrance]:
    """What stands in the way of a notice of a confirmed case."""
    shop, rule = await _shop(work, actor, case), _rule(deadlines.catalogue, case)
    if rule is None:
        return [*_hindrances_of_place(shop), Hindrance(Obstacle.NO_RULE, case.rule)]
    return _hindrances(await _facts(work, actor, case, shop, rule, deadlines, at), shop)


async def draft_order(
    work: Work, actor: Actor, case_id: int, deadlines: Deadlines, officers: Sequence[Officer], exhibits: Sequence[str],
    at: datetime,
) -> OrderDraft:
    """For printing only: number, seal and service are the bureau's own (责令改正通知书). Each draft is on record."""
    case = await _case(work, actor, case_id)
    rule = _rule(deadlines.catalogue, case)
    if case.state not in DRAFTABLE or rule is None:
        raise Conflict("An order can be drafted only of a case that a person has confirmed and nobody has withdrawn.")
    named = [Officer(officer.name.strip(), officer.certificate.strip()) for officer in officers]
    if len(named) != 2 or not all(officer.name and officer.certificate for officer in named):
        raise Invalid("Name two officers, each with the number of the enforcement certificate.")
    if named[0].certificate == named[1].certificate or named[0].name == named[1].name:
        raise Invalid("Name two different officers.")
    shop = await _shop(work, actor, case)
    facts = await _facts(work, actor, case, shop, rule, deadlines, at)
    accepted = await _accepted(work, shop)
    confirmed = _confirmation(await cases.list_transitions(work, actor, case_id))
    due_at = facts.due_at if facts.due_at > at else None
    order_basis = citations_of(deadlines.catalogue.order_basis, accepted)
    draft = OrderDraft(
        facts, due_at, (named[0], named[1]), order_basis, confirmed.actor_name, confirmed.at, list(exhibits)
    )
    if missing := missing_characters(documents.order_html(draft).striptags()):
        raise NoticeNotPossible([Hindrance(Obstacle.NO_CHARACTER, _named(character, {})) for character in missing])
    return draft


def record_draft(work: Work, actor: Actor, case: Case, draft: OrderDraft) -> None:
    officers = [officer.name for officer in draft.officers]
    record(work, actor, "order.drafted", "case", case.id, shop_id=case.shop_id, officers=officers)


async def _facts(
    work: Work, actor: Actor, case: Case, shop: Shop, rule: Rule, deadlines: Deadlines, at: datetime
) -> Facts:
    county = await places.get_district(work, the_system(), shop.district.parent_id) if shop.district.parent_id else None
    severity = case.severity
    if case.state is CaseState.CONFIRMED:
        lately = await cases.count_confirmed_alike(work, actor, case, at - REOPEN_WITHIN)
        severity = severity_of_notice(severity, lately)
    due_at = case.rectify_due_at or deadlines.due(deadlines.to_rectify(case.rule, severity), at)
    return Facts(
        template=documents.TEMPLATES, case_id=case.id, year=in_shop_time(at).year, number=None,
        bureau=county.name if county else None, station=shop.district.name, phone=shop.district.phone or "",
        station_address=shop.district.address, officer=actor.name, issued_at=at, shop=shop.name,
        licence=_food_licence(shop, in_shop_time(at).date()), credit_code=shop.credit_code, address=shop.address,
        rule=rule.code, rule_name=rule.name, severity=severity, seen=rule.seen, to_do=rule.to_do,
        citations=citations_of(rule.basis, await _accepted(work, shop)), captured_at=case.captured_at,
        time_doubt=case.time_doubt, camera=case.camera.name, area=case.area.name, due_at=due_at,
    )


def _food_licence(shop: Shop, today: date) -> str | None:
    """The number of one that is valid, or else of one that has run out; a business licence is none."""
    of_food = [licence for licence in shop.licences if licence.kind in OF_FOOD]
    valid = [licence for licence in of_food if licence.expires_on is None or licence.expires_on >= today]
    return next((licence.number for licence in valid + of_food), None)


def _hindrances(facts: Facts, shop: Shop) -> list[Hindrance]:
    found = _hindrances_of_place(shop)
    rules = [line for line in facts.citations if line.says == "rule"]
    if not any(line.may_be_issued for line in rules):
        grounds = {line.standing.value: line.text for line in reversed(rules)}
        if "unverified" in grounds:
            found.append(Hindrance(Obstacle.NOT_ACCEPTED, grounds["unverified"]))
        else:
            found.append(Hindrance(Obstacle.NO_CLAUSE, grounds.get("no_clause", facts.rule)))
    printed = "".join(documents.notice_html(facts, language, "", "").striptags() for language in documents.LANGUAGES)
    texts = facts.model_dump(include={"shop", "address", "licence", "station", "bureau", "officer", "camera", "area"})
    return found + [Hindrance(Obstacle.NO_CHARACTER, _named(character, texts)) for character in missing_characters(printed)]


def _hindrances_of_place(shop: Shop) -> list[Hindrance]:
    found = []
    if not shop.contacts:
        found.append(Hindrance(Obstacle.NO_CONTACT, shop.name))
    if not shop.district.phone:
        found.append(Hindrance(Obstacle.NO_PHONE, shop.district.name))
    return found


def _named(character: str, texts: dict[str, str | None]) -> str:
    """With its code point, since it may be one that no screen shows either, and where it stands."""
    where = next((text for text in texts.values() if text and character in text), None)
    return f"{character} (U+{ord(character):04X})" + (f" – {where}" if where else "")


async def _case(work: Work, actor: Actor, case_id: int) -> Case:
    actor.require(Permission.CASES_HANDLE)
    return or_not_found(await cases.get_case(work, actor, case_id), "case")


async def _shop(work: Work, actor: Actor, case: Case) -> Shop:
    return or_not_found(await places.get_shop(work, actor, case.shop_id), "shop")


async def _accepted(work: Work, shop: Shop) -> set[str]:
    """For a shop it counts what was accepted for its station, for its county, or everywhere, whoever asks."""
    above = [shop.district.parent_id] if shop.district.parent_id else []
    return await accepted_texts(work, the_system(), [shop.district_id, *above])


def _rule(catalogue: Catalogue, case: Case) -> Rule | None:
    return next((rule for rule in catalogue.rules if rule.code == case.rule), None)


def _confirmation(transitions: Sequence[CaseTransition]) -> CaseTransition:
    return next(step for step in reversed(transitions) if step.act is Act.CONFIRM)


