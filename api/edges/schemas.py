from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.places.schemas import Id
from contract.edges import EdgeTrouble


class EdgeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    shop_id: str
    enrolled_at: datetime
    enrolled_by: str = Field(description="who made its code")
    approved_at: datetime | None = Field(description="null: it is given no camera yet")
    revoked_at: datetime | None
    last_seen_at: datetime | None
    clock_offset_s: float | None
    doubled_at: datetime | None = Field(
        description="when two boxes last took turns with its identity: its data folder was copied; null: never"
    )
    software_version: str
    config_version: str | None
    outbox_waiting: int
    outbox_parked: int
    trouble: EdgeTrouble | None
    watched: int = Field(description="cameras that it is to watch")
    carries: int | None = Field(description="about how many such cameras it can carry; null: it keeps up with all")
    is_exact: bool = Field(description="the fast weights go wrong on its processor, so it uses the slower exact ones")
    no_provider: bool = Field(description="what was to compute in the place of its processor is missing or does not work")
    no_decoder: bool = Field(description="what was to decode in the place of its processor is missing or does not work")


class Edges(BaseModel):
    items: list[EdgeOut]
    next: str | None = Field(description="cursor of the next page")


class EnrolmentCodeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shop_id: Id


class EnrolmentCodeOut(BaseModel):
    code: str = Field(description="shown once; for `sunshine edge enroll --centre URL --code CODE`")
    expires_at: datetime
