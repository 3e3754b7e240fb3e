"""Requests that nobody thought of, made from the OpenAPI document: whatever is asked, no answer is a 5xx or undocumented."""

import asyncio
import copy
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.app import create_app
from api.kit.settings import Settings
from api.migrations import upgrade
from tests.api.world import World

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]
START_S = 60
ANSWER_S = 60
CREDIT_CODE = "91510104MA6CA0000H"
# They would end the session that all others go on with, or take away what they ask about.
OF_NOBODY = frozenset({"logout"})
OF_NOTHING = frozenset({"revoke_edge", "delete_evidence_of_case"})


@dataclass(frozen=True)
class FuzzedCentre:
    """A running centre with a shop and everything in it, a chief's session who is administrator too, a box's token, and ids."""

    url: str
    cookie: str
    token: str
    ids: dict[str, str]
    operations: dict[str, APIOperation[Any, Any, Any, Any]]


@contextmanager
def fuzzed_centre(folder: Path) -> Iterator[FuzzedCentre]:
    # No message leaves this machine, no stream stays open.
    given_settings = Settings(
        data=folder, stream_s=0.05, wecom_url="http://127.0.0.1:1", delivery_timeout_s=1, person_requests_per_minute=1_000_000
    )
    cookie, token, ids = asyncio.run(_settle(given_settings))
    app = create_app(given_settings)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        schema = schemathesis.openapi.from_dict(_without_security(app.openapi()))
        operations = {}
        for result in schema.get_all_operations():
            operation: APIOperation[Any, Any, Any, Any] = result.ok()  # type: ignore[union-attr]
            operations[operation.definition.raw["operationId"]] = operation
        yield FuzzedCentre(f"http://127.0.0.1:{listener.getsockname()[1]}", cookie, token, ids, operations)
    finally:
        server.should_exit = True
        thread.join(START_S)
        listener.close()


def fuzz(centre: FuzzedCentre, operation_id: str, examples: int, *, derandomize: bool) -> None:
    """Half of the requests have the form that the document asks for, half break it; half name what is there. Raises what
    schemathesis finds, with a command that asks the same again."""
    operation = centre.operations[operation_id]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

    @settings(
        max_examples=examples, deadline=None, derandomize=derandomize, database=None,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_known=st.booleans())
    def ask(case: Case[Any], is_known: bool) -> None:
        if is_known and operation_id not in OF_NOTHING:
            names = set(case.path_parameters or {}) & set(centre.ids)
            case.path_parameters.update({name: centre.ids[name] for name in names})
        with requests.Session() as session:
            if operation_id not in OF_NOBODY:
                session.cookies.set(COOKIE, centre.cookie)
            headers = {"Authorization": f"Bearer {centre.token}"} if operation_id == "report_alarm" else None
            response = case.call(base_url=centre.url, session=session, headers=headers, timeout=ANSWER_S)
        case.validate_response(response, checks=CHECKS)

    ask()


def _without_security(document: dict[str, Any]) -> dict[str, Any]:
    """Every request is signed in: credentials that are made up would be refused before anything is read."""
    open_document = copy.deepcopy(document)
    open_document["components"].pop("securitySchemes", None)
    for path in open_document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    return open_document


async def _settle(given_settings: Settings) -> tuple[str, str, dict[str, str]]:
    app = create_app(given_settings)
    world = World(app)
    await upgrade(world.centre.database)
    place = await world.place(credit_code=CREDIT_CODE)
    box = await world.edge(place)
    chief = await world.person(Role.CHIEF, is_admin=True)
    target = await chief.post(
        "/api/v1/targets",
        json={"name": "Chat", "channel": "wecom", "audience": "authority", "token": "key", "events": ["case.opened"]},
    )
    case_id = await world.case(place, box)
    case = (await chief.get(f"/api/v1/cases/{case_id}")).json()
    alarm_box = await world.alarm_box(place)
    deliveries = (await chief.get("/api/v1/deliveries")).json()["items"]
    ids = {
        "district_id": place.district_id, "shop_id": place.shop_id, "area_id": place.area_id, "camera_id": place.camera_id,
        "edge_id": box.id, "case_id": str(case_id), "violation_id": case["evidence"][0]["violation_id"],
        "target_id": target.json()["id"], "delivery_id": str(deliveries[0]["id"]), "credit_code": CREDIT_CODE,
    }
    cookie = chief.cookies[COOKIE]
    for client in world.clients:
        await client.aclose()
    await world.centre.close()
    return cookie, alarm_box.token, ids
