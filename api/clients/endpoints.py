import base64
import binascii
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData

from api.accounts.dependencies import CentreOf, SignedIn, address_of
from api.accounts.throttle import network_of
from api.centre import Centre
from api.clients import consents, grants, service
from api.clients.grants import TokenRefused
from api.clients.schemas import ClientIn, ClientOut, Clients, ClientWithSecret, GrantOut, Grants, TokenAnswer, TokenError
from api.clients.scopes import Scope
from api.clients.tables import ApiClient
from api.kit.database import Work
from api.kit.paging import Paged
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import At, Reading, Writing
from api.places.schemas import Id
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["clients"], route_class=ApiRoute)
oauth = APIRouter(tags=["tokens"])
READ = documented(Unauthenticated, Forbidden, NotFound)
WRITE = documented(Unauthenticated, Forbidden, NotFound, Conflict)
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": TokenError, "description": "RFC 6749, 5.2"}, 401: {"model": TokenError, "description": "`invalid_client`"},
    429: {"model": TokenError, "description": "`slow_down`"},
}
# Twelve wrong ones at once from one address, and then one in five seconds: enough for a mistake, too little for guessing.
_WRONG_SECRET_COSTS = 10
_FORM_TYPE = "application/x-www-form-urlencoded"


def _form(required: list[str], **fields: str) -> dict[str, Any]:
    """Read by hand: what is wrong with it is told in the words of RFC 6749."""
    properties = {name: {"type": "string", "description": words} for name, words in fields.items()}
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {_FORM_TYPE: {"schema": schema}}}}


def _limited_by_address(request: Request, centre: CentreOf, at: At) -> str:
    """Before the database is asked anything. Raises TokensRateLimited."""
    network = network_of(address_of(request))
    request.state.headers.update(centre.tokens_of_address.take(network, at))
    return network


Network = Annotated[str, Depends(_limited_by_address)]
_CLIENT = {"client_id": "or by HTTP Basic", "client_secret": "or by HTTP Basic"}
_TOKEN_FORM = _form(
    ["grant_type"], grant_type="client_credentials, authorization_code or refresh_token", scope="by spaces; without it, all",
    code="of an authorization_code", redirect_uri="of an authorization_code", code_verifier="of an authorization_code (PKCE)",
    refresh_token="of a refresh_token", **_CLIENT,
)


@router.get("/clients", operation_id="list_clients", summary="Other systems' programs", responses=READ)
async def list_clients(work: Reading, actor: SignedIn, page: Paged) -> Clients:
    rows = await service.list_clients(work, actor, after=page.text, limit=page.limit)
    following = page.following([row.id for row in rows])
    return Clients(items=[ClientOut.model_validate(row) for row in rows], next=following)


@router.post("/clients", operation_id="create_client", summary="Add a program", status_code=201, responses=WRITE)
async def create_client(work: Writing, actor: SignedIn, at: At, body: ClientIn) -> ClientWithSecret:
    """The answer holds its secret; it is shown this once."""
    return _with_secret(*await service.create_client(work, actor, body, at))


@router.get("/clients/{client_id}", operation_id="get_client", summary="One program", responses=READ)
async def get_client(work: Reading, actor: SignedIn, client_id: Id) -> ClientOut:
    return ClientOut.model_validate(await service.get_client(work, actor, client_id))


@router.post(
    "/clients/{client_id}/rotate", operation_id="rotate_client_secret", summary="A new secret for a program", responses=WRITE
)
async def rotate_secret(work: Writing, actor: SignedIn, at: At, client_id: Id) -> ClientWithSecret:
    """For 24 hours the secret before it works too."""
    return _with_secret(*await service.rotate_secret(work, actor, client_id, at))


@router.post("/clients/{client_id}/revoke", operation_id="revoke_client", summary="Trust a program no longer", responses=WRITE)
async def revoke_client(work: Writing, actor: SignedIn, at: At, client_id: Id) -> ClientOut:
    """All its tokens end at once."""
    return ClientOut.model_validate(await service.revoke_client(work, actor, client_id, at))


@router.get(
    "/me/grants", operation_id="list_grants", summary="Programs that you let in",
    responses=documented(Unauthenticated, Forbidden),
)
async def list_grants(actor: SignedIn, work: Reading, at: At) -> Grants:
    """Of a session; no token opens it."""
    return Grants(items=[GrantOut.of(consent) for consent in await consents.list_own(work, actor, at)])


