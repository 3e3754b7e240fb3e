"""Notices and drafts to read and print."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.cases import service as cases
from api.cases.endpoints import CaseId
from api.cases.states import CaseState
from api.centre import Centre
from api.console.case_words import OBSTACLES
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.evidence import deletion
from api.evidence import service as evidence
from api.kit.problems import Invalid
from api.kit.qr import qr_png
from api.kit.work import At, Reading
from api.links.paper import address_on_paper
from api.notices import documents
from api.notices import service as notices
from api.notices.documents import Officer, OrderDraft
from api.notices.endpoints import pdf
from api.notices.service import Hindrance, NoticeNotPossible

router = APIRouter()


class OrderTyped(BaseModel):
    """The two officers, as a browser sends them in the address: a draft is read and printed, never kept."""

    model_config = ConfigDict(extra="ignore")

    officer_1: Annotated[str, Query(max_length=100)] = ""
    certificate_1: Annotated[str, Query(max_length=60)] = ""
    officer_2: Annotated[str, Query(max_length=100)] = ""
    certificate_2: Annotated[str, Query(max_length=60)] = ""

    @property
    def officers(self) -> list[Officer]:
        return [Officer(self.officer_1, self.certificate_1), Officer(self.officer_2, self.certificate_2)]


@router.get("/cases/{case_id}/notice")
async def notice_page(request: Request, case_id: CaseId, actor: SignedIn, work: Reading, centre: CentreOf, at: At) -> Response:
    """The notice as it was issued; for who issues them, the draft of a confirmed case, and what stands in its way."""
    speaker = speaker_of(request)
    case = await cases.get_case(work, actor, case_id)
    facts = await notices.find_notice(work, actor, case_id)
    hindrances: list[Hindrance] = []
    if facts is None:
        draft = await notices.draft_notice(work, actor, case_id, centre.deadlines, at)
        facts, hindrances = draft.facts, draft.hindrances
    is_issued = facts.number is not None
    url = await address_on_paper(centre, actor, facts, at)
    return page(
        request, "paper.html", actor=actor, title=facts.reference if is_issued else speaker.say(N_("Draft of the notice")),
        back_url=f"/cases/{case_id}", problem=obstacles(hindrances, speaker),
        document=documents.notice_html(facts, speaker.language.value, url, f"/cases/{case_id}/answer.png"),
        state=speaker.state(CaseState.WITHDRAWN, actor) if case.state is CaseState.WITHDRAWN else None, is_draft=not is_issued,
        pdf_url=f"/api/v1/cases/{case_id}/notice.pdf?language={speaker.language.value}" if is_issued else None,
    )


@router.get("/cases/{case_id}/answer.png")
async def answer_code(case_id: CaseId, actor: SignedIn, work: Reading, centre: CentreOf, at: At) -> Response:
    """The code on the notice that leads to its answer; on a draft, to the case."""
    await cases.get_case(work, actor, case_id)
    facts = await notices.find_notice(work, actor, case_id)
    url = f"{centre.public_url}/cases/{case_id}" if facts is None else await address_on_paper(centre, actor, facts, at)
    return Response(qr_png(url), media_type="image/png")


@router.get("/cases/{case_id}/order")
async def order_page(
    request: Request, case_id: CaseId, actor: SignedIn, centre: CentreOf, at: At, typed: Annotated[OrderTyped, Query()]
) -> Response:
    """A form for the two officers; with them, the draft of the formal order."""
    speaker = speaker_of(request)
    actor.require(Permission.CASES_HANDLE)
    wrong = None
    if request.query_params.get("officer_1") is not None:
        try:
            draft = await _order(actor, centre, case_id, typed, at)
        except Invalid:
            wrong = speaker.say(N_("Name two different officers, each with the number of the enforcement certificate."))
        except NoticeNotPossible as problem:
            wrong = obstacles(problem.hindrances, speaker)
        else:
            return page(
                request, "paper.html", actor=actor, title=documents.ORDER_TITLE, back_url=f"/cases/{case_id}", problem="",
                document=documents.order_html(draft), state=None, is_draft=True,
                pdf_url=f"/cases/{case_id}/order.pdf?{urlencode(typed.model_dump())}",
            )
    async with centre.database.reading() as work:
        case = await cases.get_case(work, actor, case_id)
    if not typed.officer_1 and not wrong:
        typed = typed.model_copy(update={"officer_1": actor.name})
    return page(
        request, "order_new.html", actor=actor, status=422 if wrong else 200, case_id=case_id, typed=typed, wrong=wrong,
        is_possible=case.state in notices.DRAFTABLE,
    )


@router.get("/cases/{case_id}/order.pdf")
async def order_pdf(
    case_id: CaseId, actor: SignedIn, centre: CentreOf, at: At, typed: Annotated[OrderTyped, Query()]
) -> Response:
    draft = await _order(actor, centre, case_id, typed, at)
    return pdf(await anyio.to_thread.run_sync(documents.order_pdf, draft), f"order-draft-{case_id}.pdf")


async def _order(actor: Actor, centre: Centre, case_id: int, typed: OrderTyped, at: datetime) -> OrderDraft:
    """On record, and its evidence under a legal hold, before it is shown."""
    async with centre.database.reading() as work:
        case = await cases.get_case(work, actor, case_id)
        parts = [part.id for part in await cases.list_parts(work, actor, case)]
        exhibits = await evidence.of_cases(work, actor, [case_id, *parts])
        digests = [exhibit.digest for found in exhibits.values() for exhibit in found]
        draft = await notices.draft_order(work, actor, case_id, centre.deadlines, typed.officers, digests, at)
    async with centre.database.writing() as work:
        notices.record_draft(work, actor, case, draft)
        await deletion.hold_for_order(work, actor, case_id, at)
    return draft


def obstacles(hindrances: Sequence[Hindrance], speaker: Speaker) -> str:
    """In the reader's words, one sentence after the other."""
    return " ".join(speaker.say(OBSTACLES[hindrance.obstacle], what=hindrance.what) for hindrance in hindrances)
