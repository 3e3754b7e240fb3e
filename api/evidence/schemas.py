from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from api.audit.service import REASON_LENGTH
from contract.signing import fingerprint as fingerprint_of


class ReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=REASON_LENGTH)]


class LinkIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Literal["blurred.jpg", "original.jpg", "overlay.jpg", "judged.jpg"] = "blurred.jpg"
    reason: Annotated[str, Field(max_length=REASON_LENGTH)] | None = Field(None, description="needed for all but `blurred.jpg`")


class LinkOut(BaseModel):
    url: str
    expires_at: datetime


class LegalHoldOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    case_id: int
    set_at: datetime
    set_by: str
    set_because: str
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_because: str | None


class CentreKeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    public_key: str = Field(description="Ed25519, raw, base64")
    created_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint_of(self.public_key)


class CentreKeys(BaseModel):
    items: list[CentreKeyOut]
