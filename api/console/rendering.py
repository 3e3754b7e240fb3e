"""Turning views into pages: the Jinja environments, one per language, and what every page carries (header, language, headers)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.accounts.actors import Actor
from api.accounts.dependencies import centre_of
from api.accounts.permissions import Permission
from api.console import csrf
from api.console.i18n import COOKIE, COOKIE_AGE_S, N_, Language, asked_for, language_of, translations
from api.console.speech import Speaker
from api.console.views import Link
from api.console.words import ROLES
from api.kit.room import Room
from api.kit.times import now

STATIC = "/static/console"

# Only our own files; no script or style inside a page, so that a text which slips through as HTML still does nothing.
# A photograph that is to be sent is shown before, as a blob of the page's own.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# What the header leads to, and what one needs to see it.
PAGES = (
    ("/review", N_("Review"), Permission.CASES_JUDGE),
    ("/cases", N_("Cases"), Permission.CASES_READ),
    ("/cameras", N_("Cameras"), Permission.CAMERAS_READ),
    ("/edge-boxes", N_("Edge boxes"), Permission.EDGES_READ),
    ("/shops", N_("Shops"), Permission.PLACES_READ),
    ("/statistics", N_("Statistics"), Permission.STATISTICS_READ),
    ("/deliveries", N_("Messages"), Permission.DELIVERIES_READ),
    ("/clients", N_("Other systems"), Permission.CLIENTS_WRITE),
    ("/audit", N_("Audit"), Permission.AUDIT_READ),
    ("/notifications", N_("This device"), Permission.CASES_READ),
    ("/accounts", N_("Accounts"), Permission.ACCOUNTS_WRITE),
)

# Which of them a page is a part of whose address does not begin with theirs.
_PART_OF = {"districts": "/shops", "alarm-boxes": "/edge-boxes", "targets": "/deliveries", "invitations": "/accounts"}

_NAMES = {Language.ZH: "中文", Language.EN: "English"}


@dataclass(frozen=True)
class OtherLanguage:
    tag: str
    name: str
    url: str


@dataclass(frozen=True)
class Reader:
    """The signed-in person as the header shows them."""

    name: str
    role: str


@dataclass(frozen=True)
class PageFrame:
    language: str
    user: Reader | None
    nav: Sequence[Link]
    other_language: OtherLanguage
    warnings: Sequence[tuple[str, Link]]


@cache
def environment(language: Language) -> Environment:
    jinja = Environment(
        loader=PackageLoader("api.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    jinja.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    jinja.globals["static"] = static_url
    jinja.filters["query"] = lambda facts: urlencode([(fact.name, fact.value) for fact in facts])
    return jinja


@cache
def static_url(name: str) -> str:
    """The address of a static file, with its hash: it may be cached for ever, and a new version has a new address."""
    content = (files("api.console") / "static" / name).read_bytes()
    return f"{STATIC}/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def partial(request: Request, template: str, **values: Any) -> Markup:
    """A part of a page that also stands alone, for updates."""
    html = csrf.with_tokens(request, environment(language_of(request)).get_template(template).render(**values))
    return Markup(html)  # noqa: S704 - the template escaped what it was given


def partial_etag(part: str) -> str:
    return f'"{hashlib.sha256(part.encode()).hexdigest()[:20]}"'


def partial_response(request: Request, part: Markup) -> Response:
    """The part with its ETag, or 304 where the browser shows it already."""
    headers = {"ETag": partial_etag(part), "Content-Security-Policy": CONTENT_SECURITY_POLICY, "Vary": "Cookie, Accept-Language"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(part, headers=headers)


def page(
    request: Request, template: str, *, actor: Actor | None, here: str | None = None, status: int = 200, **values: Any
) -> Response:
    """A whole page. `here` is the address that the language switch leads back to; by default the one that was asked."""
    language = language_of(request)
    reader = _reader(actor, language) if actor else None
    frame = PageFrame(
        language.value, reader, _nav(request, actor, language), _other_language(request, language, here),
        _warnings(request, actor, language),
    )
    visitors: list[str] = []
    html = environment(language).get_template(template).render(page=frame, **values)
    html = csrf.with_tokens(request, html, is_signed_in=actor is not None, visitors=visitors)
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Content-Language": language.value}
    response = HTMLResponse(html, status, headers)
    csrf.remember(request, response, visitors)
    if asked_for(request):
        response.set_cookie(
            COOKIE, language.value, max_age=COOKIE_AGE_S, samesite="lax", httponly=True, secure=request.url.scheme == "https"
        )
    return response


def speaker_of(request: Request) -> Speaker:
    return Speaker(language_of(request), now())


def _reader(actor: Actor, language: Language) -> Reader:
    return Reader(actor.name, translations(language).gettext(ROLES[actor.role]) if actor.role else "")


def _warnings(request: Request, actor: Actor | None, language: Language) -> list[tuple[str, Link]]:
    """What the administrator is to put in order, and where the guide says how."""
    if actor is None or not actor.may(Permission.ACCOUNTS_WRITE):
        return []
    centre, speaker = centre_of(request), Speaker(language, now())

    def guided(section: str, way: str) -> Link:
        anchor = quote(speaker.say(section).lower().replace(" ", "-"))
        return Link(f"/help/administrator#{anchor}", speaker.say(way))

    found = []
    if centre.room is not Room.ENOUGH:
        words = N_("The disk of the centre is nearly full. When it is, nothing can be kept any more.")
        found.append((speaker.say(words), guided(N_("The disk is nearly full"), N_("How to make room"))))
    if years := centre.deadlines.unknown_years(centre.clock()):
        words = N_("The holidays of %(years)s are not known, so its working days count Monday to Friday.")
        said = speaker.say(words, years=speaker.listed(map(str, years)))
        found.append((said, guided(N_("Holidays of the next year"), N_("How to enter them"))))
    return found


def _nav(request: Request, actor: Actor | None, language: Language) -> list[Link]:
    """The pages that this person may open."""
    path = request.url.path
    path = _PART_OF.get(path.split("/")[1], path)
    return [
        Link(url, translations(language).gettext(words), path == url or path.startswith(f"{url}/"))
        for url, words, permission in PAGES
        if actor and actor.may(permission)
    ]


def _other_language(request: Request, language: Language, here: str | None) -> OtherLanguage:
    other = Language.EN if language is Language.ZH else Language.ZH
    asked = {} if here is not None else dict(request.query_params)
    # Without a path the link stays on the page that it is on, whatever that path looks like.
    return OtherLanguage(other.value, _NAMES[other], f"{here or ''}?{urlencode({**asked, 'lang': other.value})}")
