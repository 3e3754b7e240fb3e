"""Adding a camera in four steps: choose the maker, enter address and password, see the picture, say what it shows. Whoever does
not know the address has the edge look for cameras first."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.accounts.permissions import Permission
from api.cameras import service as cameras
from api.cameras.makers import maker_of
from api.console.camera_form import NotACamera
from api.console.i18n import N_
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.console.shop_choice import choose_shop
from api.console.trial_form import UNKNOWN, USUAL_USER, TrialFormView, TrialTyped, read_trial, too_many
from api.console.trial_views import REFUSALS, TrialView, trial_view, watched_hosts
from api.console.words import AREAS
from api.kit.database import Work
from api.kit.ids import ID_LENGTH
from api.kit.work import At, Reading, Writing
from api.places import service as places
from api.trials import service as trials
from api.trials.schemas import ALLOWED_KINDS, ForbiddenPlace
from api.trials.service import IS_OPEN, AddressRefused, NoEdge, PasswordNeeded, Stage, TooManyTrials, answer_of, stage_of
from contract.catalogue import AreaKind
from contract.edges import StreamFault
from contract.faults import FAULT_TEXTS

router = APIRouter()
_LONGEST_NAME = 100
_NO_EDGE = N_(
    "No edge box of this shop may read cameras yet. On the page “Edge boxes”, approve the one that waits, or have one enrolled."
)


@router.get("/cameras/trials/new")
async def new_trial(
    request: Request, actor: SignedIn, work: Reading, refused: Annotated[ForbiddenPlace | None, Query()] = None,
    search: Annotated[str, Query(max_length=ID_LENGTH)] = "", address: Annotated[str, Query(max_length=40)] = "",
    finds: bool = False,
) -> Response:
    """With `search`, at the shop and the edge of that one. An `address` is filled in that it found: a link could name any.
    `finds`: whoever sees several shops is asked for one, to have cameras looked for there."""
    actor.require(Permission.CAMERAS_ADD)
    typed = TrialTyped(username=USUAL_USER)
    if search:
        trial = await trials.get_trial(work, actor, search)
        typed = typed.model_copy(update={"shop_id": trial.shop_id, "edge_id": trial.edge_id})
        answer = answer_of(trial)
        for camera in (answer and answer.found) or []:
            if camera.address == address:
                maker = maker_of([camera.maker, camera.name, camera.hardware])
                typed = typed.model_copy(update={"address": address, "maker": maker.key if maker else UNKNOWN})
    return await _new(request, actor, work, typed, refused=refused, is_found=typed.address != "", finds=finds)


@router.post("/cameras/trials/search")
async def begin_search(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, shop_id: Annotated[str, Form()] = "",
    edge_id: Annotated[str, Form()] = "",
) -> Response:
    try:
        search = await trials.begin_search(work, actor, shop_id, edge_id or None, at)
    except NoEdge:
        wrong = speaker_of(request).say(_NO_EDGE)
    except TooManyTrials as problem:
        wrong = too_many(problem, speaker_of(request))
    else:
        work.when_committed(lambda: centre.trial_bells.ring(search.edge_id))
        return RedirectResponse(f"/cameras/trials/{search.id}", 303)
    typed = TrialTyped(shop_id=shop_id, edge_id=edge_id, username=USUAL_USER)
    return await _new(request, actor, work, typed, wrong={"all": wrong})


@router.post("/cameras/trials/new")
async def begin_trial(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, typed: Annotated[TrialTyped, Form()]
) -> Response:
    actor.require(Permission.CAMERAS_ADD)
    speaker = speaker_of(request)
    try:
        trial = await trials.begin(work, actor, centre.settings, read_trial(typed, speaker), at)
    except NotACamera as problem:
        wrong = problem.wrong
    except AddressRefused:
        wrong = {"address": speaker.choose(FAULT_TEXTS[StreamFault.FORBIDDEN_ADDRESS])}
    except PasswordNeeded:
        wrong = {"password": speaker.say(N_("Address, user or edge box is another one now. Enter the password again."))}
    except NoEdge:
        wrong = {"all": speaker.say(_NO_EDGE)}
    except TooManyTrials as problem:
        wrong = {"all": too_many(problem, speaker)}
    else:
        work.when_committed(lambda: centre.trial_bells.ring(trial.edge_id))
        return RedirectResponse(f"/cameras/trials/{trial.id}", 303)
    return await _new(request, actor, work, typed.without_secrets(), wrong=wrong)


@router.get("/cameras/trials/{trial_id}")
async def trial_page(request: Request, trial_id: str, actor: SignedIn, work: Reading, at: At) -> Response:
    view = await _view(request, actor, work, trial_id, at)
    part = _part(request, view)
    return page(request, "trial.html", actor=actor, trial=view, partial=part, partial_etag=partial_etag(part))


@router.get("/cameras/trials/{trial_id}/state")
async def trial_state(request: Request, trial_id: str, actor: SignedInForUpdate, work: Reading, at: At) -> Response:
    return partial_response(request, _part(request, await _view(request, actor, work, trial_id, at)))


@router.get("/cameras/trials/{trial_id}/picture.jpg")
async def trial_picture(trial_id: str, actor: SignedIn, work: Reading) -> Response:
    picture = await trials.get_picture(work, actor, trial_id)
    return Response(picture, media_type="image/jpeg")


@router.post("/cameras/trials/{trial_id}/camera")
async def add_camera(
    request: Request, trial_id: str, actor: SignedIn, work: Writing, centre: CentreOf, at: At,
    shows: Annotated[str, Form()] = "", name: Annotated[str, Form()] = "",
) -> Response:
    """What the picture shows decides which rules are in force, and whether a camera may hang there at all."""
    speaker = speaker_of(request)
    if shows in list(ForbiddenPlace):
        await trials.refuse_place(work, actor, trial_id, ForbiddenPlace(shows), at)
        return RedirectResponse(f"/cameras/trials/new?refused={shows}", 303)
    wrong = {}
    if shows not in [kind.value for kind in ALLOWED_KINDS]:
        wrong["shows"] = speaker.say(N_("Look at the picture, and say what it shows."))
    if len(name.strip()) > _LONGEST_NAME:
        wrong["name"] = speaker.say(N_("This is longer than it can be."))
    trial = await trials.get_trial(work, actor, trial_id, for_change=True)
    others = await cameras.list_cameras(work, actor, shop_id=trial.shop_id)
    if trial.over_at is not None and any(other.camera.id == trial.camera_id for other in others):  # tapped twice
        return RedirectResponse(_added_url(trial.camera_id), 303)
    if wrong or stage_of(trial, at) is not Stage.ANSWERED:
        view = await _view(request, actor, work, trial_id, at, wrong, name.strip())
        part = _part(request, view)
        return page(
            request, "trial.html", actor=actor, here=f"/cameras/trials/{trial_id}", status=422 if wrong else 409,
            trial=view, partial=part, partial_etag=partial_etag(part),
        )
    area_name = speaker.say(AREAS[AreaKind(shows)])
    area = await places.area_of_kind(work, actor, trial.shop_id, AreaKind(shows), area_name)
    called = name.strip() or f"{area.name} {1 + sum(other.camera.area_id == area.id for other in others)}"
    camera = await trials.add_camera(work, actor, centre.keyring, trial_id, area.id, called, at)
    return RedirectResponse(_added_url(camera.id), 303)


def _added_url(camera_id: str) -> str:
    return f"/cameras?added={camera_id}#camera-{camera_id}"


async def _new(
    request: Request, actor: Actor, work: Work, typed: TrialTyped, *, wrong: dict[str, str] | None = None,
    refused: ForbiddenPlace | None = None, is_found: bool = False, finds: bool = False,
) -> Response:
    speaker = speaker_of(request)
    form = replace(await _form(request, work, actor, typed, wrong or {}), is_found=is_found)
    refusal = speaker.say(REFUSALS[refused]) if refused is not None else None
    return page(
        request, "trial_new.html", actor=actor, status=422 if wrong else 200, form=form, refusal=refusal,
        finds=finds, may_write=actor.may(Permission.CAMERAS_WRITE),
    )


async def _form(request: Request, work: Work, actor: Actor, typed: TrialTyped, wrong: dict[str, str]) -> TrialFormView:
    choice = await choose_shop(request, work, actor, [typed.shop_id])
    return TrialFormView(choice, typed, wrong, has_password=typed.again != "")


async def _view(
    request: Request, actor: Actor, work: Work, trial_id: str, at: datetime, wrong: dict[str, str] | None = None, name: str = ""
) -> TrialView:
    trial = await trials.get_trial(work, actor, trial_id)
    # Asked for every second while the edge looks: the form comes with the end.
    is_open = stage_of(trial, at) in IS_OPEN
    if trial.is_search:
        known = [] if is_open else await cameras.list_cameras(work, actor, shop_id=trial.shop_id)
        watched = watched_hosts([one.camera for one in known], trial.edge_id)
        return trial_view(trial, None, at, speaker_of(request), watched=watched)
    form = None if is_open else await _form(request, work, actor, TrialTyped.of(trial), {})
    return trial_view(trial, form, at, speaker_of(request), wrong, name)


def _part(request: Request, view: TrialView) -> Markup:
    return partial(request, "trial_state.html", trial=view)