@router.delete(
    "/me/grants/{client_id}", operation_id="end_grant", summary="Let a program in no longer", status_code=204,
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def end_grant(actor: SignedIn, work: Writing, at: At, client_id: Id) -> None:
    """Its tokens of you open nothing from the next request on."""
    await consents.end_own(work, actor, client_id, at)


@oauth.post(
    "/oauth/token", operation_id="issue_token", summary="An access token (OAuth 2)", responses=documented() | _REFUSED,
    openapi_extra=_TOKEN_FORM, response_model=TokenAnswer,
)
async def issue_token(request: Request, network: Network, work: Writing, centre: CentreOf, at: At) -> Response:
    """RFC 6749: `client_credentials` for the program itself, `authorization_code` with PKCE and `refresh_token` for a person who
    has agreed. The client proves who it is by HTTP Basic or in the form."""
    settings, address = centre.settings, address_of(request)
    try:
        form, client = await _proven(request, network, work, centre, at)
        match form.get("grant_type"):
            case "client_credentials":
                answer = await grants.by_client_credentials(work, settings, client, _optional(form, "scope"), at)
            case "authorization_code":
                code, uri, verifier = (_needed(form, name) for name in ("code", "redirect_uri", "code_verifier"))
                answer = await grants.by_code(work, settings, client, code, uri, verifier, at, address)
            case "refresh_token":
                token = _needed(form, "refresh_token")
                answer = await grants.by_refresh(work, settings, client, token, _optional(form, "scope"), at, address)
            case None:
                raise TokenRefused("invalid_request", "Send grant_type.")
            case _:
                raise TokenRefused("unsupported_grant_type", "Use client_credentials, authorization_code or refresh_token.")
    except TokenRefused as refused:
        return _refusal(refused)
    return JSONResponse(answer.model_dump(exclude_none=True), headers={"Pragma": "no-cache"})


@oauth.post(
    "/oauth/revoke", operation_id="revoke_token", summary="End a token (RFC 7009)", responses=documented() | _REFUSED,
    openapi_extra=_form(["token"], token="an access or a refresh token", **_CLIENT),
)
async def revoke_token(request: Request, network: Network, work: Writing, centre: CentreOf, at: At) -> Response:
    """With it all tokens end that came of the same consent. What is no token of this client is answered alike."""
    try:
        form, client = await _proven(request, network, work, centre, at)
        await grants.revoke(work, client, _needed(form, "token"))
    except TokenRefused as refused:
        return _refusal(refused)
    return Response(status_code=200)


async def describe_server(centre: CentreOf) -> dict[str, Any]:
    """RFC 8414"""
    url = centre.public_url
    return {
        "issuer": url, "authorization_endpoint": f"{url}/oauth/authorize", "token_endpoint": f"{url}/api/v1/oauth/token",
        "revocation_endpoint": f"{url}/api/v1/oauth/revoke", "scopes_supported": list(Scope),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": True,
    }


async def _proven(request: Request, network: str, work: Work, centre: Centre, at: datetime) -> tuple[FormData, ApiClient]:
    """The form, and who has proved to send it. Raises TokenRefused and TokensRateLimited."""
    form, client_id, secret = await _read(request)
    told = request.state.headers
    try:
        client = await grants.authenticate_client(work, client_id, secret, at)
    except TokenRefused:
        told.update(centre.tokens_of_address.charge(network, at, _WRONG_SECRET_COSTS - 1))
        raise
    # Only what is proved counts for a client: otherwise anybody could lock it out.
    of_client = centre.tokens_of_client.take(client.id, at)
    told.update({name: f"{told[name]}, {value}" for name, value in of_client.items()})
    return form, client


async def _read(request: Request) -> tuple[FormData, str, str]:
    """The form, and the client's id and secret out of it or out of the Authorization header. Raises TokenRefused."""
    if not request.headers.get("content-type", "").startswith(_FORM_TYPE):
        raise TokenRefused("invalid_request", f"Send a form of the type {_FORM_TYPE}.")
    form = await request.form(max_fields=20)
    names = [name for name, _ in form.multi_items()]
    if len(set(names)) != len(names):
        raise TokenRefused("invalid_request", "A field was sent twice.")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return form, _optional(form, "client_id"), _optional(form, "client_secret")
    try:
        text = base64.b64decode(value, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    client_id, _, secret = text.partition(":")
    return form, unquote_plus(client_id), unquote_plus(secret)  # RFC 6749, 2.3.1


def _optional(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _needed(form: FormData, name: str) -> str:
    value = _optional(form, name)
    if not value:
        raise TokenRefused("invalid_request", f"Send {name}.")
    return value


def _refusal(refused: TokenRefused) -> Response:
    content = {"error": refused.error, "error_description": refused.description}
    headers = {"WWW-Authenticate": 'Basic realm="token"'} if refused.status == 401 else {}
    return JSONResponse(content, refused.status, headers)


def _with_secret(client: ApiClient, secret: str) -> ClientWithSecret:
    return ClientWithSecret(**dict(ClientOut.model_validate(client)), secret=secret)
