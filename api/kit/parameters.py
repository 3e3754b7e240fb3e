"""Query and header parameters that several endpoints share."""

from typing import Annotated

from fastapi import Header, Query

from api.kit.problems import Invalid, VersionMissing

Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
IfMatch = Annotated[str | None, Header(max_length=60, description="the ETag of what the act is based on")]


def etag(version: int) -> str:
    return f'"{version}"'


def version_of(if_match: str | None) -> int:
    """The version that an If-Match header names. Raises VersionMissing."""
    if if_match is None:
        raise VersionMissing("Send If-Match with the ETag of what you saw, so that nobody's act is overwritten unseen.")
    # What stands after the dot is of the whole answer; a proxy that compresses may have made the tag a weak one.
    number = if_match.strip().removeprefix("W/").strip('"').partition(".")[0]
    if not number.isdecimal() or len(number) > 9:
        raise Invalid("If-Match is not an ETag that this address gave out.")
    return int(number)


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the ETag (RFC 9110, 13.1.2)."""
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    return tag in known or "*" in known
