"""Every endpoint and page as every role: what it may do at home, and that a neighbour learns nothing.

The table is the one place that says what each address needs. An address that is missing here fails the test.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute, iter_route_contexts

from api.accounts.permissions import PERMISSIONS, Permission, Role
from api.accounts.tables import FurtherShop, Invitation, User
from api.cases.tables import MutedSpot
from api.deliveries.repository import list_targets
from api.kit.settings import Settings
from api.kit.times import now
from api.links.tables import CaseLink, LinkKind
from tests.api.acts import done
from tests.api.deliveries.browser import KEYS as BROWSER_KEYS
from tests.api.trials import seen_trial
from tests.api.world import HOUSE, Place, World, answer_notice

P = Permission
ANYBODY: frozenset[P] = frozenset()
SIGNED_IN = frozenset(P)
EDGE = "edge"
PUBLIC = "public"  # what stands in it of a shop, everybody may know
OWN = "own"  # of the person that it belongs to, who is never the one that asks here
OF_NO_PLACE = ("guide", "picture")  # named in an address, and everybody's
LINK = "link"  # its token is the proof: tests/api/deliveries/test_links.py


@dataclass(frozen=True)
class Row:
    """`needs` is any one of these permissions; `body` is sent as JSON to the API and as a form to a page. Words in braces are
    replaced by ids of the place that is asked about; the case is one that nobody has judged, or one with a notice."""

    address: str
    needs: frozenset[P] | str
    body: dict[str, Any] | None = None
    has_notice: bool = False

    @property
    def method(self) -> str:
        return self.address.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.address.partition(" ")[2]

    @property
    def names_a_place(self) -> bool:
        """A link opens its picture to anybody, and the guides are of no place."""
        values = [str(value) for value in (self.path, *(self.body or {}).values())]
        return any("{" in value and "{link}" not in value and not value.startswith("/help/") for value in values)


def row(address: str, *needs: P, **body: Any) -> Row:
    return Row(address, frozenset(needs), body or None)


def of_notice(address: str, *needs: P) -> Row:
    """Of a case with a notice."""
    return Row(address, frozenset(needs), None, True)


CAMERA = {"area_id": "{area_id}", "name": "New", "url": "rtsp://192.0.2.7/x"}
TRIAL = {"shop_id": "{shop_id}", "maker": "dahua", "address": "192.0.2.7", "username": "admin"}
TARGET = {"name": "New", "channel": "webhook", "audience": "authority", "events": ["case.opened"]}
TARGET_OF_SHOP = {**TARGET, "shop_id": "{shop_id}", "url": "https://example.org/hook"}
TARGET_OF_OWN_SHOP = {**TARGET_OF_SHOP, "shop_id": "{own_shop_id}"}
TARGET_PAGE = {**TARGET, "place": "shop:{shop_id}", "url": "https://example.org/hook", "enabled": "yes"}
CLIENT = {"name": "New", "scopes": ["cases:read"]}
CLIENT_OF_SHOP = {**CLIENT, "shop_ids": ["{shop_id}"]}
CITATION = "《餐饮服务食品安全操作规范》（2018）14.3.1.3"
BROWSER = {**BROWSER_KEYS, "name": "New", "endpoint": "https://push.example.org/1", "events": ["case.issued"]}
CREDIT_CODES = {"Homely": "91510104MA6CA0000H", "Foreign": "91510104MA6CA0000F"}
SHOP = {"district_id": "{district_id}", "name": "New"}
# Reads first, then acts, and last what takes something away.
TABLE = (
    Row("GET /healthz", ANYBODY),
    Row("GET /login", ANYBODY),
    Row("GET /api/v1/evidence-keys", ANYBODY),
    Row("GET /p/{shop_id}", PUBLIC),
    Row("GET /privacy", ANYBODY),
    Row("GET /privacy.png", ANYBODY),
    Row("GET /api/v1/badge-keys", ANYBODY),
    Row("POST /login/code", ANYBODY, {"ticket": "forged", "code": "123456"}),
    Row("GET /login/oidc", ANYBODY),
    Row("GET /login/oidc/back", ANYBODY),
    Row("GET /join/{token}", LINK),
    Row("POST /join/{token}/shop", LINK),
    Row("POST /join/{token}", LINK, {"login": "new", "password": "rice washed three times"}),
    Row("GET /n/practice", ANYBODY),
    Row("GET /n/{token}", LINK),
    Row("GET /n/{token}/picture.jpg", LINK),
    Row("GET /n/{token}/photographs/{photograph_id}", LINK),
    Row("GET /n/{token}/notice", LINK),
    Row("GET /n/{token}/answer.png", LINK),
    Row("POST /n/{token}/opened", LINK),
    Row("POST /n/{token}/received", LINK, {"version": "3"}),
    Row("POST /n/{token}/answer", LINK, {"act": "submit", "version": "3"}),
    Row("POST /n/{token}/own", LINK, {"who": "nobody"}),
    Row("POST /n/{token}/other", LINK, {"case": "1"}),
    *(Row(f"GET /n/{{token}}/{form}", LINK) for form in ("received", "answer", "own", "other")),
    Row("POST /login", ANYBODY, {"username": "nobody", "password": "x"}),
    Row("POST /api/v1/login", ANYBODY, {"login": "nobody", "password": "x"}),
    Row("POST /api/v1/edges/enroll", ANYBODY, {}),
    Row("POST /api/v1/oauth/token", ANYBODY, {}),
    Row("POST /api/v1/oauth/revoke", ANYBODY, {}),
    Row("GET /.well-known/oauth-authorization-server", ANYBODY),
    Row("GET /oauth/authorize", SIGNED_IN),
    Row("POST /oauth/authorize", SIGNED_IN, {}),
    Row("GET /api/v1/edge/config", EDGE),
    Row("POST /api/v1/edge/heartbeats", EDGE, {}),
    Row("POST /api/v1/edge/violations", EDGE, {}),
    Row("POST /api/v1/alarms", EDGE, {}),
    Row("POST /api/v1/edge/clips", EDGE, {}),
    Row("POST /api/v1/edge/pictures", EDGE, {}),
    Row("POST /api/v1/edge/trials/next", EDGE),
    Row("POST /api/v1/edge/trials/answers", EDGE, {}),
    Row("GET /api/v1/me", SIGNED_IN),
    Row("GET /api/v1/me/grants", SIGNED_IN),
    Row("DELETE /api/v1/me/grants/{client_id}", OWN),
    Row("GET /help", SIGNED_IN),
    Row("GET /help/{guide}", SIGNED_IN),
    Row("GET /help/pictures/{picture}", SIGNED_IN),
    Row("GET /account", SIGNED_IN),
    Row("GET /account/second-factor", SIGNED_IN),
    Row("POST /account/second-factor", SIGNED_IN, {"ticket": "forged"}),
    Row("POST /account/second-factor/off", SIGNED_IN, {"present": "x"}),
    Row("POST /account/password", SIGNED_IN, {"present": "x", "new": "x"}),
    Row("POST /account/sessions/end", SIGNED_IN),
    Row("POST /account/sessions/{session_id}/end", OWN),
    Row("POST /account/shops/{shop_id}/end", OWN),
    Row("POST /account/grants/{client_id}/end", OWN),
    row("GET /accounts", P.ACCOUNTS_WRITE),
    row("GET /invitations/new", P.ACCOUNTS_WRITE),
    row("POST /invitations/new", P.ACCOUNTS_WRITE, name="New", role="officer", place="district:{district_id}"),
    row("POST /invitations/{invitation_id}/withdraw", P.ACCOUNTS_WRITE),
    row("GET /accounts/{user_id}/post", P.ACCOUNTS_WRITE),
    row("POST /accounts/{user_id}/shops/{shop_id}/end", P.ACCOUNTS_WRITE),
    row("POST /accounts/{user_id}/post", P.ACCOUNTS_WRITE, name="New", role="officer", place="district:{district_id}"),
    row("POST /accounts/{user_id}/{change}", P.ACCOUNTS_WRITE),
    row("GET /api/v1/cases", P.CASES_READ),
    row("GET /api/v1/cases/{case_id}", P.CASES_READ),
    of_notice("GET /api/v1/cases/{case_id}/notice", P.CASES_READ),
    of_notice("GET /api/v1/cases/{case_id}/notice.pdf", P.CASES_READ),
    row("GET /api/v1/citations", P.EVIDENCE_READ),
    of_notice("GET /api/v1/photographs/{photograph_id}", P.EVIDENCE_READ, P.CASES_ANSWER),
    row("GET /api/v1/evidence/{violation_id}/{name}", P.EVIDENCE_READ),
    row("POST /api/v1/evidence/{violation_id}/links", P.EVIDENCE_READ, file="original.jpg", reason="Court."),
    Row("GET /api/v1/pictures/{link}", ANYBODY),
    row("GET /api/v1/statistics", P.CASES_READ),
    row("GET /api/v1/cases/{case_id}/holds", P.CASES_READ),
    row("GET /api/v1/cases/{case_id}/evidence", P.EVIDENCE_READ),
    row("GET /api/v1/cameras/{camera_id}/evidence-chain", P.EVIDENCE_READ),
    row("GET /api/v1/districts", P.PLACES_READ),
    row("GET /api/v1/shops", P.PLACES_READ),
    row("GET /api/v1/shops/{shop_id}", P.PLACES_READ),
    row("GET /api/v1/shops/{shop_id}/status", P.PLACES_READ),
    row("GET /api/v1/badges/{credit_code}", P.PLACES_READ),
    row("GET /shops/{shop_id}/status", P.PLACES_READ),
    row("GET /shops/{shop_id}/qr.png", P.PLACES_READ),
    row("GET /shops/{shop_id}/sign", P.PLACES_READ),
    row("GET /shops/{shop_id}/sign.pdf", P.PLACES_READ),
    row("GET /api/v1/areas", P.PLACES_READ),
    row("GET /api/v1/cameras", P.CAMERAS_READ),
    row("GET /api/v1/cameras/{camera_id}", P.CAMERAS_READ),
    row("GET /api/v1/cameras/{camera_id}/minutes", P.CAMERAS_READ),
    row("GET /api/v1/cameras/{camera_id}/picture", P.CAMERAS_READ),
    row("GET /api/v1/cameras/{camera_id}/muted-spots", P.EVIDENCE_READ),
    row("GET /api/v1/edges", P.EDGES_READ),
    row("GET /api/v1/audit", P.AUDIT_READ),
    row("GET /api/v1/audit/export", P.AUDIT_READ),
    row("GET /api/v1/events", P.CASES_READ),
    row("GET /api/v1/events/stream", P.CASES_READ),
    row("GET /api/v1/clients", P.CLIENTS_WRITE),
    row("GET /api/v1/clients/{client_id}", P.CLIENTS_WRITE),
    row("GET /api/v1/targets", P.DELIVERIES_READ),
    row("GET /api/v1/targets/{target_id}", P.DELIVERIES_READ),
    row("GET /api/v1/deliveries", P.DELIVERIES_READ),
    row("GET /api/v1/deliveries/{delivery_id}", P.DELIVERIES_READ),
    row("GET /", P.CASES_READ, P.CAMERAS_READ, P.EDGES_READ, P.PLACES_READ, P.AUDIT_READ),
    row("GET /review", P.CASES_JUDGE),
    row("GET /statistics?shop={shop_id}", P.STATISTICS_READ),
    row("GET /statistics.csv?shop={shop_id}", P.STATISTICS_READ),
    row("GET /statistics.xlsx?shop={shop_id}", P.STATISTICS_READ),
    row("GET /statistics/month?shop={shop_id}", P.STATISTICS_READ),
    row("GET /wall", P.STATISTICS_READ),
    row("GET /wall/part", P.STATISTICS_READ),
    row("GET /cases", P.CASES_READ),
    row("GET /cases/list", P.CASES_READ),
    row("GET /cases/{case_id}", P.CASES_READ),
    row("GET /cases/{case_id}/thumbnail.jpg", P.EVIDENCE_READ),
    row("GET /cases/{case_id}/export?reason=Court.", P.EVIDENCE_READ),
    of_notice("GET /cases/{case_id}/notice", P.CASES_READ),
    of_notice("GET /cases/{case_id}/answer.png", P.CASES_READ),
    row("GET /cases/{case_id}/links", P.CASES_HANDLE),
    row("POST /cases/{case_id}/links/{link_id}/revoke", P.CASES_HANDLE),
    of_notice("GET /cases/{case_id}/order", P.CASES_HANDLE),
    of_notice("GET /cases/{case_id}/order.pdf?officer_1=A&certificate_1=1&officer_2=B&certificate_2=2", P.CASES_HANDLE),
    row("GET /cameras", P.CAMERAS_READ),
    row("GET /cameras/list", P.CAMERAS_READ),
    row("GET /cameras/wall", P.CAMERAS_READ),
    row("GET /cameras/wall/list", P.CAMERAS_READ),
    row("GET /cameras/coverage", P.CAMERAS_READ),
    row("GET /cameras/new", P.CAMERAS_WRITE),
    row("GET /cameras/trials/new", P.CAMERAS_ADD),
    row("GET /cameras/trials/{trial_id}", P.CAMERAS_ADD),
    row("GET /cameras/trials/{trial_id}/state", P.CAMERAS_ADD),
    row("GET /cameras/trials/{trial_id}/picture.jpg", P.CAMERAS_ADD),
    row("GET /cameras/{camera_id}", P.CAMERAS_READ),
    row("GET /edge-boxes", P.EDGES_READ),
    row("GET /edge-boxes/new", P.EDGES_WRITE),
    row("GET /clients", P.CLIENTS_WRITE),
    row("GET /clients/new", P.CLIENTS_WRITE),
    row("GET /clients/{client_id}", P.CLIENTS_WRITE),
    row("GET /alarm-boxes", P.EDGES_READ),
    row("GET /alarm-boxes/new", P.EDGES_WRITE),
    row("GET /alarm-boxes/{box_id}", P.EDGES_READ),
    row("GET /targets", P.DELIVERIES_READ),
    row("GET /targets/new", P.TARGETS_WRITE),
    row("GET /targets/{target_id}", P.DELIVERIES_READ),
    row("GET /notifications", P.CASES_READ),
    row("GET /deliveries", P.DELIVERIES_READ),
    row("GET /deliveries/{delivery_id}", P.DELIVERIES_READ),
    row("GET /districts/new", P.PLACES_WRITE),
    row("GET /districts/{district_id}", P.PLACES_WRITE),
    row("GET /shops", P.PLACES_READ),
    row("GET /shops/new", P.PLACES_WRITE),
    row("GET /shops/import", P.PLACES_WRITE),
    row("GET /shops/import/template.csv", P.PLACES_WRITE),
    row("GET /shops/import/template.xlsx", P.PLACES_WRITE),
    row("GET /audit", P.AUDIT_READ),
    row("GET /audit/export", P.AUDIT_READ),
    row("GET /shops/{shop_id}", P.PLACES_WRITE),
    row("POST /review/claim", P.CASES_JUDGE),
    row("POST /review/leave", P.CASES_JUDGE),
    row("POST /review/judge", P.CASES_JUDGE, verdict="violation", current="{case_id}:1"),
    row("POST /api/v1/cases/{case_id}/{act}", P.CASES_JUDGE, note="Seen."),
    row("POST /cases/{case_id}/{act}", P.CASES_JUDGE, version="1", note="Seen."),
    row("POST /api/v1/cases/{case_id}/holds/set", P.EVIDENCE_KEEP, reason="Court."),
    row("POST /api/v1/cases/{case_id}/holds/lift", P.EVIDENCE_KEEP, reason="Done."),
    row("POST /cases/{case_id}/keeping/{keeping}", P.EVIDENCE_KEEP, reason="Court."),
    row("POST /api/v1/cases/{case_id}/evidence/delete", P.EVIDENCE_KEEP, reason="Asked for."),
    of_notice("POST /api/v1/cases/{case_id}/answers", P.CASES_ANSWER),
    of_notice("POST /cases/{case_id}/answer", P.CASES_ANSWER),
    row("POST /api/v1/muted-spots/{spot_id}/revoke", P.CASES_JUDGE),
    row("POST /cameras/{camera_id}/spots/{spot_id}/revoke", P.CASES_JUDGE),
    row("POST /api/v1/shops/{shop_id}/acceptance", P.CASES_HANDLE, accepted=True),
    row("POST /shops/{shop_id}/acceptance", P.CASES_HANDLE, accepted="yes"),
    row("POST /api/v1/districts", P.PLACES_WRITE, name="New", parent_id="{district_id}"),
    row("PUT /api/v1/districts/{district_id}", P.PLACES_WRITE, name="{district}"),
    row("DELETE /api/v1/districts/{district_id}", P.PLACES_WRITE),
    row("POST /districts/new", P.PLACES_WRITE, name="{district}"),
    row("POST /districts/{district_id}", P.PLACES_WRITE, name="{district}"),
    row("POST /districts/{district_id}/delete", P.PLACES_WRITE),
    row("POST /api/v1/citations/accept", P.CASES_DECIDE, text=CITATION, note="Read."),
    row("POST /api/v1/citations/revoke", P.CASES_DECIDE, text=CITATION, note="Misread."),
    row("POST /citations/accept", P.CASES_DECIDE, text=CITATION, note="Read.", case="1"),
    row("POST /citations/revoke", P.CASES_DECIDE, text=CITATION, note="Misread.", case="1"),
    row("POST /api/v1/shops", P.PLACES_WRITE, **SHOP),
    row("PUT /api/v1/shops/{shop_id}", P.PLACES_WRITE, **SHOP),
    row("POST /api/v1/areas", P.PLACES_WRITE, shop_id="{shop_id}", kind="cooking", name="New"),
    row("PUT /api/v1/areas/{area_id}", P.PLACES_WRITE, shop_id="{shop_id}", kind="cooking", name="New"),
    row("POST /api/v1/cameras", P.CAMERAS_WRITE, **CAMERA),
    row("PUT /api/v1/cameras/{camera_id}", P.CAMERAS_WRITE, **CAMERA),
    row("POST /shops/new", P.PLACES_WRITE, district="{district}", name="New", area="New"),
    row("POST /shops/import", P.PLACES_WRITE),
    row("POST /shops/import/lines", P.PLACES_WRITE, lines="forged"),
    row("POST /shops/{shop_id}", P.PLACES_WRITE, name="New"),
    Row("POST /cameras/trials/new", frozenset({P.CAMERAS_ADD}), TRIAL),
    row("POST /cameras/trials/search", P.CAMERAS_ADD, shop_id="{shop_id}"),
    row("POST /cameras/trials/{trial_id}/camera", P.CAMERAS_ADD, shows="cooking"),
    row("POST /cameras/new", P.CAMERAS_WRITE, **CAMERA),
    row("POST /cameras/{camera_id}", P.CAMERAS_WRITE, **CAMERA, version="1"),
    row("POST /cameras/{camera_id}/area", P.PLACES_WRITE, kind="cutting"),
    row("POST /api/v1/targets", P.TARGETS_WRITE, **TARGET_OF_SHOP),
    row("PUT /api/v1/targets/{target_id}", P.TARGETS_WRITE, **TARGET_OF_SHOP),
    row("POST /api/v1/targets/{target_id}/rotate", P.TARGETS_WRITE),
    row("POST /api/v1/targets/{target_id}/test", P.TARGETS_WRITE),
    row("POST /api/v1/deliveries/{delivery_id}/resend", P.DELIVERIES_RESEND),
    row("POST /targets/new", P.TARGETS_WRITE, **TARGET_PAGE),
    row("POST /targets/{target_id}", P.TARGETS_WRITE, **TARGET_PAGE),
    row("POST /targets/{target_id}/rotate", P.TARGETS_WRITE),
    row("POST /targets/{target_id}/test", P.TARGETS_WRITE),
    row("DELETE /api/v1/targets/{target_id}", P.TARGETS_WRITE),
    row("POST /targets/{target_id}/delete", P.TARGETS_WRITE),
    row("POST /deliveries/{delivery_id}/resend", P.DELIVERIES_RESEND),
    row("POST /api/v1/clients", P.CLIENTS_WRITE, **CLIENT_OF_SHOP),
    row("POST /clients/new", P.CLIENTS_WRITE, **CLIENT, places="shop:{shop_id}"),
    row("POST /api/v1/clients/{client_id}/rotate", P.CLIENTS_WRITE),
    row("POST /clients/{client_id}/rotate", P.CLIENTS_WRITE),
    row("POST /api/v1/clients/{client_id}/revoke", P.CLIENTS_WRITE),
    row("POST /clients/{client_id}/revoke", P.CLIENTS_WRITE),
    row("POST /notifications", P.CASES_READ, **BROWSER),
    Row("POST /notifications/{subscription_id}/test", OWN),
    Row("POST /notifications/{subscription_id}/off", OWN),
    row("POST /api/v1/enrolment-codes", P.EDGES_WRITE, shop_id="{shop_id}"),
    row("POST /edge-boxes/new", P.EDGES_WRITE, shop_id="{shop_id}"),
    row("POST /api/v1/edges/{edge_id}/approve", P.EDGES_APPROVE),
    row("POST /edge-boxes/{edge_id}/approve", P.EDGES_APPROVE),
    row("POST /api/v1/edges/{edge_id}/revoke", P.EDGES_APPROVE, P.EDGES_WRITE),
    row("POST /edge-boxes/{edge_id}/revoke", P.EDGES_APPROVE, P.EDGES_WRITE),
    row("POST /alarm-boxes/new", P.EDGES_WRITE, shop_id="{shop_id}", name="New", form="carrier_cloud"),
    row("POST /alarm-boxes/{box_id}", P.EDGES_WRITE, code="1"),
    row("POST /alarm-boxes/{box_id}/token", P.EDGES_WRITE),
    row("POST /alarm-boxes/{box_id}/revoke", P.EDGES_APPROVE, P.EDGES_WRITE),
    Row("POST /logout", ANYBODY, {}),
    Row("POST /api/v1/logout", SIGNED_IN),
)

# What a query may name, and with which value it is asked here.
NAMED = {
    "added": "{shop_id}", "camera_id": "{camera_id}", "case": "{case_id}", "case_id": "{case_id}", "chain": "{shop_id}",
    "contact": "{shop_id}", "failed": "{case_id}", "judged": "{case_id}:1", "object": "{shop_id}", "object_id": "{shop_id}",
    "place": "shop:{shop_id}", "shop": "{shop_id}", "shop_id": "{shop_id}", "station": "{district_id}", "target": "{target_id}",
    "target_id": "{target_id}",
}
# Words, numbers, moments, and how a list is shown: none of them leads to anything.
PLAIN = {
    "action", "address", "after", "asked", "close", "code", "cursor", "deleted", "done", "finds", "hours", "joined", "language",
    "late", "later", "limit", "name", "next", "number", "object_kind", "overdue", "queue", "reached", "reason", "refused",
    "resent", "rule", "saved", "search", "severity", "show", "since", "state", "table", "until", "who", "why", "words",
}
# What a body names beside what the table sends: for an address of one's own place.
NAMED_IN_BODY = (
    row("POST /api/v1/cases/{case_id}/merge", P.CASES_JUDGE, into="{case_id}"),
    row("POST /cases/{case_id}/merge", P.CASES_JUDGE, into="{case_id}", version="1"),
    row("POST /review/judge", P.CASES_JUDGE, verdict="merge", current="{case_id}:1", case="{own_case_id}:1"),
    row("POST /review/claim", P.CASES_JUDGE, had="{case_id}"),
    row("POST /review/leave", P.CASES_JUDGE, had="{case_id}"),
    row("POST /citations/accept", P.CASES_DECIDE, text=CITATION, note="Read.", case="{case_id}"),
    row("POST /api/v1/cameras", P.CAMERAS_WRITE, **CAMERA | {"area_id": "{own_area_id}", "edge_id": "{edge_id}"}),
    row("PUT /api/v1/cameras/{camera_id}", P.CAMERAS_WRITE, **CAMERA | {"area_id": "{own_area_id}", "edge_id": "{edge_id}"}),
    row("PUT /api/v1/cameras/{camera_id}", P.CAMERAS_WRITE, **CAMERA),
    row("PUT /api/v1/areas/{area_id}", P.PLACES_WRITE, shop_id="{shop_id}", kind="cooking", name="New"),
    row("PUT /api/v1/shops/{shop_id}", P.PLACES_WRITE, **SHOP),
    row("PUT /api/v1/districts/{district_id}", P.PLACES_WRITE, name="New", parent_id="{district_id}"),
    row("POST /api/v1/targets", P.TARGETS_WRITE, **TARGET_OF_OWN_SHOP, next_id="{target_id}"),
    row("POST /api/v1/targets", P.TARGETS_WRITE, **TARGET_OF_OWN_SHOP, client_id="{client_id}"),
    row("PUT /api/v1/targets/{target_id}", P.TARGETS_WRITE, **TARGET_OF_OWN_SHOP, next_id="{target_id}"),
    row("POST /api/v1/clients", P.CLIENTS_WRITE, **CLIENT | {"shop_ids": ["{own_shop_id}"], "district_ids": ["{district_id}"]}),
    row("POST /accounts/{user_id}/post", P.ACCOUNTS_WRITE, name="New", role="officer", place="district:{district_id}"),
    row("POST /invitations/new", P.ACCOUNTS_WRITE, name="New", role="store_owner", place="shop:{shop_id}"),
    Row("POST /cameras/trials/new", frozenset({P.CAMERAS_ADD}), {**TRIAL, "shop_id": "{own_shop_id}", "edge_id": "{edge_id}"}),
    Row("POST /cameras/trials/search", frozenset({P.CAMERAS_ADD}), {"shop_id": "{own_shop_id}", "edge_id": "{edge_id}"}),
)


def addresses(app: FastAPI) -> Iterator[str]:
    """Of all endpoints and pages."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield from (f"{method} {context.path}" for method in context.methods or ())


