from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.places.schemas import Id
from contract.base import Name


class AlarmBoxIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shop_id: Id
    name: Name
    format: Annotated[str, Field(max_length=40)]


class AlarmResult(BaseModel):
    """What became of one thing that the alarm tells of."""

    result: Literal["case_opened", "joined_case", "ignored"]
    rule: str | None = Field(description="code in the rule catalogue")
    because: str | None = Field(description="why it was ignored")
    case_id: int | None
    url: str | None = Field(description="of the case, for people who may see it")


class AlarmAnswer(BaseModel):
    message_id: str
    results: list[AlarmResult]
