"""Accounts for administrators: who there is, inviting somebody, and what to do when a password or a phone is lost."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts import invitations, posts, service
from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import STORE_ROLES, Permission, Role
from api.accounts.tables import Invitation, User
from api.centre import Centre
from api.console.i18n import N_
from api.console.post_form import PostTyped, post_fields
from api.console.qr import qr_svg
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.console.words import ROLES, Chip
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.work import At, Reading, Writing
from api.places import service as places

router = APIRouter()


@dataclass(frozen=True)
class AccountRow:
    id: str
    name: str
    login: str
    role: str
    place: str
    state: Chip
    has_second_factor: bool
    is_disabled: bool
    is_other: bool
    may: dict[str, bool]
    has_shops_of_others: bool


@dataclass(frozen=True)
class InvitationRow:
    """`what` is the role of a new account, or that a new password is to be chosen."""

    id: str
    name: str
    what: str
    place: str
    until: LocalTime


@dataclass(frozen=True)
class FurtherRow:
    """Somebody who looks after this shop beside their own."""

    user_id: str
    name: str
    login: str
    shop: str
    shop_id: str


_PAGE = 50
Id = Annotated[str, Path(max_length=64)]


class AccountChange(StrEnum):
    DISABLE = "disable"
    ENABLE = "enable"
    PASSWORD = "password"
    SECOND_FACTOR = "second-factor"


_DONE = {
    "post": N_("The change is saved. Whoever was signed in with the account is signed out, and sees the new place from now on."),
    "shop": N_("Whoever looked after that shop too sees nothing of it any more."),
    AccountChange.DISABLE: N_("The account is disabled. Whoever was signed in with it is signed out."),
    AccountChange.ENABLE: N_("The account is let in again, with the password it had."),
    AccountChange.SECOND_FACTOR: N_("The second factor is off. Ask its owner to set it up again."),
}
# An account knows no mobile number: only a person can tell which contact it is.
_STILL_TOLD = N_(
    "Short messages go to the shop's contacts. Whoever is no longer to get and answer its notices is to be taken out on the page "
    "of the shop too."
)


@router.get("/accounts")
async def account_list(
    request: Request, actor: SignedIn, work: Reading, at: At, done: str = "", who: Annotated[str, Query(max_length=100)] = "",
    cursor: str | None = None,
) -> Response:
    speaker, who = speaker_of(request), who.strip()
    words = next((words for change, words in _DONE.items() if change == done), None)
    said = speaker.say(words) if words else None
    users = await service.list_users(work, actor, who=who, after=decode_text(cursor), limit=_PAGE + 1)
    if said and (done == "shop" or (done == AccountChange.DISABLE and any(user.role in STORE_ROLES for user in users))):
        said += f" {speaker.say(_STILL_TOLD)}"
    asked = {"who": who} if who else {}
    names = await _places(work, actor)
    waiting = [
        InvitationRow(
            one.id, one.name, speaker.say(ROLES[one.role] if one.user_id is None else N_("New password")),
            _place(one, names, speaker), speaker.time(one.expires_at),
        )
        for one in await invitations.list_open(work, actor, at)
        if who.casefold() in one.name.casefold()
    ]
    of_others = await service.list_with_shops_of_others(work, actor, users)
    rows = [_row(user, actor, names, speaker, user.id in of_others) for user in users[:_PAGE]]
    further = [
        FurtherRow(user.id, user.name, user.login, names.get(f"shop:{shop_id}", shop_id), shop_id)
        for user, shop_id in await posts.list_who_looks_after(work, actor, who=who, limit=_PAGE + 1)
    ]
    return page(
        request, "accounts.html", actor=actor, accounts=rows, invitations=waiting[:_PAGE],
        more_invitations=max(0, len(waiting) - _PAGE), further=further[:_PAGE],
        is_more_further=len(further) > _PAGE, done=said, who=who,
        first_url=f"/accounts?{urlencode(asked)}" if cursor else None,
        next_url=f"/accounts?{urlencode({**asked, 'cursor': encode_cursor(rows[-1].login)})}" if len(users) > _PAGE else None,
    )


@router.get("/accounts/{user_id}/post")
async def post_page(request: Request, user_id: Id, actor: SignedIn, work: Reading) -> Response:
    user = await posts.get_other(work, actor, user_id)
    return await _post_form(request, work, actor, user, PostTyped.of(user), {})


@router.post("/accounts/{user_id}/post")
async def change_post(
    request: Request, user_id: Id, actor: SignedIn, work: Writing, at: At, typed: Annotated[PostTyped, Form()]
) -> Response:
    if wrong := typed.wrong():
        return await _post_form(request, work, actor, await posts.get_other(work, actor, user_id), typed, wrong)
    user = await posts.change_post(work, actor, user_id, **typed.read(), at=at)
    return RedirectResponse(f"/accounts?{urlencode({'done': 'post', 'who': user.login})}", 303)


@router.post("/accounts/{user_id}/shops/{shop_id}/end")
async def take_out(user_id: Id, shop_id: Id, actor: SignedIn, work: Writing) -> Response:
    await posts.take_out(work, actor, user_id, shop_id)
    return RedirectResponse("/accounts?done=shop", 303)


@router.post("/accounts/{user_id}/{change}")
async def change_account(
    request: Request, user_id: Id, change: AccountChange, actor: SignedIn, work: Writing, centre: CentreOf, at: At
) -> Response:
    user = await posts.get_other(work, actor, user_id)
    match change:
        case AccountChange.PASSWORD:
            invitation, token = await invitations.invite_to_password(work, actor, user, at)
            return _shown(request, actor, centre, invitation, token)
        case AccountChange.SECOND_FACTOR:
            await service.drop_second_factor(work, actor, user.login)
        case _:
            await service.set_disabled(work, actor, user.login, change is AccountChange.DISABLE)
    return RedirectResponse(f"/accounts?{urlencode({'done': change.value, 'who': user.login})}", 303)


@router.get("/invitations/new")
async def new_invitation(request: Request, actor: SignedIn, work: Reading, place: str = "") -> Response:
    actor.require(Permission.ACCOUNTS_WRITE)
    return await _form(request, work, actor, PostTyped(place=place), {})


@router.post("/invitations/new")
async def invite(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, typed: Annotated[PostTyped, Form()]
) -> Response:
    actor.require(Permission.ACCOUNTS_WRITE)
    if wrong := typed.wrong():
        return await _form(request, work, actor, typed, wrong)
    invitation, token = await invitations.invite(work, actor, **typed.read(), at=at)
    return _shown(request, actor, centre, invitation, token)


@router.post("/invitations/{invitation_id}/withdraw")
async def withdraw(invitation_id: Id, actor: SignedIn, work: Writing, at: At) -> Response:
    await invitations.withdraw(work, actor, invitation_id, at)
    return RedirectResponse("/accounts", 303)


def _shown(request: Request, actor: Actor, centre: Centre, invitation: Invitation, token: str) -> Response:
    """This once."""
    speaker, url = speaker_of(request), f"{centre.public_url}/join/{token}"
    title = N_("Invitation for %(name)s") if invitation.user_id is None else N_("A new password for %(name)s")
    return page(
        request, "invitation.html", actor=actor, here="/accounts", title=speaker.say(title, name=invitation.name),
        name=invitation.name, url=url, until=speaker.time(invitation.expires_at),
        code=qr_svg(url, speaker.say(N_("QR code of the link"))),
    )


async def _form(request: Request, work: Work, actor: Actor, typed: PostTyped, wrong: dict[str, str]) -> Response:
    fields = await post_fields(request, work, actor, typed, wrong)
    return page(request, "invitation_new.html", actor=actor, status=422 if wrong else 200, **fields)


async def _post_form(
    request: Request, work: Work, actor: Actor, user: User, typed: PostTyped, wrong: dict[str, str]
) -> Response:
    fields = await post_fields(request, work, actor, typed, wrong)
    return page(
        request, "account_post.html", actor=actor, here=f"/accounts/{user.id}/post", status=422 if wrong else 200,
        user_id=user.id, login=user.login, back_url=f"/accounts?{urlencode({'who': user.login})}", **fields,
    )


async def _places(work: Work, actor: Actor) -> dict[str, str]:
    """All that an account can be bound to, by how the form names it."""
    districts = {f"district:{district.id}": district.name for district in await places.list_districts(work, actor)}
    shops = await places.list_shop_names(work, actor)
    return districts | {f"shop:{shop_id}": f"{district} · {name}" for shop_id, name, district in shops}


def _row(user: User, actor: Actor, names: dict[str, str], speaker: Speaker, has_shops_of_others: bool) -> AccountRow:
    state = Chip(speaker.say(N_("Disabled")), "minor") if user.disabled else Chip(speaker.say(N_("Active")), "good")
    role = speaker.say(ROLES[user.role])
    if user.is_admin and user.role is not Role.ADMIN:
        role += f" · {speaker.say(ROLES[Role.ADMIN])}"
    has_second_factor, is_other = user.totp_encrypted is not None, user.id != actor.id
    may = {
        AccountChange.DISABLE.value: is_other and not user.disabled,
        AccountChange.PASSWORD.value: is_other and not user.disabled and not has_shops_of_others,
        AccountChange.SECOND_FACTOR.value: is_other and has_second_factor,
    }
    return AccountRow(
        user.id, user.name, user.login, role, _place(user, names, speaker), state, has_second_factor, user.disabled, is_other,
        may, has_shops_of_others,
    )


def _place(bound: User | Invitation, names: dict[str, str], speaker: Speaker) -> str:
    if bound.shop_id is not None:
        return names.get(f"shop:{bound.shop_id}", bound.shop_id)
    if bound.district_id is not None:
        return names.get(f"district:{bound.district_id}", bound.district_id)
    return speaker.say(N_("All places"))
