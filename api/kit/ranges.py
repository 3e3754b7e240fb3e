"""Files over HTTP: a part of one (RFC 9110, 14), one that is known already, and how long it may be kept."""

import re
from typing import Any

from fastapi import Request, Response

from api.kit.parameters import is_known
from api.kit.problems import Problem, documented

# Kept where it was shown, and shown again only after asking: who may see it, and that they looked, holds each time, and on a slow
# network the picture need not come twice. Only for what shows no face.
ASKED_EACH_TIME = "private, no-cache"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NoSuchRange(Problem):
    status, code = 416, "no-such-range"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes; ask for a part of these.")
        self.size = size

    def headers(self) -> dict[str, str]:
        return {"Content-Range": f"bytes */{self.size}"}


PARTS_OF_FILES: dict[int | str, dict[str, Any]] = {
    206: {"description": "The part that Range asks for"}, 304: {"description": "It is what If-None-Match names"},
    416: documented(NoSuchRange)[416],
}


def file_response(request: Request, content: bytes, media_type: str, sha256: str, cache: str | None = None) -> Response:
    """All of it, or the one range that is asked for; several at once are answered with all of it. Raises NoSuchRange."""
    headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"} | ({"Cache-Control": cache} if cache else {})
    if is_known(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    wanted = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    condition = request.headers.get("if-range", headers["ETag"])
    if wanted is None or wanted[0] == "bytes=-" or condition != headers["ETag"]:
        return Response(content, media_type=media_type, headers=headers)
    size = len(content)
    if wanted[1]:
        start, end = int(wanted[1]), min(int(wanted[2]) if wanted[2] else size - 1, size - 1)
    else:
        start, end = max(0, size - int(wanted[2])), size - 1
    if start > end:
        raise NoSuchRange(size)
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(content[start : end + 1], 206, headers, media_type)
