"""The application: every noun's endpoints under /api/v1, the console's pages, and what holds for all of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.routing import BaseRoute

from api.accounts.dependencies import centre_of
from api.accounts.endpoints import own as account
from api.accounts.endpoints import router as accounts
from api.alarms.endpoints import router as alarms
from api.answers.endpoints import router as answers
from api.answers.service import MOST_PHOTOGRAPHS
from api.audit.chainer import chain_all
from api.audit.endpoints import router as audit
from api.cameras.endpoints import protocol as camera_protocol
from api.cameras.endpoints import router as cameras
from api.cases.endpoints import router as cases
from api.cases.timekeeper import catch_up
from api.centre import Centre
from api.clients.endpoints import describe_server, oauth
from api.clients.endpoints import router as clients
from api.clients.scopes import OPERATIONS, SUMMARIES
from api.console.csrf import FormGuard
from api.console.pages import mount as mount_console
from api.console.pages import router as pages
from api.deliveries.deletion import forget_old as forget_messages
from api.deliveries.dispatcher import delivering
from api.deliveries.endpoints import router as deliveries
from api.deliveries.events import described_webhooks
from api.edges.endpoints import protocol as edge_protocol
from api.edges.endpoints import router as edges
from api.evidence.deletion import in_rounds
from api.evidence.edge_endpoints import protocol as evidence_protocol
from api.evidence.endpoints import linked
from api.evidence.endpoints import router as evidence
from api.evidence.export_endpoints import router as evidence_exports
from api.evidence.keeping_endpoints import router as evidence_keeping
from api.evidence.missing_files import tell_missing
from api.evidence.unknown_files import LOOK_EVERY_S, remove_unknown
from api.feed.endpoints import router as feed
from api.feed.publisher import PUBLISHED_EVERY_S, forget_old, publish_all
from api.kit import problems
from api.kit.database import read_something
from api.kit.middleware import Guard
from api.kit.problems import ProblemDocument, TooManyRequests, documented
from api.kit.repeating import repeating
from api.kit.room import LOOK_EVERY_S as LOOK_AT_ROOM_EVERY_S
from api.kit.room import Room
from api.kit.settings import Settings
from api.kit.work import Reading
from api.links.deletion import forget_old as forget_links
from api.notices.endpoints import router as notices
from api.places.endpoints import router as places
from api.public.endpoints import router as public
from api.public.rounds import measure_all
from api.statistics.endpoints import router as statistics
from api.trials import errands
from api.trials.endpoints import protocol as trial_protocol
from contract.edges import LATEST_BYTES
from contract.evidence import LARGEST_CLIP, SealedClip, SealedManifest

PREFIX = "/api/v1"
# In this order an address is looked for: what edges send first.
ROUTERS = (
    evidence_protocol, edge_protocol, camera_protocol, trial_protocol, accounts, account, answers, cases, notices, evidence,
    evidence_exports, evidence_keeping, places, cameras, edges, deliveries, feed, audit, clients, statistics, linked, oauth,
    alarms, public,
)


@cache
def _routes() -> list[BaseRoute]:
    """Of the API and the pages. One list for all applications of a process: what FastAPI makes of a route at the first request
    to it takes milliseconds, a quarter of a second for all, and nothing of it is about one application."""
    everything = APIRouter()
    for router in ROUTERS:
        everything.include_router(router, prefix=PREFIX)
    everything.include_router(pages)
    return everything.routes


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application of its own; `app.state.centre` holds what lives as long as it does."""
    centre = Centre(settings if settings is not None else Settings())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        every = centre.settings
        async with (
            repeating(centre.look_at_room, LOOK_AT_ROOM_EVERY_S, "the room on the disk could not be looked at; trying again"),
            repeating(partial(chain_all, centre), every.audit_chained_every_s, "the audit could not be chained; trying again"),
            repeating(partial(catch_up, centre), every.clock_every_s, "deadlines could not be looked at; trying again"),
            repeating(in_rounds(centre), every.retention_every_s, "evidence could not be deleted; trying again"),
            repeating(in_rounds(centre, remove_unknown), LOOK_EVERY_S, "the files of evidence could not be looked through"),
            repeating(partial(tell_missing, centre), LOOK_EVERY_S, "missing files of evidence could not be looked for"),
            repeating(partial(publish_all, centre), PUBLISHED_EVERY_S, "events could not be published; trying again"),
            repeating(partial(measure_all, centre), every.status_every_s, "shops could not be counted anew; trying again"),
            repeating(partial(forget_old, centre), every.retention_every_s, "old events could not be deleted; trying again"),
            repeating(in_rounds(centre, forget_messages), every.retention_every_s, "old messages could not be deleted"),
            repeating(in_rounds(centre, forget_links), every.retention_every_s, "old links could not be deleted"),
            repeating(partial(errands.ring_for_all, centre), errands.LOOK_EVERY_S, "cameras to try could not be looked for"),
            repeating(partial(errands.forget_old, centre), errands.FORGET_EVERY_S, "old attempts could not be deleted"),
            delivering(centre),
        ):
            yield
        await centre.close()

    app = FastAPI(
        title="Sunshine Kitchen centre", version="1", openapi_url=f"{PREFIX}/openapi.json", lifespan=lifespan,
        summary="Edges report violations with sealed evidence; people decide about them.",
        # The interactive pages load scripts from elsewhere; nothing of ours leaves the machine.
        docs_url=None, redoc_url=None, routes=_routes(), webhooks=described_webhooks(),
    )
    app.state.centre = centre
    app.add_api_route(
        "/healthz", healthz, operation_id="get_health", tags=["health"], responses=documented(),
        summary="Whether the centre answers, can read its database, and has room on its disk",
    )
    app.add_api_route("/.well-known/oauth-authorization-server", describe_server, include_in_schema=False)
    mount_console(app)
    problems.install(app)
    app.add_middleware(FormGuard)
    app.add_middleware(Guard, uploads=_uploads(centre.settings))
    _describe_with_shared_schemas(app)
    return app


