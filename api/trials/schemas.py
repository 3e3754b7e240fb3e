from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from api.cameras.makers import MOST_CHANNELS
from api.cameras.schemas import CameraUrl
from api.places.schemas import Id
from contract.cameras import LONGEST_URL
from contract.catalogue import AreaKind
from contract.trials import MOST_URLS


class TrialIn(BaseModel):
    """`maker`, `address`, `channel` and `is_sub` are kept as they were filled in; `urls` is what they mean.

    Without `password`, that of the trial `again` is used, where host, port, user and edge are the same.
    """

    # An address that was refused may hold a password.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    shop_id: Id
    edge_id: Id | None = None
    maker: Annotated[str, Field(max_length=40)]
    address: Annotated[str, Field(max_length=LONGEST_URL)]
    channel: Annotated[int, Field(ge=1, le=MOST_CHANNELS)] = 1
    is_sub: bool = False
    urls: Annotated[list[CameraUrl], Field(min_length=1, max_length=MOST_URLS)]
    username: Annotated[str, Field(max_length=200)] | None = None
    password: Annotated[SecretStr, Field(max_length=200)] | None = None
    again: Id | None = None

    @field_validator("urls")
    @classmethod
    def _of_cameras(cls, urls: list[str]) -> list[str]:
        if any(urlsplit(url).scheme not in ("rtsp", "rtsps") for url in urls):
            raise ValueError("Enter an address that begins with rtsp:// or rtsps://.")
        return urls


class ForbiddenPlace(StrEnum):
    """Where no camera is added: 公共安全视频图像信息系统管理条例 art. 8, and for dining areas PIPL art. 26."""

    CHANGING_ROOM = "changing_room"
    TOILET = "toilet"
    RESTING_ROOM = "resting_room"
    DINING = "dining"


# What a picture may show: all kinds of area but the one for guests.
ALLOWED_KINDS = tuple(kind for kind in AreaKind if kind is not AreaKind.DINING)
