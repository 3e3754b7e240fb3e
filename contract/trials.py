"""Trying a camera before it is added: the centre asks, the shop's own edge opens the camera, and tells what it saw. Where its
address is not known, the edge looks for cameras first.

The password travels sealed to the edge's key, and the centre keeps it in no other form. No endpoint gives it out.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from contract.base import Box, Identifier, Wire
from contract.camera_hosts import is_local_address
from contract.cameras import LONGEST_URL
from contract.edges import Look, StreamFault

# Makers write addresses in different ways: so many are tried in turn at most.
MOST_URLS = 8
# Enough to see what the camera shows; about 100 kB as JPEG.
PICTURE_SIDE_PX = 960
PICTURE_BYTES = 700_000
# More than a shop has; an answer in a network that somebody floods stays small.
MOST_FOUND = 64
LONGEST_WORDS = 60


class TrialQuestion(Wire):
    """The body of POST /api/v1/edge/trials/next: what the edge can do. One of an older version sends none."""

    finds: bool = Field(False, description="it can look for cameras, and so takes a trial without `urls`")


class Trial(Wire):
    """The answer of POST /api/v1/edge/trials/next: a camera that the edge is to open, once; or to look which ones there are."""

    id: Identifier
    camera_id: Identifier = Field(description="what the camera will be called, and what the password is sealed for")
    urls: Annotated[list[str], Field(max_length=MOST_URLS)] = Field(
        description="rtsp:// or rtsps:// without user and password; tried in turn while the device has no such stream. None: "
        "look which cameras answer in the networks of the edge, and open none"
    )
    username: str | None = None
    password_sealed: str | None = Field(None, description="encrypted to the edge's own key; see contract.credentials")


class _Told(Wire):
    """What is written down as JSON: it knows no NaN."""

    model_config = ConfigDict(allow_inf_nan=False)


class SeenHand(_Told):
    box: Box
    glove: Literal["worn", "missing", "unknown"]


class SeenPerson(_Told):
    """What both stages of the model say of one person, or of a head or hand without one."""

    box: Box | None = None
    head: Box | None = None
    cap: Literal["worn", "missing", "unknown"] | None = None
    mask: Literal["worn", "missing", "wrong", "unknown"] | None = None
    smoking: Literal["yes", "no", "unknown"] | None = None
    hands: Annotated[list[SeenHand], Field(max_length=20)] = Field(default_factory=list)


class Sighting(_Told):
    """What came, of the last picture. Boxes are in pixels of the camera's own picture."""

    jpeg: str = Field(max_length=PICTURE_BYTES * 4 // 3 + 4, description="base64; smaller than the original, without faces")
    width: int = Field(gt=0, le=20_000, description="of the camera's own picture")
    height: int = Field(gt=0, le=20_000)
    codec: str = Field(max_length=40)
    fps: float | None = None
    key_interval_s: float | None = Field(None, description="seconds between key frames; null: only one came in `watched_s`")
    watched_s: float
    first_picture_s: float
    damaged: int = Field(0, ge=0, description="pictures that came in damaged and were thrown away")
    look: Look
    brightness: float = Field(ge=0, le=255, description="mean grey level")
    burnt: float = Field(ge=0, le=1, description="share of pixels of 250 and more")
    sharpness: float = Field(ge=0, description="variance of the Laplacian, of the picture in grey and 640 px wide")
    people: Annotated[list[SeenPerson], Field(max_length=100)]


def _local(address: str) -> str:
    if not is_local_address(address):
        raise ValueError("This is no IPv4 address of a private network.")
    return address


Words = Annotated[str, Field(max_length=LONGEST_WORDS)]


class FoundCamera(_Told):
    """What answered when the edge asked for cameras. All but the address is what the device says of itself."""

    address: Annotated[str, AfterValidator(_local)] = Field(description="IPv4, that the answer came from")
    name: Words = ""
    maker: Words = ""
    hardware: Words = ""


class TrialAnswer(Wire):
    """POST /api/v1/edge/trials/answers. A fault, or a sighting, or the cameras that were found."""

    trial_id: Identifier
    url: str = Field("", max_length=LONGEST_URL, description="the one of the trial's that the answer is about, if it has any")
    fault: StreamFault | None = None
    sighting: Sighting | None = None
    found: Annotated[list[FoundCamera], Field(max_length=MOST_FOUND)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [self.fault, self.sighting, self.found].count(None) != 2:
            raise ValueError("Tell either a fault, or a sighting, or what was found.")
        return self
