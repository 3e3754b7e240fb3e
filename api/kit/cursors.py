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
    # Which list, with which filters. None for the pages, whose links nobody puts together by hand, and in cursors that programs
    # were given before 2026-11-27, which hold for as long as they keep them.
    of: Annotated[str | None, Field(max_length=16)] = None
    # What only the entry with this id has, where an id may be given anew.
    mark: Annotated[int | None, Field(ge=0, lt=2**63)] = None


def encode_cursor(after: int | str, of: str | None = None, mark: int | None = None) -> str:
    position = Position(after=after, of=of, mark=mark)
    return base64url.encode(position.model_dump_json(exclude_none=True).encode())


def decode_number(cursor: str | None, of: str | None = None) -> int | None:
    """Raises BadCursor."""
    position = decode_position(cursor, of)
    if position is None:
        return None
    if isinstance(position.after, str):
        raise _of_another_list()
    return position.after


def decode_text(cursor: str | None, of: str | None = None) -> str | None:
    """Raises BadCursor."""
    position = decode_position(cursor, of)
    if position is None:
        return None
    if isinstance(position.after, int):
        raise _of_another_list()
    return position.after


def decode_position(cursor: str | None, of: str | None) -> Position | None:
    """Raises BadCursor: also for a cursor of another list, with which entries of this one would be passed over unseen."""
    if cursor is None:
        return None
    try:
        position = Position.model_validate_json(base64url.decode(cursor))
    except ValueError as error:
        raise BadCursor("The cursor is none that this list gave out. Start again without a cursor.") from error
    if position.of not in (None, of):
        raise _of_another_list()
    return position


def _of_another_list() -> BadCursor:
    return BadCursor(
        "The cursor is of another list, or of this one with other filters. Ask the address that gave it out, with the same "
        "filters as then; or start again without a cursor."
    )
