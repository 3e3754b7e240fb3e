"""Other systems' programs: the list, adding one, its secret, its end; and the page on which a person agrees to one."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.clients import grants, service
from api.clients.grants import Asked, AuthorizationRequest
from api.clients.schemas import ClientIn
from api.clients.scopes import Scope
from api.clients.service import NotAClient
from api.clients.tables import ApiClient
from api.console.form_errors import refused_fields
from api.console.i18n import N_
from api.console.rendering import CONTENT_SECURITY_POLICY, page, speaker_of
from api.console.shop_choice import choose_shop, offer_districts
from api.console.speech import Speaker
from api.console.views import Option
from api.console.words import Chip
from api.deliveries import targets
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.work import At, Reading, Writing
from api.places import service as places
from api.places.schemas import Id

router = APIRouter()

_PAGE = 50
SCOPES: dict[Scope, str] = {
    Scope.CASES_READ: N_("Read cases, notices and what happens to them"),
    Scope.EVIDENCE_READ: N_("See pictures of cases, without faces"),
    Scope.SHOPS_READ: N_("Read shops and areas"),
    Scope.CAMERAS_READ: N_("See whether cameras are looked at"),
    Scope.STATISTICS_READ: N_("Read figures"),
    Scope.CASES_ACT: N_("Act on cases in the name of a person who agreed"),
    Scope.EVIDENCE_UNBLUR: N_("See faces in the name of a person who agreed, each time for a reason"),
}
_WRONG = {
    "name": N_("Enter a name of at most 100 characters."),
    "scopes": N_("Tick at least one."),
    "places": N_("Tick at least one district or shop."),
    "redirect_uris": N_("One address per line, as https://host/path. Needed where people are to agree."),
}
_FIELDS = {"district_ids": "places", "shop_ids": "places"}


class ClientTyped(BaseModel):
    """The fields as they come from a browser. A place is `shop:ID` or `district:ID`."""

    name: str = ""
    scopes: list[str] = []
    places: list[str] = []
    redirect_uris: str = ""
    is_authority: str = ""

    def read(self) -> ClientIn:
        """Raises ValidationError."""
        ids = {kind: [place[len(kind) :] for place in self.places if place.startswith(kind)] for kind in ("shop:", "district:")}
        return ClientIn.model_validate(
            {
                "name": self.name.strip(), "scopes": self.scopes, "shop_ids": ids["shop:"], "district_ids": ids["district:"],
                "redirect_uris": self.redirect_uris.split(), "is_authority": self.is_authority == "yes",
            }
        )


class AgreementTyped(AuthorizationRequest):
    """What was asked, and what the person said to it."""

    allow: str = ""


@router.get("/clients")
async def client_list(request: Request, actor: SignedIn, work: Reading, cursor: str | None = None) -> Response:
    found = await service.list_clients(work, actor, after=decode_text(cursor), limit=_PAGE + 1)
    speaker, names = speaker_of(request), await places.names(work, actor)
    return page(
        request, "clients.html", actor=actor, clients=[_row(client, names, speaker) for client in found[:_PAGE]],
        first_url="/clients" if cursor else None,
        next_url=f"/clients?cursor={encode_cursor(found[_PAGE - 1].id)}" if len(found) > _PAGE else None,
    )


@router.get("/clients/new")
async def new_client(request: Request, actor: SignedIn, work: Reading) -> Response:
    actor.require(Permission.CLIENTS_WRITE)
    return await _form(request, actor, work, ClientTyped(scopes=[Scope.CASES_READ]), {})


@router.post("/clients/new")
async def add_client(
    request: Request, actor: SignedIn, work: Writing, at: At, typed: Annotated[ClientTyped, Form()]
) -> Response:
    """The secret is on this answer only."""
    actor.require(Permission.CLIENTS_WRITE)
    try:
        client, secret = await service.create_client(work, actor, typed.read(), at)
    except (ValidationError, NotAClient) as error:
        return await _form(request, actor, work, typed, _wrong(error))
    return await _client_page(request, actor, work, client, secret)


@router.get("/clients/{client_id}")
async def client_page(request: Request, actor: SignedIn, work: Reading, client_id: Id) -> Response:
    return await _client_page(request, actor, work, await service.get_client(work, actor, client_id))


@router.post("/clients/{client_id}/rotate")
async def rotate(request: Request, actor: SignedIn, work: Writing, at: At, client_id: Id) -> Response:
    """The new secret is on this answer only."""
    return await _client_page(request, actor, work, *await service.rotate_secret(work, actor, client_id, at))


@router.post("/clients/{client_id}/revoke")
async def revoke(actor: SignedIn, work: Writing, at: At, client_id: Id) -> Response:
    await service.revoke_client(work, actor, client_id, at)
    return RedirectResponse(f"/clients/{client_id}", 303)


@router.get("/oauth/authorize")
async def ask(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, asked: Annotated[AuthorizationRequest, Query()]
) -> Response:
    """Whether this person lets the program act under their name."""
    wanted = await grants.begin_authorization(work, asked)
    if wanted.refused is not None:
        return _back(wanted, centre.public_url, error=wanted.refused)
    speaker = speaker_of(request)
    answer = page(
        request, "authorize.html", actor=actor, client=wanted.client.name, person=actor.name,
        scopes=[speaker.say(SCOPES[scope]) for scope in Scope if scope in wanted.scopes], asked=asked,
        host=urlsplit(asked.redirect_uri).hostname,
    )
    # The answer of the form leads to the program's own site.
    parts = urlsplit(asked.redirect_uri)
    origin = f"form-action 'self' {parts.scheme}://{parts.netloc}"
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace("form-action 'self'", origin)
    return answer


@router.post("/oauth/authorize")
async def answer(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, asked: Annotated[AgreementTyped, Form()]
) -> Response:
    """Raises RateLimited."""
    request.state.headers.update(centre.consents_of_person.take(actor.id, at))
    wanted = await grants.begin_authorization(work, asked)
    if wanted.refused is not None:
        return _back(wanted, centre.public_url, error=wanted.refused)
    if asked.allow != "yes":
        return _back(wanted, centre.public_url, error="access_denied")
    return _back(wanted, centre.public_url, code=await grants.agree(work, actor, wanted, at))


def _back(asked: Asked, issuer: str, **values: str) -> Response:
    return RedirectResponse(asked.answer(issuer, **values), 303)


async def _client_page(request: Request, actor: Actor, work: Work, client: ApiClient, secret: str | None = None) -> Response:
    speaker = speaker_of(request)
    until = client.previous_until if secret is not None else None
    webhooks = await targets.list_targets(work, actor, client_id=client.id)
    return page(
        request, "client.html", actor=actor, here=f"/clients/{client.id}", secret=secret, id=client.id,
        row=_row(client, await places.names(work, actor), speaker), until=speaker.time(until) if until else None,
        scopes=[speaker.say(SCOPES[Scope(scope)]) for scope in client.scopes], redirect_uris=client.redirect_uris,
        webhooks=[Option(f"/targets/{target.id}", target.name) for target in webhooks],
        made=speaker.time(client.created_at), made_by=client.created_by, is_revoked=client.revoked_at is not None,
    )


async def _form(request: Request, actor: Actor, work: Work, typed: ClientTyped, wrong: dict[str, str]) -> Response:
    speaker = speaker_of(request)
    districts = await offer_districts(work, actor, prefix="district:")
    choice = await choose_shop(request, work, actor, typed.places, prefix="shop:")
    return page(
        request, "client_new.html", actor=actor, status=422 if wrong else 200, typed=typed, districts=districts, choice=choice,
        scopes=[Option(scope.value, speaker.say(words)) for scope, words in SCOPES.items()],
        wrong={field: speaker.say(words) for field, words in wrong.items()},
    )


def _row(client: ApiClient, names: dict[str, str], speaker: Speaker) -> dict[str, Any]:
    places = [names.get(place, place) for place in (*client.district_ids, *client.shop_ids)]
    used = speaker.say(N_("It has not asked for a token yet."))
    if client.last_used_at is not None:
        used = speaker.say(N_("Last token given at %(at)s."), at=speaker.time(client.last_used_at).short)
    if client.revoked_at is not None:
        state = Chip(speaker.say(N_("Revoked")), "minor", True)
    else:
        state = Chip(speaker.say(N_("May ask")), "good", True)
    kind = N_("Of the authority") if client.is_authority else N_("From outside: told of a case from its notice on")
    return {
        "url": f"/clients/{client.id}", "name": client.name, "places": places, "used": used, "state": state,
        "kind": speaker.say(kind),
    }


def _wrong(error: ValidationError | NotAClient) -> dict[str, str]:
    """In words not yet translated, by field of the form."""
    names = [_FIELDS.get(field, field) for field in refused_fields(error)]
    return {name: _WRONG.get(name, _WRONG["name"]) for name in names}
