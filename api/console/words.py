"""The words for states, areas, reasons and the like, marked here and translated where they are shown."""

from dataclasses import dataclass

from api.accounts.permissions import Role
from api.cases.states import CaseState, DismissalReason
from api.console.i18n import N_
from api.places.tables import Duty, LicenceKind
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

DUTIES: dict[Duty, str] = {
    Duty.OWNER: N_("Owner of the shop"),
    Duty.FOOD_SAFETY: N_("Food safety manager"),
    Duty.OTHER: N_("Another duty"),
}

STATES: dict[CaseState, Tone] = {
    CaseState.PENDING_REVIEW: Tone(N_("To judge"), "wait"),
    CaseState.CONFIRMED: Tone(N_("Confirmed"), "bad"),
    CaseState.DISMISSED: Tone(N_("Dismissed"), "minor"),
}

# What happened when a case came into this state, for its timeline.
ARRIVALS: dict[CaseState, str] = {
    CaseState.PENDING_REVIEW: N_("Reported by the edge box"),
    CaseState.CONFIRMED: N_("Violation confirmed"),
    CaseState.DISMISSED: N_("Case dismissed"),
}

# What somebody else did while this person was still reading.
OVERTAKEN: dict[CaseState, str] = {
    CaseState.PENDING_REVIEW: N_("The case has changed since you opened it."),
    CaseState.CONFIRMED: N_("%(actor)s confirmed this case at %(at)s."),
    CaseState.DISMISSED: N_("%(actor)s dismissed this case at %(at)s."),
}

DONE: dict[str, str] = {
    "confirmed": N_("You confirmed the violation."),
    "dismissed": N_("You dismissed the case."),
}

SEVERITIES: dict[int, Tone] = {
    1: Tone(N_("Serious"), "1"),
    2: Tone(N_("Fairly serious"), "2"),
    3: Tone(N_("Minor"), "3"),
}

REASONS: dict[DismissalReason, str] = {
    DismissalReason.NOT_A_VIOLATION: N_("Nothing is wrong here"),
    DismissalReason.CANNOT_TELL: N_("The picture does not show it clearly enough"),
    DismissalReason.NOT_STAFF: N_("Not a person who works with food"),
    DismissalReason.DUPLICATE: N_("The same incident is another case already"),
    DismissalReason.TEST: N_("A test or an exercise"),
    DismissalReason.OTHER: N_("Another reason"),
}

BOX_KINDS: dict[str, str] = {
    "person": N_("Person"),
    "head": N_("Head"),
    "hand": N_("Hand"),
    "cigarette": N_("Cigarette"),
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

# Title and what to do, by code or else by HTTP status; 500 stands for every status without its own.
PROBLEMS: dict[str | int, tuple[str, str]] = {
    "from-another-site": (
        N_("Not carried out"),
        N_("This request came from another site. Open the page here again, then repeat what you wanted to do."),
    ),
    403: (
        N_("Not open to your account"),
        N_("Your account may not see or do this. If it is part of your work, ask an administrator for the role that may."),
    ),
    404: (
        N_("Nothing here"),
        N_("There is no such page or case, or it lies outside your area. Start from the list."),
    ),
    405: (
        N_("Nothing here"),
        N_("This address takes only a form that was sent. Start from the list."),
    ),
    409: (
        N_("No longer possible"),
        N_("What this was meant for has changed meanwhile. Open it again and look at what changed."),
    ),
    412: (
        N_("Somebody else was faster"),
        N_("What you worked on has changed meanwhile. Open it again and look at what changed."),
    ),
    413: (
        N_("Too much at once"),
        N_("What was sent is larger than this address takes. Send less."),
    ),
    422: (
        N_("This cannot be used"),
        N_("The address or the form holds a value that means nothing here. Go back and choose again."),
    ),
    429: (
        N_("Too many tries"),
        N_("Wait a minute, then try again."),
    ),
    503: (
        N_("Busy for a moment"),
        N_("The server cannot answer right now. Try again in a few seconds; nothing was lost."),
    ),
    507: (
        N_("The disk is full"),
        N_("The server cannot store anything more. Tell whoever runs it to make room in its data folder."),
    ),
    500: (
        N_("Something went wrong"),
        N_("The server logged the error. Try again; if it comes back, tell whoever runs the server when it happened."),
    ),
}
