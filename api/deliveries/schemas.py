from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.deliveries.kinds import Audience, Channel, DeliveryState, Event, Fault, TargetState
from api.places.schemas import Id
from contract.base import Name

Secret = Annotated[SecretStr, Field(min_length=1, max_length=1000)]


class TargetIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    channel: Channel
    audience: Audience
    district_id: Id | None = Field(None, description="told of this district and the stations below it")
    shop_id: Id | None = Field(None, description="told of this shop; with neither, of all places")
    url: Annotated[str, Field(max_length=2000)] | None = Field(None, description="of a webhook")
    client_id: Id | None = Field(
        None, description="of a webhook: the program that gets it, and with whose end it ends; once named, it stays"
    )
    recipient: Annotated[str, Field(max_length=254)] | None = Field(
        None, description="of e-mail an address, of short messages the number of a mobile phone in mainland China"
    )
    token: Secret | None = Field(
        None, description="of a robot the key at the end of its address, of Apprise the whole address; left out, it stays"
    )
    secret: Secret | None = Field(None, description="with which DingTalk and Feishu sign; left out, it stays as it is")
    events: Annotated[list[Event], Field(min_length=1, max_length=len(Event))]
    language: Literal["zh-CN", "en"] = Field("zh-CN", description="of messages that people read")
    next_id: Id | None = Field(None, description="the target that is told too, when a message has not arrived here in time")
    enabled: bool = True


class TargetOut(BaseModel):
    id: str
    name: str
    channel: Channel
    audience: Audience
    district_id: str | None
    shop_id: str | None
    url: str | None = Field(description="its query, where receivers put keys, is told to who may change the target")
    client_id: str | None
    recipient: str | None
    events: list[Event]
    language: str
    next_id: str | None
    enabled: bool
    state: TargetState
    dead_at: datetime | None
    dead_reason: Fault | None
    failures: int = Field(description="in a row")
    not_before: datetime | None = Field(description="nothing is sent to it before then")
    last_delivered_at: datetime | None
    version: int


class TargetWithKeys(TargetOut):
    """`secret` is shown here only, once."""

    secret: str | None = Field(description="of a webhook: checks the `v1` signature, whsec_…")
    public_key: str | None = Field(description="of a webhook: checks the `v1a` signature, whpk_…")
    previous_until: datetime | None = Field(description="until then the previous keys sign too")


class Targets(BaseModel):
    items: list[TargetOut]
    next: str | None = Field(description="cursor of the next page")


class DeliveryOut(BaseModel):
    id: int
    message_id: str = Field(description="`webhook-id` in every try")
    target_id: str
    target_name: str
    event: str
    case_id: int | None
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime | None = Field(description="of the next try, while it waits")
    delivered_at: datetime | None
    escalated_at: datetime | None = Field(description="when it had not arrived in time")
    possibly_twice: bool = Field(description="a robot's message that was repeated because the end of a try was unknown")


class AttemptOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    duration_ms: int
    request: str = Field(description="cut, without secrets")
    status: int | None
    answer: str = Field(description="cut, without secrets")
    fault: Fault | None


class DeliveryDetail(DeliveryOut):
    payload: str
    log: list[AttemptOut]


class Deliveries(BaseModel):
    items: list[DeliveryOut]
    next: str | None = Field(description="cursor of the next page")
