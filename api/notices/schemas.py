"""What a notice says, as it is kept and as it goes over the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.cases.tables import TimeDoubt
from contract.catalogue import Text


class Standing(StrEnum):
    """What is known of a citation; only the first two may be in an issued notice."""

    VERIFIED = "verified"
    ACCEPTED = "accepted"  # by a section head, once and on record
    UNVERIFIED = "unverified"
    NO_CLAUSE = "no_clause"


class Citation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    says: Literal["rule", "consequence"]
    standing: Standing

    @property
    def may_be_issued(self) -> bool:
        return self.standing in (Standing.VERIFIED, Standing.ACCEPTED)


class Facts(BaseModel):
    """All that a notice says. `number` is null in a draft; `template` is the version of the templates that it is set in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: int
    case_id: int
    year: int
    number: int | None
    bureau: str | None = Field(description="the county; null where the station is one itself")
    station: str
    phone: str = Field(description="of the station")
    station_address: str | None
    officer: str
    issued_at: datetime
    shop: str
    licence: str | None = Field(description="the number of the food licence; null where none is on record")
    credit_code: str | None
    address: str | None
    rule: str
    rule_name: Text
    severity: int
    seen: Text = Field(description="in plain words")
    to_do: Text
    citations: list[Citation]
    captured_at: datetime
    time_doubt: TimeDoubt | None = Field(None, description="why `captured_at` may be wrong, as of the case")
    camera: str
    area: str
    due_at: datetime

    @property
    def reference(self) -> str:
        """As it is printed and spoken. County and station make it the only one."""
        number = "    " if self.number is None else self.number
        return f"{self.bureau or ''}{self.station}整告〔{self.year}〕{number}号"


class NoticeOut(BaseModel):
    reference: str
    facts: Facts
    url: str = Field(description="the page for reading and printing")
    pdf_url: str


class CitationOut(BaseModel):
    rules: list[str] = Field(description="codes of the rules that it is cited for")
    text: str
    standing: Standing
    accepted_by: str | None
    accepted_at: datetime | None
    note: str | None


class Citations(BaseModel):
    items: list[CitationOut]


class AcceptIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=300, description="exactly as the catalogue has it")]
    note: Annotated[str, Field(min_length=1, max_length=1000, description="which text was read, and where")]


class RevokeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=300, description="exactly as the catalogue has it")]
    note: Annotated[str, Field(min_length=1, max_length=1000, description="why it does not hold")]
