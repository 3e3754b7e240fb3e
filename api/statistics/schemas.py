from datetime import date

from pydantic import BaseModel, Field

from api.cameras.schemas import CameraState
from api.cases.states import CaseState
from contract.catalogue import Text


class CaseCounts(BaseModel):
    """Steps of cases, each counted on the day on which it was taken. A judgement that was taken back is none."""

    opened: int
    confirmed: int
    dismissed: int
    issued: int
    recorded: int = Field(description="minor ones, the first of their kind, that got no notice")
    submitted: int
    returned: int
    closed: int
    withdrawn: int
    transferred: int
    overdue: int = Field(description="limits that ended without what was due")


class RuleCount(BaseModel):
    rule: str
    name: Text | None = Field(description="null for a rule that the catalogue no longer has")
    opened: int


class ShopCount(BaseModel):
    shop_id: str
    name: str
    opened: int


class Statistics(BaseModel):
    since: date
    until: date = Field(description="the last day")
    cases: CaseCounts
    by_rule: list[RuleCount] = Field(description="most first")
    by_shop: list[ShopCount] = Field(description="most first, at most 100")
    cases_now: dict[CaseState, int] = Field(description="how many cases are in each state")
    overdue_now: int
    cameras_now: dict[CameraState, int] | None = Field(description="null for who may not see cameras")
