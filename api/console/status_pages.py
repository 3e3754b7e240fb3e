"""The public status of a shop, its page for everybody, and the QR code that leads there."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.words import GRADES, LICENCES, Tone
from api.kit.problems import NotFound
from api.kit.qr import qr_png
from api.kit.work import At, Reading, Writing
from api.places import service as places
from api.places.schemas import Id
from api.public import service as public
from api.public.tables import PublicStatus

router = APIRouter()

STATUSES: dict[PublicStatus, Tone] = {
    PublicStatus.NONE: Tone(N_("Not connected"), "minor"),
    PublicStatus.PENDING: Tone(N_("Connected, not accepted yet"), "wait"),
    PublicStatus.ACTIVE: Tone(N_("Kitchen connected"), "good"),
    PublicStatus.DEGRADED: Tone(N_("Kitchen often out of view"), "wait"),
}


def public_address(public_url: str, shop_id: str) -> str:
    return f"{public_url}/p/{shop_id}"


@router.get("/shops/{shop_id}/status")
async def status_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, shop_id: Id, done: str = ""
) -> Response:
    shop = await places.get_shop(work, actor, shop_id)
    status = await public.get_status(work, actor, shop_id)
    speaker = speaker_of(request)
    share = status.observed_minutes / status.required_minutes if status.required_minutes else None
    return page(
        request, "status.html", actor=actor, here=f"/shops/{shop_id}/status", name=shop.name, shop_id=shop_id,
        chip=speaker.chip(STATUSES[status.status], dot=True), saved=done == "saved",
        share=f"{share:.1%}" if share is not None else None, needed=f"{centre.settings.status_active_from:.0%}",
        again=f"{centre.settings.status_again_from:.0%}", days=centre.settings.status_days,
        since=speaker.time(status.since).short if status.since else None,
        measured=speaker.time(status.measured_at).short if status.measured_at else None,
        accepted=speaker.time(status.accepted_at).short if status.accepted_at else None,
        accepted_by=status.row.accepted_by if status.row else None, may_accept=actor.may(Permission.CASES_HANDLE),
        is_connected=status.status is not PublicStatus.NONE, address=public_address(centre.public_url, shop_id),
        path=public_address("", shop_id),
    )


@router.post("/shops/{shop_id}/acceptance")
async def accept(actor: SignedIn, work: Writing, at: At, shop_id: Id, accepted: Annotated[str, Form()] = "") -> Response:
    await public.accept(work, actor, shop_id, accepted == "yes", at)
    return RedirectResponse(f"/shops/{shop_id}/status?done=saved", 303)


@router.get("/shops/{shop_id}/qr.png")
async def qr_code(actor: SignedIn, work: Reading, centre: CentreOf, shop_id: Id) -> Response:
    await places.get_shop(work, actor, shop_id)
    return Response(qr_png(public_address(centre.public_url, shop_id)), media_type="image/png")


@router.get("/p/{shop_id}")
async def public_page(request: Request, work: Reading, shop_id: Id) -> Response:
    """For everybody: name, licences, grade and status of the shop, and nothing else of it. Who guesses addresses learns nothing:
    a shop that is not accepted yet looks like one that there is not."""
    try:
        shop, status = await public.find_public(work, shop_id)
    except NotFound:
        return page(request, "public_none.html", actor=None, here=request.url.path, status=404)
    speaker = speaker_of(request)
    licences = [
        (speaker.say(LICENCES[licence.kind]), licence.number, speaker.day(licence.expires_on) if licence.expires_on else None)
        for licence in shop.licences
    ]
    return page(
        request, "public.html", actor=None, here=f"/p/{shop_id}", name=shop.name, licences=licences,
        grade=speaker.say(GRADES[shop.grade]) if shop.grade else None, chip=speaker.chip(STATUSES[status.status], dot=True),
        since=speaker.time(status.since).short if status.since else None,
    )
