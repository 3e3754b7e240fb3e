from fastapi import APIRouter, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn, sign_in, sign_out
from api.accounts.schemas import LoginIn, Me
from api.kit.problems import Forbidden, TooManyRequests, Unauthenticated, documented
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["accounts"])
own = APIRouter(tags=["accounts"], route_class=ApiRoute)


@router.post("/login", operation_id="login", summary="Sign in", responses=documented(Unauthenticated, Forbidden, TooManyRequests))
async def login(request: Request, response: Response, body: LoginIn) -> Me:
    """Sets the session's cookie. The problem `code-needed` asks for the same once more, with `code`."""
    return _me(await sign_in(request, response, body.login, body.password, body.code))


@router.post(
    "/logout", operation_id="logout", summary="Sign out", status_code=204, responses=documented(Unauthenticated, Forbidden)
)
async def logout(request: Request, response: Response, actor: SignedIn) -> None:
    """Of a session. A token ends with `POST /api/v1/oauth/revoke`."""
    await sign_out(request, response, actor)


@own.get("/me", operation_id="get_me", summary="Who is signed in", responses=documented(Unauthenticated))
async def get_me(actor: SignedIn) -> Me:
    return _me(actor)


def _me(actor: Actor) -> Me:
    return Me(
        id=actor.id, name=actor.name, role=actor.role, is_admin=actor.is_admin, language=actor.language,
        district_id=actor.district_id, shop_id=actor.shop_id, further_shop_ids=sorted(actor.further_shop_ids),
        permissions=sorted(actor.permissions),
    )
