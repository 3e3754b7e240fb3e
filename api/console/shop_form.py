"""What is typed of a shop, in a form or in a line of a list, and the shop that it makes."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from api.console.form_errors import refused_fields
from api.console.i18n import N_
from api.kit.names import is_name
from api.places.schemas import ShopIn
from api.places.tables import Duty, LicenceKind, Shop
from contract.catalogue import AreaKind

NEEDED = N_("Fill this in on one line, with at most 100 characters.")
ADDRESS = N_("Write it on one line, with at most 200 characters.")
CODE_TAKEN = N_("Another shop already has this credit code.")
NOT_A_COUNTY = N_("This is a station. Write the county above it.")
# By the field of `ShopIn` that refuses, and the field of the form.
_WRONG: dict[str, tuple[str, str]] = {
    "credit_code": ("credit_code", N_("A unified social credit code is 18 digits and capital letters without I, O, S, V and Z.")),
    "address": ("address", ADDRESS),
    "licences": ("licence_number", N_("Write the number as it is printed on the licence.")),
    "contacts": ("contact_phone", N_("Write a name, and a telephone number of digits such as 138 0000 0000.")),
    "name": ("name", NEEDED),
    "grade": ("grade", N_("Choose one of the grades.")),
}


class ShopTyped(BaseModel):
    """The fields as they come from a browser: of the licences and contacts of a shop, the first one each. `station` is the
    id of the district, of a shop that is there; `version` that of the shop when the form was filled."""

    county: str = ""
    district: str = ""
    station: str = ""
    name: str = ""
    credit_code: str = ""
    address: str = ""
    grade: str = ""
    licence_kind: LicenceKind = LicenceKind.FOOD_BUSINESS
    licence_number: str = ""
    licence_expires: str = ""
    contact_duty: Duty = Duty.FOOD_SAFETY
    contact_name: str = ""
    contact_phone: str = ""
    area: str = ""
    kind: AreaKind = AreaKind.COOKING
    version: int | None = None

    @classmethod
    def of(cls, shop: Shop) -> "ShopTyped":
        typed = cls(
            district=shop.district.name, station=shop.district_id, name=shop.name, credit_code=shop.credit_code or "",
            address=shop.address or "",
            grade=shop.grade.value if shop.grade else "",
        )
        for licence in shop.licences[:1]:
            expires = licence.expires_on.isoformat() if licence.expires_on else ""
            typed.licence_kind, typed.licence_number, typed.licence_expires = licence.kind, licence.number, expires
        for contact in shop.contacts[:1]:
            typed.contact_duty, typed.contact_name, typed.contact_phone = contact.duty, contact.name, contact.phone
        return typed


class NotAShop(ValueError):
    """What was typed makes no shop; `wrong` says why, by field, in words not yet translated."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__("; ".join(wrong))
        self.wrong = wrong


def read_new_shop(typed: ShopTyped) -> ShopIn:
    """Its district is not known yet. Raises NotAShop."""
    wrong = {field: NEEDED for field in ("district", "name") if not is_name(getattr(typed, field))}
    if typed.county.strip() and not is_name(typed.county):
        wrong["county"] = NEEDED
    try:
        new = read_shop(typed, "")
    except NotAShop as problem:
        raise NotAShop(problem.wrong | wrong) from None
    if wrong:
        raise NotAShop(wrong)
    return new


def read_shop(typed: ShopTyped, district_id: str, before: Shop | None = None) -> ShopIn:
    """Licences and contacts after the first are kept as they are: the form does not show them. Raises NotAShop."""
    values: dict[str, Any] = {
        "district_id": district_id, "name": typed.name.strip(), "credit_code": typed.credit_code.strip().upper() or None,
        "address": typed.address.strip() or None, "grade": typed.grade or None,
        "licences": list(before.licences[1:]) if before else [], "contacts": list(before.contacts[1:]) if before else [],
    }
    wrong = {}
    if typed.licence_number.strip():
        licence = {"kind": typed.licence_kind, "number": typed.licence_number.strip()}
        try:
            expires = typed.licence_expires.strip()
            values["licences"].insert(0, {**licence, "expires_on": date.fromisoformat(expires) if expires else None})
        except ValueError:
            wrong["licence_expires"] = N_("Write the date as 2027-05-31; leave it empty where the licence does not expire.")
    elif typed.licence_expires.strip():
        wrong["licence_number"] = _WRONG["licences"][1]
    if typed.contact_name.strip() or typed.contact_phone.strip():
        contact = {"duty": typed.contact_duty, "name": typed.contact_name.strip(), "phone": typed.contact_phone.strip()}
        values["contacts"].insert(0, contact)
    try:
        new = ShopIn.model_validate(values)
    except ValidationError as error:
        raise NotAShop(wrong | {_WRONG[field][0]: _WRONG[field][1] for field in refused_fields(error)}) from None
    if wrong:
        raise NotAShop(wrong)
    return new
