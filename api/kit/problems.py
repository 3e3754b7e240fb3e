"""Every error that a caller can cause, as an RFC 9457 problem document.

    Problem
    ├── BadRequest 400         a header that every such request needs is missing
    ├── Invalid 422            the request cannot be used
    ├── Unauthenticated 401    nobody is signed in, or the edge proves nothing
    ├── Forbidden 403          signed in, but not allowed
    ├── NotFound 404           not there, or not yours: the same answer
    ├── Conflict 409           contradicts what is there
    ├── Gone 410               was there, and is over
    ├── VersionConflict 412    somebody else acted first
    ├── VersionMissing 428     an act without the version that it is based on
    ├── TooLarge 413
    ├── LengthMissing 411
    ├── TooManyRequests 429
    ├── Unavailable 503        passes by itself: try again
    │   └── KeyMissing 503     an operator has to put it back
    └── StorageFull 507

Domain errors are subclasses beside their service.
"""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pydantic_core import PydanticSerializationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from api.kit.headers import SECURITY_HEADERS
from api.kit.secrets import KeyringError

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
# Of addresses, where nobody of ours was asked.
_UNKNOWN = {
    404: "There is no such address. /api/v1/openapi.json describes all that there are.",
    405: "This address is not asked in this way. The Allow header names the methods that it knows.",
}
_NOT_KEPT = "A value of the request cannot be stored: it holds a forbidden character, or is too long or too large."
# Of PostgreSQL: a foreign key that leads nowhere any more, and what is there only once. Each was looked up before.
_AT_ONCE = ("23503", "23505")
DISK_FULL = "The disk of the centre is full. Make room in the data folder, then send this again."


class FieldProblem(BaseModel):
    field: str
    message: str


class Change(BaseModel):
    """What somebody else did meanwhile."""

    at: datetime
    who: str
    what: str
    note: str | None


class ProblemDocument(BaseModel):
    """RFC 9457. `code` is stable and made for programs, `detail` for people. `errors` and `changes` are left out where there are
    none."""

    type: str = Field(examples=["urn:sunshine:problem:not-found"])
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None
    changes: list[Change] | None = None


class Problem(Exception):
    status: int = 500
    code: str = "internal"
    retry_after_s: int | None = None

    def __init__(self, detail: str, *, errors: Sequence[FieldProblem] | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors) if errors else None
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s

    def document(self) -> ProblemDocument:
        title = HTTPStatus(self.status).phrase
        return ProblemDocument(
            type=f"urn:sunshine:problem:{self.code}", title=title, status=self.status, detail=self.detail,
            code=self.code, errors=self.errors,
        )

    def headers(self) -> dict[str, str]:
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}

    def response(self) -> Response:
        document = self.document()
        left_out = {name for name in ("errors", "changes") if getattr(document, name) is None}
        content = document.model_dump(mode="json", exclude=left_out)
        return JSONResponse(content, self.status, self.headers(), media_type=MEDIA_TYPE)


class BadRequest(Problem):
    status, code = 400, "bad-request"


class Invalid(Problem):
    status, code = 422, "invalid"


class InvalidField(Invalid):
    """`errors` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, errors=[FieldProblem(field=field, message=message)])
        self.field = field


class Unauthenticated(Problem):
    status, code = 401, "unauthenticated"


class Forbidden(Problem):
    status, code = 403, "forbidden"


class FromAnotherSite(Forbidden):
    code = "from-another-site"


class NotFound(Problem):
    status, code = 404, "not-found"


class Conflict(Problem):
    status, code = 409, "conflict"


class Gone(Problem):
    status, code = 410, "gone"


class VersionConflict(Problem):
    """`changes` tells what others did since the version that was named, where that is known."""

    status, code = 412, "version-conflict"

    def __init__(self, detail: str, *, changes: Sequence[Change] = ()) -> None:
        super().__init__(detail)
        self.changes = list(changes)

    def document(self) -> ProblemDocument:
        return super().document().model_copy(update={"changes": self.changes or None})


class VersionMissing(Problem):
    status, code = 428, "version-missing"


class TooLarge(Problem):
    status, code = 413, "too-large"


class LengthMissing(Problem):
    status, code = 411, "length-missing"


class TooManyRequests(Problem):
    status, code = 429, "too-many-requests"


class Unavailable(Problem):
    status, code, retry_after_s = 503, "unavailable", 5


class KeyMissing(Unavailable):
    """Passes once an operator has put the key back; an edge keeps its evidence meanwhile."""

    code, retry_after_s = "key-missing", 60

    def __init__(self) -> None:
        super().__init__(
            "A key that protects stored secrets is missing. Whoever runs the centre puts the old keys.json back, or the old key "
            "into SUNSHINE_KEYS, and starts it again."
        )


class StorageFull(Problem):
    # Long enough for somebody to make room; an edge keeps its evidence meanwhile.
    status, code, retry_after_s = 507, "storage-full", 60


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an endpoint: what it can answer besides its result, and besides what any endpoint can."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    possible: list[type[Problem]] = [*problems, Invalid, TooLarge, LengthMissing, Unavailable, StorageFull]
    statuses = sorted({problem.status for problem in possible})
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def from_database(error: DBAPIError) -> Problem | None:
    """What passes by itself or needs an operator; None for an error of ours."""
    text = str(error.orig).lower()
    if "shared memory segment" in text:  # "could not resize ...: No space left on device", which no disk lacks
        return Unavailable("The database has too little shared memory. Whoever runs it gives its container more: shm_size 256mb.")
    if "disk is full" in text or "no space left" in text or "could not extend file" in text:
        return StorageFull(DISK_FULL)
    if any(sign in text for sign in ("lock timeout", "statement timeout", "deadlock")):  # in PostgreSQL's words
        return Unavailable("The database is busy. Try again in a few seconds.")
    if "locked" in text or "busy" in text:
        return Unavailable("The database is busy with another program. Try again in a few seconds.")
    if getattr(error.orig, "sqlstate", None) in _AT_ONCE:
        return Unavailable("Something that this names was added or deleted at the same moment. Try again in a few seconds.")
    if isinstance(error, DataError):
        return Invalid(_NOT_KEPT)
    if isinstance(error, OperationalError):
        return Unavailable("The database does not answer. Try again in a few seconds.")
    return None


async def answer(request: Request, problem: Problem) -> Response:
    """The problem document; `app.state.problem_page`, if set, may render a page for a browser instead."""
    page = getattr(request.app.state, "problem_page", None)
    if page is not None and not request.url.path.startswith("/api/"):
        response: Response | None = await page(request, problem)
        if response is not None:
            return response
    return problem.response()


def _field(where: Sequence[int | str]) -> str:
    """Without pydantic's own names of what a field may be, as `str-enum[Reason]`."""
    return ".".join(str(part) for part in where if not str(part).endswith("]"))


