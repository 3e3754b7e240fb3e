"""Words that many pages share, for areas, roles and the like, marked here and translated where they are shown."""

from dataclasses import dataclass

from api.accounts.permissions import Role
from api.console.i18n import N_
from api.places.tables import Duty, Grade, LicenceKind
from contract.catalogue import AreaKind, Post


@dataclass(frozen=True)
class Chip:
    """A few words on a coloured ground; `tone` is a class of the stylesheet, never the only bearer of the meaning."""

    words: str
    tone: str
    dot: bool = False


@dataclass(frozen=True)
class Tone:
    """Untranslated words with their tone."""

    words: str
    tone: str


AREAS: dict[AreaKind, str] = {
    AreaKind.SPECIAL_ROOM: N_("Special room"),
    AreaKind.SPECIAL_AREA: N_("Special work area"),
    AreaKind.COOKING: N_("Cooking"),
    AreaKind.UTENSIL_STORAGE: N_("Clean utensil storage"),
    AreaKind.ROUGH_PROCESSING: N_("Rough processing"),
    AreaKind.CUTTING: N_("Cutting and preparing"),
    AreaKind.UTENSIL_WASHING: N_("Utensil washing"),
    AreaKind.DINING: N_("Dining area"),
    AreaKind.AUXILIARY: N_("Auxiliary area"),
}

POSTS: dict[Post, str] = {
    Post.GLOVES_REQUIRED: N_("Gloves are required (cutting cooked food, decorating cakes and the like)"),
    Post.MASK_REQUIRED: N_("Masks are required (dishing out, and other work of a special work area)"),
}

LICENCES: dict[LicenceKind, str] = {
    LicenceKind.FOOD_BUSINESS: N_("Food business licence"),
    LicenceKind.SMALL_CATERING: N_("Registration of a small caterer"),
    LicenceKind.BUSINESS: N_("Business licence"),
    LicenceKind.OTHER: N_("Another licence"),
}

GRADES: dict[Grade, str] = {
    Grade.A: N_("A, excellent"),
    Grade.B: N_("B, good"),
    Grade.C: N_("C, fair"),
}

DUTIES: dict[Duty, str] = {
    Duty.OWNER: N_("Owner of the shop"),
    Duty.FOOD_SAFETY: N_("Food safety manager"),
    Duty.OTHER: N_("Another duty"),
}


ROLES: dict[Role, str] = {
    Role.REVIEWER: N_("Reviewer"),
    Role.OFFICER: N_("Station officer"),
    Role.CHIEF: N_("Section head"),
    Role.BUREAU: N_("Bureau leader"),
    Role.STORE_ADMIN: N_("Food safety manager of a shop"),
    Role.STORE_OWNER: N_("Owner of a shop"),
    Role.INSTALLER: N_("Installer"),
    Role.AUDITOR: N_("Auditor"),
    Role.ADMIN: N_("Administrator"),
    Role.PARTNER: N_("Other department"),
}
