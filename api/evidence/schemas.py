from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.audit.service import REASON_LENGTH


class ReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=REASON_LENGTH)]


class LegalHoldOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    case_id: int
    set_at: datetime
    set_by: str
    set_because: str
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_because: str | None
