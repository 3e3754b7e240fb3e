"""What webhooks are sent: thin bodies that say what happened to what; the rest is asked of the API.

A new kind of event may come at any time, and a new field in any of them: a receiver ignores what it does not know.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field, WithJsonSchema

from api.cases.tables import Level, Stage
from api.deliveries.kinds import CASE_EVENTS, Event, Fault


class CaseFacts(BaseModel):
    case_id: int = Field(description="GET /api/v1/cases/{case_id} tells the rest")
    shop_id: str
    rule: str = Field(description="code in the rule catalogue")
    severity: int = Field(description="1 serious, 2 fairly serious, 3 minor")
    state: str
    version: int = Field(description="of the case; a higher one is newer")
    stage: Stage | None = Field(None, description="which limit runs now; of a check on site only in reminders to the authority")
    due_at: datetime | None = Field(None, description="when it ends")
    escalation: Level | None = Field(None, description="of `case.escalated`: who hears of it now")


# An enumeration of its own: one beside a reference to all events is what generators of clients stumble over.
_OF_CASES = WithJsonSchema({"type": "string", "enum": [event.value for event in Event if event in CASE_EVENTS]})


class CaseEvent(BaseModel):
    type: Annotated[Event, _OF_CASES]
    timestamp: datetime = Field(description="when it happened, not when it was sent")
    data: CaseFacts


class DeadTarget(BaseModel):
    target_id: str
    name: str
    reason: Fault


class TargetDeadEvent(BaseModel):
    type: Literal[Event.TARGET_DEAD]
    timestamp: datetime
    data: DeadTarget


class TestFacts(BaseModel):
    target_id: str


class TestEvent(BaseModel):
    type: Literal[Event.TEST]
    timestamp: datetime
    data: TestFacts


_SUMMARIES: dict[Event, str] = {
    Event.CASE_OPENED: "A finding waits for a person's judgement",
    Event.CASE_CONFIRMED: "A person has confirmed a violation",
    Event.CASE_DISMISSED: "A person has dismissed a finding",
    Event.CASE_MERGED: "A finding belongs to another case",
    Event.CASE_RECORDED: "A minor violation is recorded only",
    Event.CASE_ISSUED: "A shop has a notice",
    Event.CASE_ACKNOWLEDGED: "The shop has signed for its notice",
    Event.CASE_REFUSED: "The shop has refused its notice",
    Event.CASE_APPEALED: "The shop objects",
    Event.CASE_APPEAL_REJECTED: "The objection is rejected; the shop's time goes on",
    Event.CASE_SUBMITTED: "The shop reports that it has put things right",
    Event.CASE_RETURNED: "What the shop reported is not enough",
    Event.CASE_ON_SITE: "Officers check on site",
    Event.CASE_WITHDRAWN: "The notice is withdrawn",
    Event.CASE_CLOSED: "It was verified that things are right",
    Event.CASE_TRANSFERRED: "The case is turned over to enforcement",
    Event.CASE_EXTENDED: "The shop has more time",
    Event.CASE_DUE_SOON: "Half of a limit is over",
    Event.CASE_OVERDUE: "A limit is over",
    Event.CASE_ESCALATED: "A case that is overdue has gone up",
    Event.TARGET_DEAD: "A target takes no messages any more",
    Event.TEST: "Somebody wants to know whether messages arrive",
}
_DESCRIPTION = (
    "Signed by the [Standard Webhooks](https://www.standardwebhooks.com) specification. Answer 2xx within 15 s. Anything else is "
    "tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, each up to a tenth later, or as late as your "
    "Retry-After says; a redirect is not followed. 410 switches the target off. The same message may come more than once, "
    "always with the same `webhook-id`."
)


@cache
def described_webhooks() -> APIRouter:
    """For the OpenAPI document; nothing of it is ever called."""
    router = APIRouter()
    bodies: dict[Event, type[BaseModel]] = {Event.TARGET_DEAD: TargetDeadEvent, Event.TEST: TestEvent}
    for event in Event:
        if event is Event.LINK_ASKED:
            continue  # goes to one person, never to a program
        router.add_api_route(
            event.value, _described(bodies.get(event, CaseEvent)), methods=["POST"], status_code=204,
            operation_id=f"receive_{event.value.replace('.', '_')}", summary=_SUMMARIES[event], description=_DESCRIPTION,
            tags=["webhooks"],
            responses={
                410: {"description": "No more messages: the target is switched off"}, "default": {"description": "Tried again"}
            },
        )
    return router


def _described(body_type: type[BaseModel]) -> Callable[..., None]:
    """Never called: FastAPI reads the form of the request from it."""

    def receive(
        body: body_type,  # type: ignore[valid-type]
        webhook_id: Annotated[str, Header(description="the same in every try of this message")],
        webhook_timestamp: Annotated[int, Header(description="Unix time of this try in seconds; refuse what is 5 minutes off")],
        webhook_signature: Annotated[
            str, Header(description="by spaces: `v1,` and base64 of HMAC-SHA256, `v1a,` and base64 of an Ed25519 signature")
        ],
    ) -> None: ...

    return receive
