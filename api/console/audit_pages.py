"""The auditor's pages: who did what, when, from where and why; and the export that can be checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.accounts.dependencies import CentreOf, SignedIn
from api.audit import service as audit
from api.audit.chain import Stretch
from api.audit.endpoints import exported
from api.audit.repository import Filter
from api.audit.tables import AuditEntry
from api.console.audit_words import ACTIONS, ACTORS, DETAILS, OBJECTS, detail_words
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.console.views import Fact, Option
from api.kit.cursors import decode_number, encode_cursor
from api.kit.times import SHOP_TIME
from api.kit.work import Reading

router = APIRouter()


@dataclass(frozen=True)
class AuditRow:
    """`place` is where the entry stands in its chain."""

    at: LocalTime
    who: str
    unit: str | None
    address: str | None
    what: str
    object: str
    reason: str | None
    facts: Sequence[Fact]
    place: str


_FILTERS = {
    "who": N_("Who"), "action": N_("What"), "object": N_("About what"), "number": N_("Its number or id"), "chain": N_("District"),
    "since": N_("From"), "until": N_("To"),
}
_PAGE = 50
_LONGEST = 100


@router.get("/audit")
async def audit_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, who: str = "", action: str = "", object: str = "",
    number: str = "", chain: str = "", since: str = "", until: str = "", cursor: str | None = None,
) -> Response:
    speaker = speaker_of(request)
    typed = {
        "who": who, "action": action, "object": object, "number": number, "chain": chain, "since": since, "until": until,
    }
    wanted = Filter(
        who=_word(who), action=_word(action), object_kind=_word(object), object_id=_word(number), chain=_word(chain),
        since=_start(since), until=_end(until),
    )
    chains = await audit.list_chains(work, actor, centre.settings.centre_name)
    found = await audit.list_entries(work, actor, wanted, before=decode_number(cursor), limit=_PAGE + 1)
    names = {stretch.chain: stretch.name for stretch in chains}
    older = f"/audit?{urlencode(_given(typed) | {'cursor': encode_cursor(found[_PAGE - 1].id)})}" if len(found) > _PAGE else None
    return page(
        request, "audit.html", actor=actor, rows=[_row(entry, names, speaker) for entry in found[:_PAGE]], typed=typed,
        wrong=_wrong(typed, speaker), asked=_asked(typed, names, speaker),
        actions=_options(ACTIONS, speaker), objects=_options(OBJECTS, speaker),
        chains=[Option(stretch.chain, stretch.name) for stretch in chains], heads=[_head(stretch, speaker) for stretch in chains],
        newest_url=f"/audit?{urlencode(_given(typed))}" if cursor else None, older_url=older,
        export_url=f"/audit/export?{urlencode({name: typed[name] for name in ('chain', 'since', 'until') if typed[name]})}",
    )


@router.get("/audit/export")
async def export_page(actor: SignedIn, centre: CentreOf, chain: str = "", since: str = "", until: str = "") -> Response:
    return await exported(centre, actor, _word(chain), _start(since), _end(until))


def _word(typed: str) -> str | None:
    return typed.strip()[:_LONGEST] or None


def _given(typed: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in typed.items() if value}


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        return None


def _start(typed: str) -> datetime | None:
    day = _day(typed)
    return datetime.combine(day, time(), SHOP_TIME) if day else None


def _end(typed: str) -> datetime | None:
    """The day that is named is included."""
    day = _day(typed)
    return datetime.combine(day, time(), SHOP_TIME) + timedelta(days=1) if day and day < date.max else None


def _wrong(typed: dict[str, str], speaker: Speaker) -> dict[str, str]:
    words = speaker.say(N_("Write a day like 2026-11-24."))
    return {name: words for name in ("since", "until") if typed[name] and not _day(typed[name])}


def _asked(typed: dict[str, str], chains: dict[str, str], speaker: Speaker) -> list[Fact]:
    """What the list is limited to, in words."""
    said = {
        "action": speaker.say(ACTIONS.get(typed["action"], typed["action"])),
        "object": speaker.say(OBJECTS.get(typed["object"], typed["object"])), "chain": chains.get(typed["chain"], typed["chain"]),
    }
    return [Fact(speaker.say(_FILTERS[name]), said.get(name, value)) for name, value in _given(typed).items()]


def _options(words: dict[str, str], speaker: Speaker) -> list[Option]:
    return sorted((Option(value, speaker.say(text)) for value, text in words.items()), key=lambda option: option.words)


def _head(stretch: Stretch, speaker: Speaker) -> Fact:
    """Written down elsewhere, this shows later whether the chain was written anew."""
    words = N_("up to No. %(number)s, %(digest)s")
    return Fact(stretch.name, speaker.say(words, number=stretch.last, digest=stretch.digest[:16]))


def _row(entry: AuditEntry, names: dict[str, str], speaker: Speaker) -> AuditRow:
    what = speaker.say(ACTIONS[entry.action]) if entry.action in ACTIONS else entry.action
    kind = speaker.say(OBJECTS[entry.object_kind]) if entry.object_kind in OBJECTS else entry.object_kind
    is_person = entry.actor_kind in ("person", "edge")
    who = entry.actor_name if is_person else speaker.say(ACTORS.get(entry.actor_kind, entry.actor_kind))
    object_words = f"{kind} {speaker.say(N_('unknown')) if entry.object_id == 'unknown' else entry.object_id}"
    if entry.object_kind == "user" and entry.object_id == entry.actor_id:
        object_words = speaker.say(N_("Their own account"))
    facts = [_fact(name, value, speaker) for name, value in entry.detail.items() if value is not None]
    place = speaker.say(N_("waits to be chained"))
    if entry.sequence is not None:
        place = speaker.say(
            N_("%(chain)s No. %(number)s"), chain=names.get(entry.chain, entry.chain), number=entry.sequence
        )
    return AuditRow(
        at=speaker.time(entry.at), who=who, unit=entry.unit, address=entry.address, what=what, object=object_words,
        reason=entry.reason, facts=facts, place=place,
    )


def _fact(name: str, value: object, speaker: Speaker) -> Fact:
    return Fact(speaker.say(DETAILS[name]) if name in DETAILS else name, detail_words(name, value, speaker))
