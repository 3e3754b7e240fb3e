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
    unit: str | None = Field(description="the district or shop that the account is bound to, as it was called then")
    address: str | None
    action: str
    object_kind: str
    object_id: str
    reason: str | None
    detail: dict[str, Any]
    chain: str = Field(description="id of the district that it concerns, or `centre`")
    sequence: int | None = Field(description="place in the chain; null for a moment, until it is chained")
    digest: str | None


class AuditEntries(BaseModel):
    items: list[AuditEntryOut]
    next: str | None = Field(description="cursor of the next page")
