"""Messages: what went to whom and whether it arrived, with the log of each, and sending again by hand."""

from contextlib import suppress
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.dependencies import SignedIn
from api.accounts.permissions import Permission
from api.console.case_views import case_link
from api.console.delivery_views import attempt_row, delivery_row
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.views import Link
from api.deliveries import service as deliveries
from api.deliveries.endpoints import DeliveryId
from api.deliveries.kinds import DeliveryState
from api.deliveries.service import BeingSent
from api.kit.cursors import decode_number, encode_cursor
from api.kit.work import At, Reading, Writing

router = APIRouter()

_PAGE = 50
_TABS = (
    ("", N_("All")), ("late", N_("Not in time")), (DeliveryState.WAITING.value, N_("Waiting")),
    (DeliveryState.FAILED.value, N_("Not delivered")),
)


@router.get("/deliveries")
async def delivery_list(
    request: Request, actor: SignedIn, work: Reading, show: str = "", target: str | None = None,
    case: Annotated[int | None, Query(ge=1, lt=2**31)] = None, cursor: str | None = None,
) -> Response:
    speaker = speaker_of(request)
    state = next((state for state in DeliveryState if state.value == show), None)
    found = await deliveries.list_deliveries(
        work, actor, target_id=target, case_id=case, state=state, late=show == "late", before=decode_number(cursor),
        limit=_PAGE + 1,
    )
    late = await deliveries.list_deliveries(work, actor, late=True, limit=_PAGE)
    kept = {name: value for name, value in (("show", show), ("target", target), ("case", case)) if value}
    following = encode_cursor(found[_PAGE - 1].id) if len(found) > _PAGE else None
    return page(
        request, "deliveries.html", actor=actor, rows=[delivery_row(row, actor, speaker) for row in found[:_PAGE]],
        late=len(late), is_late_page=show == "late",
        case=case_link(case, speaker) if case is not None and actor.may(Permission.CASES_READ) else None,
        tabs=[
            Link(f"/deliveries?{urlencode({**kept, 'show': value})}", speaker.say(words), value == show) for value, words in _TABS
        ],
        first_url=f"/deliveries?{urlencode(kept)}" if cursor else None,
        next_url=f"/deliveries?{urlencode({**kept, 'cursor': following})}" if following else None,
    )


@router.get("/deliveries/{delivery_id}")
async def delivery_page(
    request: Request, actor: SignedIn, work: Reading, delivery_id: DeliveryId, resent: str = ""
) -> Response:
    delivery, attempts = await deliveries.get_delivery(work, actor, delivery_id)
    speaker = speaker_of(request)
    may_resend = actor.may(Permission.DELIVERIES_RESEND) and delivery.claim is None
    return page(
        request, "delivery.html", actor=actor, row=delivery_row(delivery, actor, speaker), message_id=delivery.message_id,
        payload=delivery.payload, attempts=[attempt_row(attempt, speaker) for attempt in attempts],
        target_url=f"/targets/{delivery.target_id}", resend_url=f"/deliveries/{delivery_id}/resend" if may_resend else None,
        resent=resent == "yes",
    )


@router.post("/deliveries/{delivery_id}/resend")
async def resend(actor: SignedIn, work: Writing, at: At, delivery_id: DeliveryId) -> Response:
    with suppress(BeingSent):  # a second tap
        await deliveries.resend(work, actor, delivery_id, at)
    return RedirectResponse(f"/deliveries/{delivery_id}?resent=yes", 303)
