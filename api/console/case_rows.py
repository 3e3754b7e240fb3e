"""A case as a line of a list: what it is about, where, and how far it is."""

from dataclasses import dataclass

from api.accounts.actors import Actor
from api.cases.states import CaseState
from api.cases.tables import Case
from api.console.i18n import N_
from api.console.speech import Speaker, VotesView, find_rule
from api.console.times import LocalTime
from api.console.words import Chip
from contract.catalogue import Catalogue


@dataclass(frozen=True)
class CaseRow:
    id: int
    url: str
    thumbnail: str | None
    title: str
    severity: Chip
    state: Chip
    shop: str
    area: str
    camera: str
    captured: LocalTime
    doubt: Chip | None
    votes: str
    overdue: Chip | None
    due: str | None
    is_to_judge: bool


def case_url(case_id: int) -> str:
    return f"/cases/{case_id}"


def case_row(
    case: Case, digest: str | None, reader: Actor, speaker: Speaker, catalogue: Catalogue, is_in_review: bool = False
) -> CaseRow:
    """`digest` is of the manifest that the thumbnail is made of; None without a picture. With faces it has another address."""
    version = f"{digest[:12]}{'' if is_in_review else '-blurred'}" if digest else None
    return CaseRow(
        id=case.id, url=case_url(case.id), thumbnail=f"/cases/{case.id}/thumbnail.jpg?v={version}" if version else None,
        title=speaker.rule_title(case.rule, catalogue), severity=speaker.severity(case.severity),
        state=speaker.state(case.state, reader), shop=case.shop.name, area=speaker.area(case.area.kind),
        camera=case.camera.name, captured=speaker.time(case.captured_at),
        doubt=Chip(speaker.say(N_("Time in doubt")), "wait") if case.time_doubt else None,
        votes=votes_view(case, speaker, catalogue).sentence,
        overdue=speaker.overdue(case, reader), due=speaker.due(case, reader),
        is_to_judge=case.state is CaseState.PENDING_REVIEW,
    )


def votes_view(case: Case, speaker: Speaker, catalogue: Catalogue) -> VotesView:
    return speaker.votes(case.looks, case.sure_looks, case.violating_looks, find_rule(case.rule, catalogue))


def seen_again(case: Case, speaker: Speaker) -> str | None:
    """How much has joined the case."""
    if case.observations == 1:
        return None
    words = N_("Seen %(times)s times in all, kept as one case; the last time at %(at)s.")
    return speaker.say(words, times=case.observations, at=speaker.time(case.last_seen_at).short)
