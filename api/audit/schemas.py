from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AuditEntryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    address: str | None
    action: str
    object_kind: str
    object_id: str
    detail: dict[str, Any]


class AuditEntries(BaseModel):
    items: list[AuditEntryOut]
    next: str | None = Field(description="cursor of the next page")
