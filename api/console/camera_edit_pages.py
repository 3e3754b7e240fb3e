"""One camera: its state, the rules in force, and the forms that add and change it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.cameras import observed, pictures
from api.cameras import service as cameras
from api.cameras.makers import MAKERS
from api.cameras.service import PasswordNeededAgain
from api.cameras.tables import Camera
from api.cases import service as cases
from api.cases import spots
from api.centre import Centre
from api.console.camera_form import CameraFormView, CameraTyped, NotACamera, read_form
from api.console.camera_views import CameraView, MutedSpotView, Shown, camera_row, day_bars, muted_spot_view, shown
from api.console.exhibit_views import blurred_url
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.rules_in_force import rules_view
from api.console.shop_choice import choose_shop
from api.console.speech import Speaker
from api.console.views import Option
from api.console.words import AREAS, POSTS
from api.edges import service as edges
from api.evidence import service as evidence
from api.kit.database import Work
from api.kit.problems import NotFound, VersionConflict
from api.kit.work import At, Reading, Writing
from api.places import service as places
from api.places.schemas import AreaIn
from contract.catalogue import AreaKind, Post

router = APIRouter()

# Two weeks, as far as the minutes are kept.
_DAYS = 14


@router.get("/cameras/new")
async def new_camera(request: Request, actor: SignedIn, work: Reading) -> Response:
    actor.require(Permission.CAMERAS_WRITE)
    form = await _form(request, work, actor, CameraTyped(enabled=True))
    return page(request, "camera_new.html", actor=actor, form=form, makers=MAKERS)


@router.post("/cameras/new")
async def add_camera(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, typed: Annotated[CameraTyped, Form()]
) -> Response:
    actor.require(Permission.CAMERAS_WRITE)
    speaker = speaker_of(request)
    try:
        new = read_form(typed, speaker)
    except NotACamera as problem:
        form = await _form(request, work, actor, typed, wrong=problem.wrong)
        return page(request, "camera_new.html", actor=actor, status=422, form=form, makers=MAKERS)
    camera = await cameras.create_camera(work, actor, centre.keyring, new, at)
    return RedirectResponse(f"/cameras/{camera.id}", 303)


@router.get("/cameras/{camera_id}")
async def camera_page(
    request: Request, camera_id: str, actor: SignedIn, work: Reading, centre: CentreOf, saved: str = ""
) -> Response:
    view = await _view(request, work, actor, centre, camera_id)
    return page(request, "camera.html", actor=actor, camera=view, makers=MAKERS, saved=saved == "yes")


@router.post("/cameras/{camera_id}")
async def change_camera(
    request: Request, camera_id: str, actor: SignedIn, centre: CentreOf, at: At, typed: Annotated[CameraTyped, Form()]
) -> Response:
    actor.require(Permission.CAMERAS_WRITE)
    speaker, wrong, conflict = speaker_of(request), {}, None
    try:
        async with centre.database.writing() as work:
            before = (await cameras.get_camera(work, actor, camera_id)).camera
            new = read_form(typed, speaker, before.interval_s)
            camera = await cameras.update_camera(work, actor, centre.keyring, camera_id, new, typed.version, at)
            await pictures.drop_unshown(centre.files, camera)
        return RedirectResponse(f"/cameras/{camera_id}?saved=yes", 303)
    except NotACamera as problem:
        wrong = problem.wrong
    except PasswordNeededAgain:
        changed = N_("The camera has another host, port, shop or edge box now. Enter its password again.")
        wrong = {"password": speaker.say(changed)}
    except VersionConflict:
        conflict = speaker.say(
            N_("Somebody else has changed this camera meanwhile. What you typed is still here: check it, then save again.")
        )
    async with centre.database.reading() as work:
        view = await _view(request, work, actor, centre, camera_id, typed, wrong, conflict)
    status = 422 if wrong else 412
    return page(
        request, "camera.html", actor=actor, here=f"/cameras/{camera_id}", status=status, camera=view, makers=MAKERS, saved=False
    )


@router.post("/cameras/{camera_id}/area")
async def change_area(camera_id: str, actor: SignedIn, work: Writing, kind: Annotated[AreaKind, Form()]) -> Response:
    """What kind of area the camera hangs in; this decides which rules are in force for all cameras there."""
    area = (await cameras.get_camera(work, actor, camera_id)).camera.area
    await places.update_area(work, actor, area.id, AreaIn(shop_id=area.shop_id, name=area.name, kind=kind))
    return RedirectResponse(f"/cameras/{camera_id}?saved=yes", 303)


@router.post("/cameras/{camera_id}/spots/{spot_id}/revoke")
async def lift_spot(camera_id: str, spot_id: str, actor: SignedIn, work: Writing, at: At) -> Response:
    """What is seen there is put up for judgement again."""
    await spots.revoke_muted_spot(work, actor, spot_id, at)
    return RedirectResponse(f"/cameras/{camera_id}", 303)


async def _view(
    request: Request, work: Work, actor: Actor, centre: Centre, camera_id: str, typed: CameraTyped | None = None,
    wrong: dict[str, str] | None = None, conflict: str | None = None,
) -> CameraView:
    speaker = speaker_of(request)
    status = await cameras.get_camera(work, actor, camera_id)
    camera: Camera = status.camera
    posts = frozenset(Post(post) for post in camera.posts)
    form = None
    if actor.may(Permission.CAMERAS_WRITE):
        form = await _form(
            request, work, actor, typed or CameraTyped.of(camera), wrong=wrong, version=camera.version,
            has_password=camera.has_password,
        )
    aspect = camera.height / camera.width if camera.width and camera.height else 9 / 16
    days = min(_DAYS, centre.settings.minutes_kept_days)
    return CameraView(
        schedule=CameraTyped.of(camera).hours or speaker.say(N_("all day")),
        days=day_bars(
            await observed.count_by_day(work, actor, camera, centre.clock(), days), centre.settings.status_active_from
        ),
        row=camera_row(status, speaker), rules=rules_view(centre.catalogue, camera.area.kind, posts, speaker), form=form,
        area_name=camera.area.name, area_kind=camera.area.kind.value, kinds=_options(AREAS, speaker),
        may_change_area=actor.may(Permission.PLACES_WRITE), conflict=conflict, aspect=aspect,
        zone=" ".join(f"{x * 100:g},{y * 100 * aspect:g}" for x, y in camera.zone or []) or None,
        picture=shown(camera, speaker) or await _picture_of_case(work, actor, camera_id, speaker),
        muted=await _muted(work, actor, centre, speaker, camera_id, aspect), may_lift=actor.may(Permission.CASES_JUDGE),
        chain_url=f"/api/v1/cameras/{camera_id}/evidence-chain" if actor.may(Permission.EVIDENCE_READ) else None,
    )


async def _muted(
    work: Work, actor: Actor, centre: Centre, speaker: Speaker, camera_id: str, aspect: float
) -> list[MutedSpotView]:
    if not actor.may(Permission.EVIDENCE_READ):
        return []
    found = await spots.list_muted_spots(work, actor, camera_id)
    return [muted_spot_view(spot, speaker, centre.catalogue, aspect) for spot in found]


async def _picture_of_case(work: Work, actor: Actor, camera_id: str, speaker: Speaker) -> Shown | None:
    """Of the latest case, without faces, for who may see it: of an edge that sends no others."""
    if not actor.may(Permission.CASES_READ):
        return None
    latest = await cases.list_cases(work, actor, camera_id=camera_id, limit=1)
    found = await evidence.of_cases(work, actor, [case.id for case in latest])
    exhibit = next((exhibits[0] for exhibits in found.values() if exhibits), None)
    return Shown(blurred_url(exhibit), speaker.ago(latest[0].opened_at), False) if exhibit is not None else None


async def _form(
    request: Request, work: Work, actor: Actor, typed: CameraTyped, *, wrong: dict[str, str] | None = None, version: int = 0,
    has_password: bool = False,
) -> CameraFormView:
    speaker = speaker_of(request)
    choice = await choose_shop(request, work, actor, await _shop_of(work, actor, typed.area_id))
    shops = {shop.value: shop.words for shop in choice.options}
    areas = [
        Option(area.id, f"{shops[area.shop_id]} · {area.name} ({speaker.area(area.kind)})")
        for area in await places.list_areas(work, actor, shops)
    ]
    boxes = [
        Option(edge.id, f"{shops[edge.shop_id]} · {edge.name}")
        for edge in await edges.list_edges(work, actor)
        if edge.is_trusted and edge.shop_id in shops
    ]
    return CameraFormView(
        choice, sorted(areas, key=_words), sorted(boxes, key=_words), _options(POSTS, speaker), typed.without_secrets(),
        wrong or {}, version, has_password,
    )


async def _shop_of(work: Work, actor: Actor, area_id: str) -> list[str]:
    try:
        return [(await places.get_area(work, actor, area_id)).shop_id] if area_id else []
    except NotFound:
        return []


def _words(option: Option) -> str:
    return option.words


def _options(words: dict[AreaKind, str] | dict[Post, str], speaker: Speaker) -> list[Option]:
    return [Option(value.value, speaker.say(text)) for value, text in words.items()]
