"""How long evidence is kept: held longer, or deleted before its time."""

from datetime import datetime

from fastapi import APIRouter

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.cases.endpoints import CaseId
from api.centre import Centre
from api.evidence import deletion
from api.evidence.schemas import LegalHoldOut, ReasonIn
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import At, Reading, Writing
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["evidence"], route_class=ApiRoute)


@router.post(
    "/cases/{case_id}/evidence/delete", operation_id="delete_evidence_of_case", summary="Delete the evidence of a case for good",
    status_code=204, responses=documented(Unauthenticated, Forbidden, NotFound, Conflict),
)
async def delete_evidence(actor: SignedIn, centre: CentreOf, at: At, case_id: CaseId, body: ReasonIn) -> None:
    """Pictures, clips and boxes. What is left is who did it, when and why, and the digest that was signed."""
    await delete_now(centre, actor, case_id, body.reason, at)


async def delete_now(centre: Centre, actor: Actor, case_id: int, reason: str, at: datetime) -> None:
    async with centre.database.writing() as work:
        await deletion.delete_evidence_of_case(work, actor, centre.keyring, case_id, reason, at)
    await deletion.remove_files(centre)


@router.get(
    "/cases/{case_id}/holds", operation_id="list_legal_holds", summary="Legal holds on the evidence of a case",
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def list_holds(work: Reading, actor: SignedIn, case_id: CaseId) -> list[LegalHoldOut]:
    return [LegalHoldOut.model_validate(hold) for hold in await deletion.list_holds(work, actor, case_id)]


@router.post(
    "/cases/{case_id}/holds/set", operation_id="set_legal_hold", summary="Keep the evidence of a case until this is lifted",
    status_code=201, responses=documented(Unauthenticated, Forbidden, NotFound, Conflict),
)
async def set_hold(work: Writing, actor: SignedIn, at: At, case_id: CaseId, body: ReasonIn) -> LegalHoldOut:
    """It keeps what is there: the `evidence` of the case says what that is. The problem `nothing-to-hold` says that all of it is
    gone, and that no hold was set."""
    return LegalHoldOut.model_validate(await deletion.set_hold(work, actor, case_id, body.reason, at))


@router.post(
    "/cases/{case_id}/holds/lift", operation_id="lift_legal_hold", summary="End the legal hold on the evidence of a case",
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def lift_hold(work: Writing, actor: SignedIn, at: At, case_id: CaseId, body: ReasonIn) -> LegalHoldOut:
    return LegalHoldOut.model_validate(await deletion.lift_hold(work, actor, case_id, body.reason, at))
