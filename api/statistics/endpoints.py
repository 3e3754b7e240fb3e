from datetime import date

from fastapi import APIRouter

from api.accounts.dependencies import CentreOf, SignedIn
from api.kit.problems import Forbidden, Unauthenticated, documented
from api.kit.work import At, Reading
from api.repeats.routes import ApiRoute
from api.statistics import service
from api.statistics.schemas import Statistics

router = APIRouter(tags=["statistics"], route_class=ApiRoute)


@router.get(
    "/statistics", operation_id="get_statistics", summary="What became of cases, and how things stand",
    responses=documented(Unauthenticated, Forbidden),
)
async def get_statistics(
    work: Reading, actor: SignedIn, centre: CentreOf, at: At, since: date | None = None, until: date | None = None
) -> Statistics:
    """Of all that you may see, by days in the shops' time (Asia/Shanghai); the last 30 days where none are named."""
    return await service.get_statistics(work, actor, centre.catalogue, at, since, until)
