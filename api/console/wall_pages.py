"""The wall screen (大屏): today at a glance, for a television in the office. It shows no face and no name of a person."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.cameras.schemas import CameraState
from api.centre import Centre
from api.console.case_rows import case_url
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.console.statistics_words import CLOSED, CONFIRMED, FOUND, ISSUED, WAITING
from api.console.times import LocalTime
from api.console.views import Fact
from api.evidence import service as evidence
from api.kit.database import Work
from api.kit.times import in_shop_time
from api.kit.work import At, Reading
from api.statistics import service as statistics

router = APIRouter()
# What happened today; what is open is shown beside it.
_TODAY = (FOUND, CONFIRMED, ISSUED, CLOSED)


@dataclass(frozen=True)
class WallPicture:
    """Of a closed case, so without faces: api/evidence/service.py, `is_in_review`."""

    url: str | None
    title: str
    shop: str
    closed: LocalTime


@router.get("/wall")
async def wall_page(request: Request, actor: SignedIn, work: Reading, centre: CentreOf, at: At) -> Response:
    part = await _part(request, actor, work, centre, at)
    return page(request, "wall.html", actor=actor, part=part, partial_etag=partial_etag(part), title=centre.settings.centre_name)


@router.get("/wall/part")
async def wall_part(request: Request, actor: SignedInForUpdate, work: Reading, centre: CentreOf, at: At) -> Response:
    return partial_response(request, await _part(request, actor, work, centre, at))


async def _part(request: Request, actor: Actor, work: Work, centre: Centre, at: datetime) -> Markup:
    today = await statistics.get_today(work, actor, at)
    speaker = speaker_of(request)
    exhibits = await evidence.of_cases(work, actor, [closed.case.id for closed in today.closed])
    cameras = sum(number for state, number in today.cameras.items() if state is not CameraState.OFF)
    pictures = [
        WallPicture(
            f"{case_url(closed.case.id)}/thumbnail.jpg" if exhibits[closed.case.id] else None,
            speaker.rule_title(closed.case.rule, centre.catalogue), closed.case.shop.name, speaker.time(closed.at),
        )
        for closed in today.closed
    ]
    waiting = [(words, sum(today.waiting.get(state, 0) for state in states)) for words, states in WAITING]
    return partial(
        request, "wall_part.html",
        # To the minute: what has not changed is not sent again.
        as_of=in_shop_time(at).strftime("%H:%M"), day=speaker.day(in_shop_time(at).date()),
        today=[Fact(speaker.say(column.heading), str(column.of(today.counts))) for column in _TODAY],
        waiting=[Fact(speaker.say(words), str(number)) for words, number in waiting],
        overdue=today.overdue, coverage=today.coverage, cameras=cameras, looking=today.cameras.get(CameraState.LOOKING, 0),
        pictures=pictures,
    )
