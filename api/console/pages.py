"""Hangs the console into the app: pages, static files, and errors as pages."""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.accounts.dependencies import signed_in_or_none
from api.clients.limits import RateLimited
from api.console import (
    account_pages,
    accounts_pages,
    alarm_box_pages,
    answer_pages,
    audit_pages,
    camera_edit_pages,
    camera_pages,
    camera_wall_pages,
    case_list_pages,
    case_pages,
    citation_pages,
    client_pages,
    coverage_pages,
    delivery_pages,
    district_pages,
    edge_box_pages,
    help_pages,
    join_pages,
    keeping_pages,
    link_pages,
    notice_pages,
    notification_pages,
    phone_pages,
    place_pages,
    privacy_pages,
    review_pages,
    shop_import_pages,
    sign_in_pages,
    statistics_pages,
    status_pages,
    target_pages,
    trial_pages,
    wall_pages,
)
from api.console.csrf import FormTooOld, is_from_here
from api.console.i18n import N_, Language, translations
from api.console.kept_form import kept_form
from api.console.problem_words import PROBLEMS
from api.console.rendering import STATIC, page, speaker_of
from api.console.views import Link
from api.kit.problems import Problem, Unauthenticated

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ProblemView:
    status: int
    title: str
    sentence: str
    way_out: Link


for pages in (
    sign_in_pages, account_pages, accounts_pages, join_pages, review_pages, notice_pages, answer_pages, case_list_pages,
    case_pages, citation_pages, camera_pages, trial_pages, camera_wall_pages, coverage_pages, camera_edit_pages, edge_box_pages,
    alarm_box_pages, status_pages, privacy_pages, shop_import_pages, place_pages, district_pages, delivery_pages, target_pages,
    notification_pages, client_pages, audit_pages, keeping_pages, phone_pages, link_pages, statistics_pages, wall_pages,
    help_pages,
):
    router.include_router(pages.router)


class _Static(StaticFiles):
    """Addresses carry the hash of the content, so a browser need never ask again. Text is sent small: a stylesheet on a slow
    network is what the first picture of a page waits for."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code != 200:
            return response
        if path.endswith((".css", ".js", ".svg")) and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            packed = _packed(path)
            response = Response(packed, media_type=response.media_type, headers={"Content-Encoding": "gzip"})
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["Vary"] = "Accept-Encoding"
        return response


@cache
def _packed(path: str) -> bytes:
    return gzip.compress((files("api.console") / "static" / path).read_bytes(), mtime=0)


def mount(app: FastAPI) -> None:
    """What the pages of `router` need beside it."""
    for language in Language:
        translations(language)  # a damaged catalogue stops the start, not the first reader
    app.mount(STATIC, _Static(packages=[("api.console", "static")]))
    app.state.problem_page = problem_page


async def problem_page(request: Request, problem: Problem) -> Response | None:
    """A page for a browser; None for a program, which gets the problem document."""
    if "text/html" not in request.headers.get("accept", ""):
        return None
    if isinstance(problem, Unauthenticated):
        kept = None if request.method == "GET" else await kept_form(request)
        return kept or _to_sign_in(request)
    if isinstance(problem, FormTooOld) and is_from_here(request):
        try:
            kept = await kept_form(request, await signed_in_or_none(request))
        except RateLimited as limited:
            problem, kept = limited, None
        if kept is not None:
            return kept
    speaker = speaker_of(request)
    title, sentence = PROBLEMS.get(problem.code) or PROBLEMS.get(problem.status) or PROBLEMS[500]
    if phone_pages.is_of_link(request):
        return phone_pages.problem_page(request, problem, speaker.say(title), speaker.say(sentence))
    view = ProblemView(problem.status, speaker.say(title), speaker.say(sentence), Link("/", speaker.say(N_("To the start page"))))
    response = page(request, "problem.html", actor=None, here="/", status=problem.status, problem=view)
    response.headers.update(problem.headers())
    return response


def _to_sign_in(request: Request) -> Response:
    """And back to the page that was asked for."""
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'next': where})}", 303)
