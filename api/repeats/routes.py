"""The routes of the API: a POST is carried out once per Idempotency-Key, and a GET that is known already is answered 304."""

import hashlib
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError

from api.accounts.actors import Actor
from api.accounts.dependencies import signed_in_or_none
from api.centre import Centre
from api.kit.database import Work
from api.kit.middleware import BODY_BYTES
from api.kit.parameters import is_known
from api.kit.problems import BadRequest, Conflict, FieldProblem, Invalid, documented
from api.repeats import service
from api.repeats.service import LONGEST_KEY, Answer, Reservation

Handler = Callable[[Request], Awaitable[Response]]
_KEPT_HEADERS = ("content-type", "etag", "location")
_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key", "in": "header", "required": True,
    "description": "a new UUID for each act; the same one for each repeat of it, which gets the first answer (for 24 hours)",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
}
_KNOWN: dict[str, Any] = {
    "name": "If-None-Match", "in": "header", "required": False,
    "description": "the ETag of what you have: 304 while it is the same",
    "schema": {"type": "string", "maxLength": 1000},
}


class ApiRoute(APIRoute):
    """For all addresses that are asked by who is signed in."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = options.get("methods") or ["GET"]
        self._act = "POST" in methods
        given = options.get("responses") or {}
        if self._act:
            options["responses"] = documented(BadRequest, Conflict) | given
        # A file has its own ETag, and tells so.
        has_tag = "GET" in methods and (304 in given or isinstance(options.get("response_class"), DefaultPlaceholder))
        if has_tag:
            options["responses"] = {304: {"description": "It is what If-None-Match names"}} | given
        if self._act or has_tag:
            extra = options.get("openapi_extra") or {}
            parameter = _KEY if self._act else _KNOWN
            options["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", []), parameter]}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        if self._act:
            return partial(_once, handler)
        if self.response_class is Response:  # a file, whose address may carry anything against a cache
            return partial(_unless_known, handler, None)
        asked = frozenset(field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, Query))
        return partial(_unless_known, handler, asked)


async def _unless_known(handler: Handler, asked: frozenset[str] | None, request: Request) -> Response:
    """With an ETag of the whole answer; one that the endpoint gave, the version of the thing, stands before it. Raises Invalid
    for what is asked by a name that is not among `asked`: a filter that was passed over would open everything."""
    if request.method == "GET" and asked is not None:
        await _check_query(request, asked)
    response = await handler(request)
    is_json = response.headers.get("content-type") == "application/json"
    is_file = "accept-ranges" in response.headers  # which has its own
    if request.method != "GET" or response.status_code != 200 or not is_json or is_file:
        return response
    digest = hashlib.sha256(response.body).hexdigest()[:16]
    version = response.headers.get("etag", "").strip('"')
    tag = response.headers["ETag"] = f'"{version}.{digest}"' if version else f'"{digest}"'
    if is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag})
    return response


async def _check_query(request: Request, asked: frozenset[str]) -> None:
    counts = Counter(name for name, _ in request.query_params.multi_items())
    known = ", ".join(sorted(asked)) or "none"
    wrong = [
        FieldProblem(field=f"query.{name}", message="Give it once." if name in asked else f"Known here: {known}.")
        for name, count in counts.items()
        if name not in asked or count > 1
    ]
    if wrong:
        await signed_in_or_none(request)  # it counts like any other request
        raise Invalid("The query has a parameter that this address does not know, or one twice; see errors.", errors=wrong)


async def _once(handler: Handler, request: Request) -> Response:
    actor = await signed_in_or_none(request)
    if actor is None:
        return await handler(request)  # which says so
    with body_of(request, actor.id):
        return await _once_as(actor, handler, request)


@contextmanager
def body_of(request: Request, sender: str) -> Iterator[None]:
    """While it is read and lies in memory. Raises TooManyRequests where too many large ones of this sender do."""
    centre: Centre = request.app.state.centre
    is_large = int(request.headers.get("content-length", "0")) > BODY_BYTES
    with centre.large_bodies.one_more(sender) if is_large else nullcontext():
        yield


async def _once_as(actor: Actor, handler: Handler, request: Request) -> Response:
    centre: Centre = request.app.state.centre
    key = service.key_of(actor, request.headers.get("idempotency-key"))
    digest = await _digest(request)
    async with centre.database.writing() as work:
        reservation = await service.reserve(work, centre.keyring, key, digest, centre.clock())
    if reservation.answer is not None:
        known = reservation.answer
        return Response(known.body, known.status, known.headers | {"Idempotency-Replayed": "true"})
    try:
        response = await handler(request)
        await _keep(centre, request, reservation, response)
    except Exception:
        # A busy database is no reason to tell another error; the key is free again a minute later.
        with suppress(DBAPIError):
            await _release(centre, request, reservation)
        raise
    return response


async def _keep(centre: Centre, request: Request, reservation: Reservation, response: Response) -> None:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    answer = Answer(response.status_code, headers, bytes(response.body).decode())
    work = _work_of(request)
    if work is not None:  # it is committed with what it tells of
        await service.keep(work, centre.keyring, reservation, answer)
        return
    async with centre.database.writing() as own:
        await service.keep(own, centre.keyring, reservation, answer)


async def _release(centre: Centre, request: Request, reservation: Reservation) -> None:
    work = _work_of(request)
    if work is not None:  # it may hold the only right to write
        await work.rollback()
    async with centre.database.writing() as own:
        await service.release(own, reservation)


def _work_of(request: Request) -> Work | None:
    work: Work | None = getattr(request.state, "writing", None)
    return work


async def _digest(request: Request) -> str:
    body = await request.body()
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is not None:  # another one in each try
        body = body.replace(boundary[1].encode("latin-1"), b"")
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(body)
    return digest.hexdigest()