def _uploads(settings: Settings) -> dict[str, int]:
    """Which addresses take larger bodies than others, or only smaller ones, as patterns, and how large."""
    photographs = MOST_PHOTOGRAPHS * settings.picture_bytes + 1_000_000
    return {
        f"{PREFIX}/edge/violations": settings.upload_bytes,
        f"{PREFIX}/alarms": settings.alarm_bytes,
        f"{PREFIX}/edge/pictures": LATEST_BYTES * 4 // 3 + 10_000,
        f"{PREFIX}/edge/clips": LARGEST_CLIP + 2_000_000,
        rf"{PREFIX}/cases/\d+/answers": photographs,
        r"/cases/\d+/answer": photographs,
        r"/n/[^/]+/answer": photographs,
    }


async def healthz(request: Request, work: Reading) -> JSONResponse:
    """For proxies and monitoring. Where it is 503, `detail` says in words what is wrong."""
    try:
        await read_something(work)
    except DBAPIError as error:
        raise problems.from_database(error) or problems.Unavailable("The database cannot be read, or is none of ours.") from error
    if centre_of(request).room is Room.NONE:
        raise problems.Unavailable(problems.DISK_FULL)
    return JSONResponse({"status": "ok"})


def _describe_with_shared_schemas(app: FastAPI) -> None:
    """Add what is referred to by hand: problems, the manifest inside a multipart body, and what tokens open."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (ProblemDocument, SealedManifest, SealedClip):
            if model.__name__ not in schemas:
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update({name: part for name, part in schema.pop("$defs", {}).items() if name not in schemas})
                schemas[model.__name__] = schema
        schemes = document["components"].setdefault("securitySchemes", {})
        if "oauth" not in schemes:  # the document is made once and given out again
            schemes["oauth"] = _oauth()
            for operation in (operation for item in document["paths"].values() for operation in item.values()):
                ways = [{"oauth": [scope]} for scope in OPERATIONS.get(operation["operationId"], ())]
                if ways or operation.get("security"):
                    operation["responses"].setdefault("429", documented(TooManyRequests)[429])
                if ways:
                    operation["security"] = [*operation.get("security", []), *ways]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _oauth() -> dict[str, Any]:
    scopes = {scope.value: words for scope, words in SUMMARIES.items()}
    token = {"tokenUrl": f"{PREFIX}/oauth/token", "refreshUrl": f"{PREFIX}/oauth/token", "scopes": scopes}
    flows = {"clientCredentials": token, "authorizationCode": {**token, "authorizationUrl": "/oauth/authorize"}}
    return {"type": "oauth2", "flows": flows}
