"""What an edge asks, and what it tells: people try cameras on the console's pages."""

from fastapi import APIRouter, Request, Response

from api.accounts.dependencies import CentreOf
from api.edges.dependencies import SignedEdge
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import At, Writing
from api.trials import errands
from contract.trials import Trial, TrialAnswer, TrialQuestion

protocol = APIRouter(tags=["edge protocol"])


@protocol.post(
    "/edge/trials/next", operation_id="next_trial", summary="A camera that the edge is to try, or to look for",
    response_model=Trial,
    responses={204: {"description": "Nobody wants one to be tried"}, **documented(Unauthenticated, Forbidden)},
)
async def next_trial(
    request: Request, actor: SignedEdge, centre: CentreOf, body: TrialQuestion | None = None
) -> Response:
    """Stays open until there is one, for 25 s at most. Each is given out once."""
    finds = body is not None and body.finds
    trial = await errands.wait_for_trial(centre, actor, request.is_disconnected, finds=finds)
    if trial is None:
        return Response(status_code=204)
    return Response(trial.model_dump_json(), media_type="application/json")


@protocol.post(
    "/edge/trials/answers", operation_id="answer_trial", summary="What the edge saw", status_code=204,
    responses=documented(Unauthenticated, Forbidden, NotFound, Conflict),
)
async def answer_trial(work: Writing, actor: SignedEdge, at: At, body: TrialAnswer) -> None:
    await errands.take_answer(work, actor, body, at)
