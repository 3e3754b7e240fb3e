from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.places.tables import Duty, Grade, LicenceKind
from contract.base import ONE_LINE, Name
from contract.catalogue import AreaKind

Phone = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ()-]{4,28}$")]
Address = Annotated[str, Field(max_length=200, pattern=ONE_LINE)]
Id = Annotated[str, Field(max_length=64)]


class DistrictIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    parent_id: Id | None = Field(None, description="the county of a station; null for a county")
    phone: Phone | None = Field(None, description="for questions; a notice names it")
    address: Address | None = None


class DistrictOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    parent_id: str | None = Field(description="the county of a station; null for a county")
    phone: str | None
    address: str | None
    version: int = Field(description="of the last change; `If-Match` of a change names it")


class LicenceEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    kind: LicenceKind
    number: Annotated[str, Field(min_length=1, max_length=60, pattern=ONE_LINE)]
    expires_on: date | None = Field(None, description="null where it does not expire")


class ContactEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    duty: Duty
    name: Name
    phone: Phone


class ShopIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    district_id: Id
    name: Name
    # 统一社会信用代码, GB 32100
    credit_code: Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")] | None = None
    address: Address | None = None
    grade: Grade | None = Field(None, description="年度等级 by the authority; public")
    licences: Annotated[list[LicenceEntry], Field(max_length=10)] = []
    contacts: Annotated[list[ContactEntry], Field(max_length=10)] = []


class ShopOut(BaseModel):
    id: str
    district_id: str
    name: str
    credit_code: str | None
    address: str | None
    grade: Grade | None
    licences: list[LicenceEntry]
    contacts: list[ContactEntry]
    version: int = Field(description="of the last change; `If-Match` of a change names it")


class AreaIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shop_id: Id
    kind: AreaKind
    name: Name


class AreaOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    shop_id: str
    kind: AreaKind
    name: str
    version: int = Field(description="of the last change; `If-Match` of a change names it")


class Districts(BaseModel):
    items: list[DistrictOut]
    next: str | None = Field(description="cursor of the next page")


class Shops(BaseModel):
    items: list[ShopOut]
    next: str | None = Field(description="cursor of the next page")


class Areas(BaseModel):
    items: list[AreaOut]
    next: str | None = Field(description="cursor of the next page")
