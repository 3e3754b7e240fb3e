from pydantic import BaseModel, Field

from api.deliveries.events import CaseEvent


class FeedItem(BaseModel):
    cursor: str = Field(description="where to go on after this event: `after`, or `Last-Event-ID`")
    event: CaseEvent


class Feed(BaseModel):
    items: list[FeedItem]
    next: str = Field(description="`after` of the next request; the same again while nothing has happened")
