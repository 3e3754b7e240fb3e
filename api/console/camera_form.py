"""The form of a camera: what is typed as text, and what it means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from api.cameras.schemas import SECRET_FIELD, CameraIn
from api.cameras.tables import Camera
from api.cameras.zones import ZoneFlaw, flaw_of
from api.console.i18n import N_
from api.console.shop_choice import ShopChoice
from api.console.speech import Speaker
from api.console.views import Option
from contract.cameras import Hours
from contract.edges import StreamFault
from contract.faults import FAULT_TEXTS

_NEEDED = N_("Fill this in.")
_TOO_LONG = N_("This is longer than it can be.")
SECRET_IN_PATH = N_(
    "The password stands in the path of this address, where it cannot be encrypted. Use an address without it, and enter user "
    "and password below."
)
_NO_HOURS = N_("Write hours as 09:00-14:00, several with a comma between them; leave the field empty for all day.")
_NO_CORNER = N_("Write each corner on a line of its own, as two numbers from 0 to 100 such as 12.5, 80.")
_FLAWS: dict[ZoneFlaw, str] = {
    ZoneFlaw.TOO_FEW: N_("A zone has at least three corners."),
    ZoneFlaw.TOO_MANY: N_("A zone has at most 100 corners."),
    ZoneFlaw.OUTSIDE: N_("A corner lies outside the picture: the numbers go from 0 to 100."),
    ZoneFlaw.CROSSING: N_("Sides of the zone cross or touch. Put the corners in the order in which they lie around it."),
    ZoneFlaw.TOO_SMALL: N_("The zone is smaller than a person. Draw it larger."),
}

_HOURS = re.compile(r"(\d{1,2})[:：](\d{2})\s*[-–—~～至到]\s*(\d{1,2})[:：](\d{2})")
_POINT = re.compile(r"(-?\d+(?:\.\d+)?)\s*%?\s*[,，;\s]\s*(-?\d+(?:\.\d+)?)\s*%?")


class CameraTyped(BaseModel):
    """The fields as they come from a browser. `zone` is in percent of width and height, a point a line; `version` is of the
    camera that was being looked at."""

    area_id: str = ""
    edge_id: str = ""
    name: str = ""
    url: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    transport: str = "tcp"
    posts: list[str] = []
    hours: str = ""
    zone: str = ""
    enabled: bool = False
    version: int = 0

    @classmethod
    def of(cls, camera: Camera) -> "CameraTyped":
        """As the form shows a camera that is there; never its password."""
        windows = [Hours.model_validate(window) for window in camera.hours or []]
        hours = [f"{window.start:%H:%M}-{_end(window.end)}" for window in windows]
        zone = [f"{x * 100:g}, {y * 100:g}" for x, y in camera.zone or []]
        return cls(
            area_id=camera.area_id, edge_id=camera.edge_id or "", name=camera.name, url=camera.url,
            username=camera.username or "", transport=camera.transport, posts=camera.posts, hours=", ".join(hours),
            zone="\n".join(zone), enabled=camera.enabled, version=camera.version,
        )

    def without_secrets(self) -> "CameraTyped":
        """As it is shown again. A path of a file is no secret."""
        url, username = without_login(self.url) if "://" in self.url else (self.url, "")
        return self.model_copy(update={"url": url, "username": self.username or username})


@dataclass(frozen=True)
class CameraFormView:
    """What was typed, what can be chosen, and what is wrong, by field. `areas` and `edges` are those of the shops of `choice`."""

    choice: ShopChoice
    areas: Sequence[Option]
    edges: Sequence[Option]
    posts: Sequence[Option]
    typed: CameraTyped
    wrong: dict[str, str]
    version: int
    has_password: bool


class NotACamera(ValueError):
    """What was typed makes no camera; `wrong` says why, by field, in the language of the reader."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__("; ".join(wrong))
        self.wrong = wrong


