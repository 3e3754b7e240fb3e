import re
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from api.cameras.zones import FEWEST, MOST, ZoneFlaw, flaw_of
from api.places.schemas import Id
from contract.base import Name
from contract.cameras import LONGEST_URL, Hours, Point
from contract.catalogue import AreaKind, Post
from contract.edges import StreamFault

# Some makers put the login into the path: rtsp://host/user=admin&password=x&channel=1
SECRET_FIELD = re.compile(r"(?i)\b(passw(?:or)?d|pwd|token|auth)=[^&]+")


def is_torn_address(host: str) -> bool:
    """Whether it is an IPv4 address with a number missing, too large or with a zero before it. To the C library 192.168.1 is
    192.168.0.1, mostly the router, and 192.168.1.064 is 192.168.1.52: the password would go to another machine."""
    if re.fullmatch(r"[0-9.]+", host) is None:
        return False
    try:
        IPv4Address(host)
    except ValueError:
        return True
    return False


def _without_credentials(url: str) -> str:
    """The message never repeats the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        hostname, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("The address is not a URL. Enter it as rtsp://host:554/path.") from None
    if parts.scheme in ("rtsp", "rtsps"):
        # Anywhere: a password with a slash ends up in what looks like the path.
        if "@" in url:
            raise ValueError("Enter user name and password in their own fields; write an @ of the path as %40.")
        if SECRET_FIELD.search(url):
            words = "The password stands in the path of this address, where it cannot be encrypted. Use an address without it"
            raise ValueError(f"{words}, and enter user name and password in their own fields.")
        if not url.isprintable() or " " in url:
            raise ValueError("The address holds a space or a control character.")
        if not hostname:
            raise ValueError("The address names no host. Enter it as rtsp://host:554/path.")
        if is_torn_address(hostname):
            raise ValueError("An IP address has four numbers from 0 to 255 without a zero before them, such as 192.168.1.64.")
    elif parts.scheme not in ("", "file"):
        raise ValueError("Enter an address that begins with rtsp://, the path of a file, or /dev/videoN.")
    return url


CameraUrl = Annotated[
    str, Field(min_length=1, max_length=LONGEST_URL, description="without user and password"),
    AfterValidator(_without_credentials),
]


class CameraIn(BaseModel):
    """`password`: left out keeps the one that is stored; null removes it. It is never given out again."""

    # An address that was refused may hold a password.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    area_id: Id
    edge_id: Id | None = Field(None, description="without one, the only edge of the shop, if it has one")
    name: Name
    url: CameraUrl
    username: Annotated[str, Field(max_length=200)] | None = None
    password: Annotated[SecretStr, Field(max_length=200)] | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    zone: Annotated[list[Point], Field(min_length=FEWEST, max_length=MOST)] | None = None
    hours: Annotated[list[Hours], Field(min_length=1, max_length=20)] | None = None
    posts: frozenset[Post] = frozenset()
    interval_s: float = Field(1.0, gt=0, le=3600)
    enabled: bool = True

    @field_validator("zone")
    @classmethod
    def _is_a_polygon(cls, zone: list[Point] | None) -> list[Point] | None:
        match flaw_of(zone) if zone is not None else None:
            case ZoneFlaw.CROSSING:
                raise ValueError("Sides of the zone cross or touch. Put the corners in the order in which they lie around it.")
            case ZoneFlaw.TOO_SMALL:
                raise ValueError("The zone is smaller than a person. Draw it larger.")
        return zone

    @model_validator(mode="after")
    def _password_belongs_to_a_user(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("A password needs a user name.")
        return self


class CameraState(StrEnum):
    LOOKING = "looking"
    CANNOT_LOOK = "cannot_look"
    NO_NEWS = "no_news"  # its edge is silent
    NOT_STARTED = "not_started"  # no edge, or nothing told yet
    OFF = "off"


class CameraOut(BaseModel):
    id: str
    name: str
    shop_id: str
    shop_name: str
    area_id: str
    area: AreaKind
    area_name: str
    edge_id: str | None
    edge_name: str | None
    url: str | None = Field(description="null for other systems' programs, as is the user name")
    username: str | None
    has_password: bool
    transport: str
    zone: list[Point] | None
    hours: list[Hours] | None
    posts: list[Post]
    interval_s: float
    enabled: bool
    version: int
    state: CameraState
    fault: StreamFault | None
    last_minute: datetime | None
    last_looked_at: datetime | None
    looks_last_5_minutes: int
    width: int | None
    height: int | None


class Cameras(BaseModel):
    items: list[CameraOut]
    next: str | None = Field(description="cursor of the next page")


class MinuteOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    minute: datetime
    looks: int
    fault: StreamFault | None


class Minutes(BaseModel):
    items: list[MinuteOut]
