"""The pages of a list in keyset order."""

import hashlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request

from api.kit.cursors import decode_number, decode_text, encode_cursor
from api.kit.parameters import Cursor, Limit

# How far to go, and from where: what else is asked for says what is in the list.
_OF_THE_PAGE = ("cursor", "limit")


class Page:
    """Which page is asked for. A cursor goes on only in the list, and with the filters, that it came from."""

    def __init__(self, request: Request, cursor: Cursor = None, limit: Limit = 50) -> None:
        filters = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in _OF_THE_PAGE)
        self._of = hashlib.sha256(repr((request.url.path, filters)).encode()).hexdigest()[:8]
        self._cursor = cursor
        self.limit = limit

    @property
    def number(self) -> int | None:
        """After which id to go on, where ids are numbers. Raises BadCursor."""
        return decode_number(self._cursor, self._of)

    @property
    def text(self) -> str | None:
        """The same where they are texts. Raises BadCursor."""
        return decode_text(self._cursor, self._of)

    def following(self, ids: Sequence[int] | Sequence[str]) -> str | None:
        """The cursor of the next page, after one with these ids; None after the last."""
        return encode_cursor(ids[-1], self._of) if len(ids) == self.limit else None


Paged = Annotated[Page, Depends()]