def read_form(typed: CameraTyped, speaker: Speaker, interval_s: float | None = None) -> CameraIn:
    """`interval_s` is kept as it was: the form does not show it. Raises NotACamera."""
    url, username, password = taken_apart(typed.url.strip(), typed.username.strip(), typed.password)
    values: dict[str, Any] = {
        "area_id": typed.area_id, "name": typed.name.strip(), "url": url, "username": username or None,
        "transport": typed.transport, "posts": typed.posts, "enabled": typed.enabled,
    }
    if password:
        values["password"] = password
    if typed.edge_id:
        values["edge_id"] = typed.edge_id
    if interval_s is not None:
        values["interval_s"] = interval_s
    wrong = {}
    try:
        values["hours"] = _read_hours(typed.hours)
    except ValueError:
        wrong["hours"] = speaker.say(_NO_HOURS)
    try:
        values["zone"] = _read_zone(typed.zone)
    except ValueError as problem:
        wrong["zone"] = speaker.say(str(problem))
    try:
        new = CameraIn.model_validate(values)
    except ValidationError as error:
        wrong |= _what_is_wrong(error, speaker)
        if "://" in url and SECRET_FIELD.search(url):
            wrong["url"] = speaker.say(SECRET_IN_PATH)
        raise NotACamera(wrong) from None  # the error holds what was typed
    if wrong:
        raise NotACamera(wrong)
    return new


def taken_apart(url: str, username: str, password: SecretStr) -> tuple[str, str, SecretStr]:
    """A pasted address may hold user and password; they move to their fields, unless something was typed there."""
    try:
        parts = urlsplit(url)
        if "@" not in parts.netloc:
            return url, username, password
        # A password that was not encoded may hold @ and /; then what follows its first @ is no host.
        everything = url.partition("://")[2]
        userinfo = (parts.netloc if parts.hostname else everything).rpartition("@")[0]
        location = everything[len(userinfo) + 1 :]
    except ValueError:
        return url, username, password
    typed_name, _, typed_password = userinfo.partition(":")
    return f"{parts.scheme}://{location}", username or unquote(typed_name), password or SecretStr(unquote(typed_password))


def without_login(url: str) -> tuple[str, str]:
    """An address as it is shown again, and the user who stood in it: a password that was pasted with it is typed anew."""
    scheme, separator, rest = url.rpartition("://")
    address, username, _ = taken_apart(url.strip(), "", SecretStr("")) if separator else (rest, "", SecretStr(""))
    if "@" in address:  # rather too much than a part of a password
        address = scheme + separator + address.rpartition("@")[2]
    return SECRET_FIELD.sub(r"\1=", address), username


def _read_hours(text: str) -> list[dict[str, time]] | None:
    windows = [part.strip() for part in re.split(r"[,，、;；\n]", text) if part.strip()]
    return [_window(part) for part in windows] or None


def _end(end: time) -> str:
    return "24:00" if end == time() else f"{end:%H:%M}"


def _window(text: str) -> dict[str, time]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(text)
    start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
    start = time(start_hour, start_minute)
    end = time() if (end_hour, end_minute) == (24, 0) else time(end_hour, end_minute)
    if start == end and end_hour != 24:
        raise ValueError("an empty window")
    return {"start": start, "end": end}


def _read_zone(text: str) -> list[tuple[float, float]] | None:
    """Raises ValueError, with what is wrong in words that are not translated yet."""
    corners = [_corner(line.strip()) for line in text.splitlines() if line.strip()]
    flaw = flaw_of(corners) if corners else None
    if flaw is not None:
        raise ValueError(_FLAWS[flaw])
    return corners or None


def _corner(line: str) -> tuple[float, float]:
    found = _POINT.fullmatch(line)
    if found is None:
        raise ValueError(_NO_CORNER)
    x, y = (float(number) / 100 for number in found.groups())
    return x, y


def _what_is_wrong(error: ValidationError, speaker: Speaker) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else "username"  # a password without its user
        if item["type"].endswith("too_long"):
            wrong[name] = speaker.say(_TOO_LONG)
        elif name == "url" and item["type"] != "string_too_short":
            wrong[name] = speaker.choose(FAULT_TEXTS[StreamFault.BAD_URL])
        else:
            wrong[name] = speaker.say(_NEEDED)
    return wrong
