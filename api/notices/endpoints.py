from enum import StrEnum

import anyio.to_thread
from fastapi import APIRouter, Response

from api.accounts.dependencies import CentreOf, SignedIn
from api.cases import service as cases
from api.cases.endpoints import CaseId
from api.cases.states import CaseState
from api.kit.problems import Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import At, Reading, Writing
from api.links.paper import address_on_paper
from api.notices import citations, documents, service
from api.notices.schemas import AcceptIn, CitationOut, Citations, NoticeOut, RevokeIn
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["notices"], route_class=ApiRoute)
READ = documented(Unauthenticated, Forbidden, NotFound)


class NoticeLanguage(StrEnum):
    ZH = "zh-CN"
    EN = "en"


@router.get("/cases/{case_id}/notice", operation_id="get_notice", summary="The notice of a case", responses=READ)
async def get_notice(work: Reading, actor: SignedIn, centre: CentreOf, case_id: CaseId) -> NoticeOut:
    """As it was issued."""
    facts = await service.get_notice(work, actor, case_id)
    return NoticeOut(
        reference=facts.reference, facts=facts, url=f"{centre.public_url}/cases/{case_id}/notice",
        pdf_url=f"/api/v1/cases/{case_id}/notice.pdf",
    )


@router.get(
    "/cases/{case_id}/notice.pdf", operation_id="get_notice_pdf", summary="The notice of a case, on paper",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "A4, with its font embedded"}, **READ},
)
async def get_notice_pdf(
    work: Reading, actor: SignedIn, centre: CentreOf, at: At, case_id: CaseId, language: NoticeLanguage = NoticeLanguage.ZH
) -> Response:
    facts = await service.get_notice(work, actor, case_id)
    is_withdrawn = (await cases.get_case(work, actor, case_id)).state is CaseState.WITHDRAWN
    url = await address_on_paper(centre, actor, facts, at)
    content = await anyio.to_thread.run_sync(documents.notice_pdf, facts, language.value, url, is_withdrawn)
    return pdf(content, f"notice-{case_id}.pdf")


@router.get("/citations", operation_id="list_citations", summary="What the catalogue cites, and what is checked", responses=READ)
async def list_citations(work: Reading, actor: SignedIn, centre: CentreOf) -> Citations:
    return Citations(items=await citations.list_citations(work, actor, centre.catalogue))


@router.post("/citations/accept", operation_id="accept_citation", summary="Accept a citation once, on record", responses=READ)
async def accept_citation(work: Writing, actor: SignedIn, centre: CentreOf, at: At, body: AcceptIn) -> CitationOut:
    """For the district of the account: from then on notices there may name it."""
    return await citations.accept(work, actor, centre.catalogue, body.text, body.note, at)


@router.post("/citations/revoke", operation_id="revoke_citation", summary="Take an acceptance back", responses=READ)
async def revoke_citation(work: Writing, actor: SignedIn, centre: CentreOf, at: At, body: RevokeIn) -> CitationOut:
    """What was issued stays; no new notice names it."""
    return await citations.revoke(work, actor, centre.catalogue, body.text, body.note, at)


def pdf(content: bytes, name: str) -> Response:
    return Response(content, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'})
