"""Opaque cursors for lists in keyset order. A cursor says only where to go on; what is visible is decided anew each time."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.kit import base64url
from api.kit.problems import Invalid


class BadCursor(Invalid):
    code = "bad-cursor"


class Position(BaseModel):
    """After which id to go on. An id is a number (64 bits) or a short text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    after: Annotated[int, Field(ge=0, lt=2**63)] | Annotated[str, Field(max_length=64)]


def encode_cursor(after: int | str) -> str:
    return base64url.encode(Position(after=after).model_dump_json().encode())


def decode_number(cursor: str | None) -> int | None:
    after = _decode(cursor)
    if isinstance(after, str):
        raise _bad()
    return after


def decode_text(cursor: str | None) -> str | None:
    after = _decode(cursor)
    if isinstance(after, int):
        raise _bad()
    return after


def _decode(cursor: str | None) -> int | str | None:
    if cursor is None:
        return None
    try:
        return Position.model_validate_json(base64url.decode(cursor)).after
    except ValueError as error:
        raise _bad() from error


def _bad() -> BadCursor:
    return BadCursor("The cursor is none that this list gave out. Start again without a cursor.")
