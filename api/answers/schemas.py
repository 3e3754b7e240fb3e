from datetime import datetime

from pydantic import BaseModel, Field

from api.cases.states import Act


class PhotographOut(BaseModel):
    id: str
    url: str | None = Field(description="null for one that was deleted")
    sha256: str
    width: int
    height: int
    taken_at: datetime | None = Field(description="by the phone's clock; null where the file does not say")
    received_at: datetime = Field(description="by the centre's clock")
    deleted_at: datetime | None


class AnswerOut(BaseModel):
    act: Act = Field(description="submit: put right; appeal: an objection (陈述申辩)")
    at: datetime
    text: str
    person: str | None = Field(description="in charge")
    training: str | None
    entered_by: str
    is_for_shop: bool = Field(description="entered by an officer for the shop (代办)")
    photographs: list[PhotographOut]


class RepeatOut(BaseModel):
    case_id: int
    last_seen_at: datetime
    is_judged: bool


class SinceOut(BaseModel):
    """What the same camera has seen since the shop reported it as put right."""

    since: datetime
    counted_from: datetime = Field(description="later than `since` where older minutes are no longer kept")
    minutes_observed: int
    repeats: list[RepeatOut] = Field(description="cases of the same rule; this one where more of it joined")
