import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.centre import Centre
from api.deliveries.events import CaseEvent
from api.feed import service
from api.feed.schemas import Feed, FeedItem
from api.feed.service import Stand
from api.feed.tables import FeedEvent
from api.kit.parameters import Cursor, Limit
from api.kit.problems import Forbidden, Gone, TooManyRequests, Unauthenticated, documented, from_database
from api.kit.work import Reading
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["events"], route_class=ApiRoute)
READ = documented(Unauthenticated, Forbidden, Gone)
# Shorter than the time after which proxies end a connection that is silent (60 s).
SILENT_S = 15.0


async def _one_stream(centre: CentreOf, actor: SignedIn) -> AsyncIterator[None]:
    """Until the stream has ended, however it does. Raises TooManyRequests."""
    with centre.streams.one_more(actor.id):
        yield


@router.get("/events", operation_id="list_events", summary="What happened since", responses=READ)
async def list_events(work: Reading, actor: SignedIn, after: Cursor = None, limit: Limit = 50) -> Feed:
    """In one order that never changes: with the `next` of each answer as `after`, nothing is skipped and nothing comes twice.

    Without `after` it begins at the beginning of what is kept: 30 days. A cursor from before that is answered 410. An act that
    can be taken back appears when it cannot any more.
    """
    found, following = await service.list_events(work, actor, after=Stand.read(after), limit=limit)
    return Feed(items=[_item(row) for row in found], next=following.cursor)


@router.get(
    "/events/stream", operation_id="follow_events", summary="The same as server-sent events",
    responses=READ | documented(TooManyRequests) | {200: {"content": {"text/event-stream": {}}}},
    response_class=StreamingResponse, dependencies=[Depends(_one_stream)],
)
async def follow_events(
    centre: CentreOf, actor: SignedIn, after: Cursor = None,
    last_event_id: Annotated[str | None, Header(max_length=200, description="comes before `after`")] = None,
) -> StreamingResponse:
    """The stream ends after a few minutes; a client of server-sent events comes again by itself, with the last id that it has."""
    stand = Stand.read(last_event_id or after)
    async with centre.database.reading() as work:
        await service.list_events(work, actor, after=stand, limit=1)  # what is wrong is told before the stream begins
    return StreamingResponse(
        follow(centre, actor, stand or Stand()), media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # nginx would keep events back until there are many
    )


async def follow(centre: Centre, actor: Actor, stand: Stand) -> AsyncIterator[str]:
    clock = asyncio.get_running_loop().time
    spoken_at = clock()
    until = spoken_at + centre.settings.stream_s
    while True:
        known = centre.bell.position
        try:
            read = await centre.shared_reading.read(centre.database, actor, stand, known)
        except (DBAPIError, PoolTimeout) as error:
            if isinstance(error, DBAPIError) and from_database(error) is None:
                raise
            return  # it is busy or away: who follows comes again, and is told so in words
        if read is None:
            return
        stand, told = read
        # In silence an id without data tells a client where to go on (HTML, 9.2.6).
        is_silent = not told and clock() - spoken_at >= SILENT_S
        if told or is_silent:
            yield told or f"id: {stand.cursor}\n: here\n\n"
            spoken_at = clock()
        if clock() >= until or centre.bell.is_closed:
            return
        if not told:
            await centre.bell.heard(known, max(0.0, min(spoken_at + SILENT_S, until) - clock()))


def _item(row: FeedEvent) -> FeedItem:
    return FeedItem(cursor=Stand.at(row).cursor, event=CaseEvent.model_validate_json(row.payload))
