from collections.abc import AsyncIterator
from datetime import date

from fastapi import APIRouter, Depends

from api.accounts.dependencies import CentreOf, SignedIn
from api.kit.problems import Forbidden, TooManyRequests, Unauthenticated, documented
from api.kit.work import At, Reading
from api.repeats.routes import ApiRoute
from api.statistics import service
from api.statistics.schemas import Statistics

router = APIRouter(tags=["statistics"], route_class=ApiRoute)


async def one_count(centre: CentreOf, actor: SignedIn) -> AsyncIterator[None]:
    """Until the answer is made. Raises TooManyRequests, before a connection to the database is taken."""
    with centre.counts.one_more(actor.id):
        yield


@router.get(
    "/statistics", operation_id="get_statistics", summary="What became of cases, and how things stand",
    responses=documented(Unauthenticated, Forbidden, TooManyRequests), dependencies=[Depends(one_count)],
)
async def get_statistics(
    work: Reading, actor: SignedIn, centre: CentreOf, at: At, since: date | None = None, until: date | None = None
) -> Statistics:
    """Of all that you may see, by days in the shops' time (Asia/Shanghai); the last 30 days where none are named."""
    return await service.get_statistics(work, actor, centre.catalogue, at, since, until)
