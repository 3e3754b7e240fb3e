"""The answer of a shop: it is put right, or it disagrees."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.answers.endpoints import AnswerForm, PhotographTooLarge, handing_in, read_answer
from api.answers.service import TakenBefore, TooManyPhotographs
from api.cases import service as cases
from api.cases.endpoints import CaseId
from api.cases.service import ActNotPossible
from api.cases.states import Given, Step, step_of
from api.cases.tables import Case
from api.centre import Centre
from api.console.case_pages import again, to_case, too_late
from api.console.i18n import N_
from api.kit.pictures import NotAPicture
from api.kit.problems import StorageFull, VersionConflict
from api.kit.work import At
from api.repeats.routes import body_of

router = APIRouter()
_TAKEN_BEFORE = N_("One was taken before the notice. Take a new one; if it is new, set the clock of the phone.")
_TOO_MANY_PHOTOGRAPHS = N_("These are more than six photographs. Choose the six that show it best.")
_NO_PHOTOGRAPH = N_(
    "One of the files is no photograph, or one that cannot be read here (HEIC, or more than 50 million pixels). "
    "Set the camera of the phone to JPEG (iPhone: “Most Compatible”), and take it again."
)
PHOTOGRAPH_TOO_LARGE = N_("A photograph is larger than 10 MB. Take it with the camera of the phone, or choose a smaller one.")
_DISK_FULL = N_("The disk of the server is full, so nothing was saved. Tell the station, and send it again later.")


@router.post("/cases/{case_id}/answer")
async def answer_case(request: Request, case_id: CaseId, actor: SignedIn, centre: CentreOf, at: At) -> Response:
    """Of the shop, or of an officer for it, with photographs."""
    actor.require(Permission.CASES_ANSWER)
    async with centre.database.reading() as work:
        case = await cases.get_case(work, actor, case_id)
    with body_of(request, actor.id):
        return await _answer(request, actor, centre, case, at)


async def _answer(request: Request, actor: Actor, centre: Centre, case: Case, at: datetime) -> Response:
    case_id = case.id
    try:
        form = await read_answer(request, centre.settings.picture_bytes)
    except PhotographTooLarge as problem:
        wrong = {"photographs": PHOTOGRAPH_TOO_LARGE}
        return await again(request, actor, centre, case_id, problem.act, problem.texts, at, 422, wrong=wrong)
    typed = {"text": form.text, "person": form.person, "training": form.training}
    try:
        wrong = await hand_in(centre, actor, case, form, at)
    except (VersionConflict, ActNotPossible) as problem:
        return await too_late(request, actor, centre, case_id, form.act, typed, at, problem)
    if wrong:
        return await again(request, actor, centre, case_id, form.act, typed, at, 422, wrong=wrong)
    return to_case(request, actor, case_id, form.act)


async def hand_in(centre: Centre, actor: Actor, case: Case, form: AnswerForm, at: datetime) -> dict[str, str]:
    """What is wrong with the form, by its field; nothing where the answer is in. Raises VersionConflict or ActNotPossible."""
    version = form.version or 0
    step = step_of(case.state, form.act)
    if step is not None and case.version == version and (missing := _missing(step, form)):
        return missing
    try:
        async with handing_in(centre, actor, case.id, version, form, at):
            return {}
    except TooManyPhotographs:
        return {"photographs": _TOO_MANY_PHOTOGRAPHS}
    except TakenBefore:
        return {"photographs": _TAKEN_BEFORE}
    except NotAPicture:
        return {"photographs": _NO_PHOTOGRAPH}
    except StorageFull:
        return {"photographs": _DISK_FULL}


def _missing(step: Step, form: AnswerForm) -> dict[str, str]:
    wrong = {}
    if not form.text.strip():
        wrong["text"] = N_("Fill this in.")
    if Given.PERSON in step.given and not form.person.strip():
        wrong["person"] = N_("Fill this in.")
    if Given.PHOTOGRAPH in step.given and not form.photographs:
        wrong["photographs"] = N_("Choose at least one photograph that was taken after the notice.")
    return wrong
