"""The one answer to what is not there and to what is another's: who asks does not learn which."""

from typing import TypeVar

from api.kit.problems import NotFound

_Row = TypeVar("_Row")


def or_not_found(row: _Row | None, what: str) -> _Row:
    """What a query gave that starts from who asks. Raises NotFound."""
    if row is None:
        raise not_found(what)
    return row


def not_found(what: str) -> NotFound:
    return NotFound(f"There is no such {what}, or it is not yours to see.")
