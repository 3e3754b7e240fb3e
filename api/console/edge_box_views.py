"""How an edge box is, in words, and what can be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cameras.service import NEWS_MAX_AGE
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.words import Chip, Tone
from api.edges.tables import Edge
from contract.edge_auth import CLOCK_LEEWAY_S
from contract.faults import TROUBLE_TEXTS


@dataclass(frozen=True)
class BoxRow:
    """An edge box. `approve_url` and `revoke_url` are there where the reader can do so now."""

    name: str
    shop: str
    state: Chip
    sentence: str
    enrolled: str
    troubles: Sequence[str]
    approve_url: str | None
    revoke_url: str | None


# They tell every few seconds; until somebody has seen it.
DOUBLED_FOR = timedelta(hours=1)
_WAITING = Tone(N_("Waiting for approval"), "wait")
_CONNECTED = Tone(N_("Connected"), "good")
_SILENT = Tone(N_("No word from the edge box"), "bad")
_REVOKED = Tone(N_("Revoked"), "minor")


def box_row(edge: Edge, actor: Actor, speaker: Speaker) -> BoxRow:
    tone, sentence = _describe(edge, speaker)
    is_known, is_waiting = edge.revoked_at is None, edge.revoked_at is None and edge.approved_at is None
    may_approve = actor.may(Permission.EDGES_APPROVE)
    may_revoke = may_approve or actor.may(Permission.EDGES_WRITE)
    return BoxRow(
        name=edge.name, shop=edge.shop.name, state=speaker.chip(tone, dot=True), sentence=sentence,
        enrolled=speaker.say(
            N_("Joined at %(at)s with a code of %(name)s; version %(version)s"),
            at=speaker.time(edge.enrolled_at).short, name=edge.enrolled_by, version=edge.software_version,
        ),
        troubles=_troubles(edge, speaker) if is_known else [],
        approve_url=f"/edge-boxes/{edge.id}/approve" if may_approve and is_waiting else None,
        revoke_url=f"/edge-boxes/{edge.id}/revoke" if may_revoke and is_known else None,
    )


def _describe(edge: Edge, speaker: Speaker) -> tuple[Tone, str]:
    if edge.revoked_at is not None:
        return _REVOKED, speaker.say(N_("Revoked at %(at)s."), at=speaker.time(edge.revoked_at).short)
    heard = speaker.say(N_("Nothing has been heard from it yet."))
    if edge.last_seen_at is not None:
        heard = speaker.say(N_("Last heard from at %(at)s."), at=speaker.time(edge.last_seen_at).short)
    if edge.outbox_waiting:
        waiting = N_("%(number)s of its reports wait to be sent; if they do not become fewer, its log says why.")
        heard = f"{heard} {speaker.say(waiting, number=edge.outbox_waiting)}"
    if edge.approved_at is None:
        return _WAITING, heard
    is_lately = edge.last_seen_at is not None and speaker.now - edge.last_seen_at <= NEWS_MAX_AGE
    return (_CONNECTED if is_lately else _SILENT), heard


def _troubles(edge: Edge, speaker: Speaker) -> list[str]:
    troubles = box_troubles(edge, speaker)
    if edge.outbox_parked:
        parked = N_(
            "%(number)s of its reports are set aside: the centre refused them, or they did not get through for days. One of "
            "them is tried again each day; all of them when the edge box is restarted."
        )
        troubles.append(speaker.say(parked, number=edge.outbox_parked))
    return troubles


def box_troubles(edge: Edge, speaker: Speaker) -> list[str]:
    """What hinders all cameras of a box: its trouble, and that it is too small or slower than it should be."""
    sentences = [speaker.choose(TROUBLE_TEXTS[edge.trouble])] if edge.trouble else []
    if edge.doubled_at is not None and speaker.now - edge.doubled_at <= DOUBLED_FOR:
        sentences.append(speaker.say(
            N_("Two boxes take turns with the identity of this one: its data folder was copied, and evidence gets mixed up. "
               "Stop one of them, delete its data folder, and let it join with a code of its own.")
        ))
    if abs(edge.clock_offset_s or 0) > CLOCK_LEEWAY_S:
        sentences.append(speaker.say(
            N_("The clock of this box is wrong by %(off)s. Set it (NTP); until then rules that hold at certain hours hold at the "
               "wrong time."), off=speaker.span(timedelta(seconds=edge.clock_offset_s or 0)),
        ))
    if edge.carries is not None:
        sentences.append(speaker.say(
            N_("This box can carry about %(carries)s such cameras; %(watched)s are configured. It looks less often than wanted."),
            carries=edge.carries, watched=edge.watched,
        ))
    if edge.is_exact:
        sentences.append(speaker.say(
            N_("The fast weights go wrong on the processor of this box; it uses the exact ones, which take about twice as long.")
        ))
    if edge.no_provider:
        sentences.append(speaker.say(
            N_("This box goes on looking with its processor: its graphics card or provider is missing or fails. Its log tells "
               "the installer why.")
        ))
    if edge.no_decoder:
        sentences.append(speaker.say(
            N_("This box goes on looking and decodes with its processor: no hardware decoder, or no driver for it, was found.")
        ))
    return sentences
