from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.public.tables import PublicStatus

CreditCode = Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$", description="统一社会信用代码, GB 32100")]


class AcceptanceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accepted: bool = Field(description="an officer has seen that the cameras show what they are to show; false takes it back")


class StatusOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    shop_id: str
    status: PublicStatus
    since: datetime | None = Field(description="of `active` and `degraded`")
    accepted_at: datetime | None
    required_minutes: int = Field(description="of all its cameras, over the time that counts; 0 before it was measured")
    observed_minutes: int
    measured_at: datetime | None


class BadgeOut(BaseModel):
    credit_code: str
    status: PublicStatus
    since: datetime | None
    badge: str = Field(
        description="JWT (EdDSA) of it: `iss`, `sub` (the credit code), `status`, `since`, `iat`, `exp`; keys at /badge-keys"
    )
    expires_at: datetime = Field(description="ask again by then")


class BadgeKeys(BaseModel):
    """RFC 7517."""

    keys: list[dict[str, Any]]
