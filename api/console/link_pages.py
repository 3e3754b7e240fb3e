"""Who was sent a link to a case, who has opened it, and revoking one."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.dependencies import SignedIn
from api.cases.endpoints import CaseId
from api.console.case_rows import case_url
from api.console.devices import device_words
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.console.words import Chip
from api.kit.work import At, Reading, Writing
from api.links import service as links
from api.links.tables import CaseLink, LinkKind

router = APIRouter()


@dataclass(frozen=True)
class LinkRow:
    """A link that somebody of a shop was sent, and the device that it was first used on."""

    id: str
    person: str
    target: str
    state: Chip
    sent: LocalTime
    opened: LocalTime | None
    address: str | None
    device: str | None
    is_valid: bool


LinkId = Annotated[str, Path(max_length=64)]


@router.get("/cases/{case_id}/links")
async def link_list(request: Request, case_id: CaseId, actor: SignedIn, work: Reading) -> Response:
    speaker = speaker_of(request)
    rows = [_row(link, speaker) for link in await links.list_links(work, actor, case_id)]
    return page(request, "case_links.html", actor=actor, back_url=case_url(case_id), links=rows, case_id=case_id)


@router.post("/cases/{case_id}/links/{link_id}/revoke")
async def revoke_link(case_id: CaseId, link_id: LinkId, actor: SignedIn, work: Writing, at: At) -> Response:
    await links.revoke(work, actor, case_id, link_id, at)
    return RedirectResponse(f"{case_url(case_id)}/links", 303)


def _row(link: CaseLink, speaker: Speaker) -> LinkRow:
    if link.revoked_at is not None:
        state = Chip(speaker.say(N_("Revoked")), "bad")
    elif link.kind is LinkKind.PAPER:
        state = Chip(speaker.say(N_("On paper: shows the notice only")), "minor")
    elif link.kind is LinkKind.GROUP:
        state = Chip(speaker.say(N_("Of a group: shows the notice only")), "minor")
    elif link.opened_at is None:
        state = Chip(speaker.say(N_("Not opened yet")), "wait")
    else:
        state = Chip(speaker.say(N_("Opened")), "good")
    return LinkRow(
        link.id, link.person or speaker.say(N_("Printed notice")), link.target.name if link.target else "", state,
        speaker.time(link.created_at),
        speaker.time(link.opened_at) if link.opened_at else None, link.opened_from,
        device_words(link.opened_with, speaker), link.revoked_at is None,
    )