def test_every_endpoint_and_page_is_in_the_table(world: World):
    known = [entry.address.partition("?")[0] for entry in TABLE]
    assert sorted(known) == sorted(addresses(world.app))


def asked(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Each parameter of a query with the address that takes it."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            for field in get_flat_params(context.original_route.dependant):
                if isinstance(field.field_info, Query):
                    yield from ((f"{method} {context.path}", field.alias) for method in context.methods or ())


def test_every_parameter_is_in_one_of_the_tables(world: World):
    assert {name for _, name in asked(world.app)} == NAMED.keys() | PLAIN


@dataclass(frozen=True)
class Neighbourhood:
    """Two places with everything in them, and ids of nothing."""

    mine: dict[str, str]
    theirs: dict[str, str]
    place: Place
    nothing: dict[str, str]


async def settle(world: World, name: str) -> tuple[Place, dict[str, str]]:
    place = await world.place(name, credit_code=CREDIT_CODES[name])
    box = await world.edge(place)
    assert (await box.show()).status_code == 204
    admin = await world.person(Role.ADMIN)
    new_target = {**TARGET_OF_SHOP, "shop_id": place.shop_id, "name": f"{name} target"}
    target = (await admin.post("/api/v1/targets", json=new_target)).json()
    client = (await admin.post("/api/v1/clients", json={**CLIENT, "name": f"{name} app", "shop_ids": [place.shop_id]})).json()
    case_id = await world.case(place, box)
    officer = await world.person()
    case = (await officer.get(f"/api/v1/cases/{case_id}")).json()
    told_id = await world.case(place, box)
    await done(officer, told_id, "confirm", "issue")
    violation_id = case["evidence"][0]["violation_id"]
    link = (await officer.post(f"/api/v1/evidence/{violation_id}/links", json={})).json()["url"].rpartition("/")[2]
    answered = await answer_notice(officer, told_id, 3)
    async with world.centre.database.writing() as work:
        spot = MutedSpot(camera_id=place.camera_id, rule="K01", box=[0, 0, 1, 1], muted_at=now(), because_of=case_id)
        work.add(spot)
        case_link = CaseLink(
            token_hash=uuid4().hex, kind=LinkKind.PERSONAL, case_id=case_id, target_id=target["id"], person=name,
            created_at=now(),
        )
        work.add(case_link)
        user = User(
            login=f"{name} officer", name=name, role=Role.OFFICER, district_id=place.district_id, password_hash="!",
            created_at=now(),
        )
        work.add(user)
        await work.flush()
        work.add(FurtherShop(user_id=user.id, shop_id=place.shop_id))
        invited = Invitation(
            token_hash=uuid4().hex, name=name, role=Role.OFFICER, district_id=place.district_id, created_by="Admin",
            created_at=now(), expires_at=now() + timedelta(days=7),
        )
        work.add(invited)
        trial = seen_trial(place.shop_id, box.id, now())
        work.add(trial)
    browser = await officer.post("/notifications", data={**BROWSER, "name": name, "endpoint": f"https://push.example.org/{name}"})
    assert browser.status_code == 303, browser.text
    async with world.centre.database.reading() as work:
        subscription, = [one for one in await list_targets(work, HOUSE) if one.subscription_digest and one.name == name]
    ids = {
        "spot_id": spot.id, "subscription_id": subscription.id,
        "district_id": place.district_id, "district": f"{name} district", "shop_id": place.shop_id,
        "area_id": place.area_id, "credit_code": CREDIT_CODES[name], "box_id": (await world.alarm_box(place)).id,
        "camera_id": place.camera_id, "edge_id": box.id, "case_id": str(case_id),
        "told_id": str(told_id), "photograph_id": answered.json()["answers"][0]["photographs"][0]["id"],
        "violation_id": violation_id, "link": link, "name": "original.jpg",
        "act": "confirm", "keeping": "hold", "target_id": target["id"], "client_id": client["id"], "token": "forged",
        "trial_id": trial.id, "guide": "shop", "picture": "review.zh.webp",
        "link_id": case_link.id, "session_id": "5e55" * 5, "user_id": user.id, "invitation_id": invited.id, "change": "enable",
        "delivery_id": str((await admin.get("/api/v1/deliveries", params={"target_id": target["id"]})).json()["items"][0]["id"]),
    }
    return place, ids


async def settle_both(world: World) -> Neighbourhood:
    place, mine = await settle(world, "Homely")
    _, theirs = await settle(world, "Foreign")
    nothing = dict.fromkeys(theirs, "feed" * 5) | {
        "case_id": "987654", "told_id": "987655", "delivery_id": "987655", "violation_id": str(uuid4()), "name": "original.jpg",
        "district": "Unheard-of district", "credit_code": "91510104MA6CA0000X", "act": "confirm", "keeping": "hold",
        "token": "forged", "change": "enable", "session_id": "5e55" * 5,
    }
    return Neighbourhood(mine, theirs, place, nothing)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> tuple[Path, Neighbourhood]:
    """A centre's folder, which each test gets a copy of, and what is in it."""
    folder = tmp_path_factory.mktemp("settled")
    shutil.copy(migrated_sqlite, folder / "sunshine.db")

    async def settle_there() -> Neighbourhood:
        async with World.open(Settings(data=folder)) as world:
            return await settle_both(world)

    return folder, asyncio.run(settle_there())


@pytest.fixture
def sqlite_settings(tmp_path: Path, settled: tuple[Path, Neighbourhood]) -> Settings:
    shutil.copytree(settled[0], tmp_path, dirs_exist_ok=True)
    return Settings(data=tmp_path, stream_s=0.001)


@pytest.fixture
def there(settled: tuple[Path, Neighbourhood]) -> Neighbourhood:
    return settled[1]


def filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    return value.format(**ids) if isinstance(value, str) else value


async def ask(client: httpx.AsyncClient, entry: Row, ids: dict[str, str]) -> httpx.Response:
    ids = ids | {"case_id": ids["told_id"]} if entry.has_notice else ids
    body = json.loads(json.dumps(entry.body)) if entry.body is not None else None
    body = {key: filled(value, ids) for key, value in body.items()} if body else body
    sent: dict[str, Any] = {"json": body} if entry.path.startswith("/api/") else {"data": body}
    headers = {"If-Match": '"1"', "Idempotency-Key": str(uuid4())}
    return await client.request(entry.method, entry.path.format(**ids), headers=headers, **(sent if body is not None else {}))


def without_ids(text: str, ids: dict[str, str]) -> str:
    """What was asked for is repeated here and there; that tells nothing."""
    for name, value in ids.items():
        if name in OF_NO_PLACE:
            continue
        spoken = {"case_id": f"/cases/{value}", "told_id": f"/cases/{value}", "delivery_id": f"/deliveries/{value}"}
        text = text.replace(spoken.get(name, value), "*")
    return text


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_at_home(world: World, there: Neighbourhood, role: Role):
    client = await world.person(role, place=there.place)
    for entry in TABLE:
        answer = await ask(client, entry, there.mine)
        told = f"{role} {entry.address}: {answer.status_code}"
        if entry.needs == EDGE:
            assert answer.status_code == 401, told
        elif entry.needs == PUBLIC:
            assert answer.status_code in (200, 404), told
        elif entry.needs == LINK:
            assert answer.status_code in (403, 404), told
        elif entry.needs == OWN:
            # Another's is told like what has ended already; that nothing happens to it stands beside each.
            assert answer.status_code in (204, 303, 403, 404), told
        elif entry.needs == ANYBODY:
            assert answer.status_code not in (403, 404), told
        elif entry.needs == SIGNED_IN or PERMISSIONS[role] & entry.needs:  # type: ignore[operator]
            # A shop and a partner have no case yet: nobody has confirmed any.
            hidden = answer.status_code == 404 and "case_id" in entry.path and P.EVIDENCE_READ not in PERMISSIONS[role]
            assert hidden or answer.status_code not in (401, 403, 404), told
        else:
            assert answer.status_code in (403, 404), told
            assert "Homely" not in answer.text, told
        assert answer.status_code < 500, told
        if entry.path.endswith("/logout"):
            client = await world.person(role, place=there.place)


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_as_a_neighbour(world: World, there: Neighbourhood, role: Role):
    client = await world.person(role, place=there.place)
    for entry in TABLE:
        if entry.path.endswith("/logout") or entry.needs == PUBLIC:
            continue
        answer = await ask(client, entry, there.theirs)
        told = f"{role} {entry.address}: {answer.status_code}"
        assert "Foreign" not in without_ids(answer.text, there.theirs), told
        known = (
            "name", "case_id", "told_id", "delivery_id", "act", "keeping", "token", "change", "session_id",
            *OF_NO_PLACE,
        )
        secrets = {value for name, value in there.theirs.items() if name not in known}
        if not entry.names_a_place:
            assert {secret for secret in secrets if secret in answer.text} == set(), told
            continue
        nothing = await ask(client, entry, there.nothing)
        assert answer.status_code == nothing.status_code, told
        # What is another's to end or to delete is told like what is not there any more, on pages: done.
        is_done = entry.needs == OWN or answer.headers.get("location", "").endswith("?deleted=yes")
        assert answer.status_code in (401, 403, 404, 422) or is_done, told
        assert without_ids(answer.text, there.theirs) == without_ids(nothing.text, there.nothing), told


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_names_a_neighbour_s_in_a_query_or_a_body(world: World, there: Neighbourhood, role: Role):
    """At an address of one's own place: the answer is the one to what is not there."""
    client = await world.person(role, place=there.place)
    needs = {entry.address.partition("?")[0]: entry.needs for entry in TABLE}
    in_queries = [
        Row(f"{address}?{name}={NAMED[name]}", needs[address])
        for address, name in asked(world.app) if name in NAMED and address.startswith("GET ") and needs[address] != LINK
    ]
    own = {f"own_{name}": value for name, value in there.mine.items()}
    for entry in (*in_queries, *NAMED_IN_BODY):
        path, _, query = entry.path.partition("?")
        answers = []
        for ids in (there.theirs, there.nothing):
            here = f"{entry.method} {path.format(**there.mine)}?{query.format(**ids)}".removesuffix("?")
            answer = await ask(client, Row(here, entry.needs, entry.body), ids | own)
            assert answer.status_code < 500, (role, here)
            # The number of a case, as it was asked for, and the moment.
            echoed = rf'(case|failed|judged)={ids["case_id"]}\b|\b{ids["case_id"]} 号|"exported_at":"[^"]+"'
            answers.append((answer.status_code, re.sub(echoed, "*", without_ids(answer.text, ids))))
        assert answers[0] == answers[1], (role, entry.address)
        assert "Foreign" not in answers[0][1], (role, entry.address)


async def test_who_is_not_signed_in(world: World, there: Neighbourhood):
    for entry in TABLE:
        answer = await ask(world.client(), entry, there.theirs)
        if entry.needs == PUBLIC:
            continue
        assert "Foreign" not in without_ids(answer.text, there.theirs)
        if entry.needs not in (ANYBODY, LINK) and entry.path != "/":
            assert answer.status_code in (401, 303), entry.address
            assert answer.status_code == 401 or answer.headers["location"].startswith("/login"), entry.address
