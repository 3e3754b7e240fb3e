"""Where an invitation leads to: an account is made, gets a new password, or takes on one more shop."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import SecretStr

from api.accounts import invitations, service
from api.accounts.dependencies import CentreOf, MaybeSignedIn, SignedIn, address_of, device_of, set_session, sign_in
from api.accounts.invitations import InvitationUsed
from api.accounts.password_rules import LEAST_ALONE
from api.accounts.passwords import MOST_TYPED, hash_password
from api.accounts.repository import own_user
from api.accounts.service import LoginTaken
from api.accounts.tables import Invitation
from api.console.account_pages import weak
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.words import ROLES
from api.kit.problems import Unauthenticated
from api.kit.work import At, Reading, Writing

router = APIRouter()

_JOINED = "/login?joined=yes"
_LOGIN = N_("A user name has 1 to 64 characters, all of which can be seen, and no space at its ends.")
_TAKEN = N_("This user name is taken. Choose another one.")
Token = Annotated[str, Path(max_length=64)]


@router.get("/join/{token}")
async def join_page(request: Request, token: Token, actor: MaybeSignedIn, work: Reading, at: At) -> Response:
    """Once it was used it leads to where one signs in: for who was invited it is the way to the centre. Who looks after a shop
    already may take this one on with the same account."""
    try:
        invitation = await invitations.find(work, token, at)
    except InvitationUsed:
        return RedirectResponse(_JOINED, 303)
    shop = await invitations.shop_of(work, actor, invitation) if actor is not None else None
    if actor is not None and shop is not None:
        user = await own_user(work, actor)
        return page(request, "join_shop.html", actor=actor, token=token, shop=shop.name, login=user.login)
    known = await invitations.login_of(work, invitation)
    return _join(request, invitation, token, "", {}, known, may_sign_in=actor is None and invitations.is_of_a_shop(invitation))


@router.post("/join/{token}/shop")
async def take_on(token: Token, actor: SignedIn, work: Writing, at: At) -> Response:
    """Sent again (a second tap, an answer that was lost) it shows which shops there are."""
    try:
        await invitations.take_on(work, actor, token, at)
    except InvitationUsed:
        return RedirectResponse("/account", 303)
    return RedirectResponse("/account?done=shop", 303)


@router.post("/join/{token}")
async def join(
    request: Request, token: Token, centre: CentreOf, at: At, login: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[SecretStr, Form(max_length=MOST_TYPED)] = SecretStr(""),  # noqa: B008 - as FastAPI reads it
) -> Response:
    """The account is made, or has its new password, and is signed in. Sent again (a second tap, an answer that was lost) it only
    signs in."""
    speaker, login, address = speaker_of(request), login.strip(), address_of(request)
    try:
        async with centre.database.reading() as work:
            invitation = await invitations.find(work, token, at)
            known = await invitations.login_of(work, invitation)
    except InvitationUsed:
        return await _joined_before(request, login, password)
    wrong = {}
    login = known or login
    if not service.is_login(login):
        wrong["login"] = speaker.say(_LOGIN)
    if said := weak(password, login, False, speaker):
        wrong["password"] = said
    if wrong:
        return _join(request, invitation, token, login, wrong, known)
    hashed = await hash_password(password)
    try:
        async with centre.database.writing() as work:
            user = await invitations.accept(work, token, login, hashed, address, at)
            if user.totp_encrypted is not None:  # whose phone is still asked
                return RedirectResponse(_JOINED, 303)
            session = await service.start_session_of(work, centre.settings, user, address, device_of(request))
    except LoginTaken:
        return _join(request, invitation, token, login, {"login": speaker.say(_TAKEN)}, known)
    except InvitationUsed:
        return await _joined_before(request, login, password)
    response = RedirectResponse("/", 303)
    set_session(request, response, session)
    return response


async def _joined_before(request: Request, login: str, password: SecretStr) -> Response:
    """Raises TooManyLogins."""
    response = RedirectResponse("/", 303)
    try:
        await sign_in(request, response, login, password)
    except Unauthenticated:
        return RedirectResponse(_JOINED, 303)
    return response


def _join(
    request: Request, invitation: Invitation, token: str, login: str, wrong: dict[str, str], known: str | None,
    *, may_sign_in: bool = False,
) -> Response:
    """`known` is the login of an account that is to get a new password."""
    return page(
        request, "join.html", actor=None, here=f"/join/{token}", status=422 if wrong else 200, name=invitation.name, login=login,
        role=speaker_of(request).say(ROLES[invitation.role]), wrong=wrong, token=token, least=LEAST_ALONE, known=known,
        sign_in_url=f"/login?{urlencode({'next': f'/join/{token}'})}" if may_sign_in else None,
    )