def _methods_of(request: Request) -> str:
    """What its address knows: Starlette names those of one route alone, and an address may have several."""
    routes, asked = request.app.routes, request.scope
    known = [
        method for method in ("GET", "POST", "PUT", "DELETE")
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(known).replace("GET", "GET, HEAD")


def install(app: FastAPI) -> None:
    """Render every error."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return await answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        # The values are left out: one of them may be a password.
        errors = [FieldProblem(field=_field(item["loc"]), message=item["msg"]) for item in error.errors()]
        words = "The request does not have the form that this address needs; see errors."
        is_json = "json" in request.headers.get("content-type", "")
        if not is_json and any(item["loc"] == ("body",) for item in error.errors()):
            words = "This address takes JSON: send it with Content-Type: application/json, and {} where there is nothing to say."
        return await answer(request, Invalid(words, errors=errors))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        problem = Problem(_UNKNOWN.get(error.status_code) or f"{error.detail}.".replace("..", "."))
        if error.status_code == HTTPStatus.BAD_REQUEST:  # a body that Starlette cannot take apart; everywhere else that is a 422
            return await answer(request, Invalid(problem.detail))
        problem.status = error.status_code
        problem.code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        response = await answer(request, problem)
        for name, value in (error.headers or {}).items():
            response.headers[name] = _methods_of(request) if name == "Allow" else value
        return response

    @app.exception_handler(DBAPIError)
    async def _database(request: Request, error: DBAPIError) -> Response:
        problem = from_database(error)
        if problem is None or isinstance(error, IntegrityError):
            # Not the statement's parameters: they may hold personal data.
            log.error("database error", error=type(error.orig).__name__, statement=error.statement)
        if problem is None:
            problem = Problem("Something went wrong at the centre. It was logged.")
        return await answer(request, problem)

    @app.exception_handler(StatementError)
    async def _value(request: Request, error: StatementError) -> Response:
        if not isinstance(error.orig, OverflowError):
            raise error
        beyond = Invalid("A time or a number of the request is beyond any that can be kept. Name a nearer one.")
        return await answer(request, beyond)

    @app.exception_handler(UnicodeEncodeError)
    @app.exception_handler(PydanticSerializationError)
    async def _text(request: Request, error: ValueError) -> Response:
        if "surrogates not allowed" not in str(error):  # what JSON can write, and UTF-8 cannot
            raise error
        return await answer(request, Invalid(_NOT_KEPT))

    @app.exception_handler(KeyringError)
    async def _key(request: Request, error: KeyringError) -> Response:
        log.error("stored secrets cannot be read", cause=str(error))
        return await answer(request, KeyMissing())

    @app.exception_handler(PoolTimeout)
    async def _pool(request: Request, error: PoolTimeout) -> Response:
        return await answer(request, Unavailable("Too many requests at once. Try again in a few seconds."))

    @app.exception_handler(ClientDisconnect)
    async def _torn(request: Request, error: ClientDisconnect) -> Response:
        # Nobody but a proxy hears it; without it, each lost connection of an edge would be logged as an error of ours.
        return await answer(request, Unavailable("The connection broke off before the whole request had arrived. Send it again."))

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        # Answered outside of all middleware, so the headers that the guard sets are set here.
        response = await answer(request, Problem("Something went wrong at the centre. It was logged."))
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
