"""What edges are asked to do, and what they answer.

An edge asks, never the other way round: it has a question open all the time. What is to be tried is given out once, within two
minutes.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import datetime

from api.accounts.actors import Actor, the_system
from api.centre import Centre
from api.edges import repository as edges
from api.kit.database import Work
from api.kit.pictures import NotAPicture, check_jpeg
from api.kit.problems import Conflict, Invalid, NotFound
from api.trials import repository
from api.trials.service import ANSWERED_WITHIN, COUNTED, KEPT, Stage, stage_of
from contract.trials import PICTURE_BYTES, PICTURE_SIDE_PX, Sighting, Trial, TrialAnswer

# How often an open question looks whether its edge is still there, and the centre for what another process of it has put up.
LISTEN_S, LOOK_EVERY_S, FORGET_EVERY_S = 1.0, 2.0, 60.0


class NotWaitedFor(Conflict):
    code = "trial-not-waited-for"


async def wait_for_trial(
    centre: Centre, actor: Actor, is_gone: Callable[[], Awaitable[bool]], *, finds: bool
) -> Trial | None:
    """None when nobody wanted one while the question was open. `finds`: the edge can look for cameras."""
    clock = asyncio.get_running_loop().time
    until = clock() + centre.settings.trial_wait_s
    is_new = True
    while True:
        if is_new and (trial := await _take(centre, actor, finds)) is not None:
            return trial
        left_s = until - clock()
        if left_s <= 0 or centre.trial_bells.is_closed:
            return None
        is_new = await centre.trial_bells.heard(actor.id, min(LISTEN_S, left_s))
        if await is_gone():
            return None


async def _take(centre: Centre, actor: Actor, finds: bool) -> Trial | None:
    since = centre.clock() - ANSWERED_WITHIN
    async with centre.database.reading() as work:
        if not await repository.edges_waited_for(work, actor, since):
            return None
    async with centre.database.writing() as work:
        edge = await edges.own_edge(work, actor)
        trial = await repository.next_waiting(work, actor, since) if edge.is_trusted else None
        if trial is None:
            return None
        trial.taken_at = centre.clock()
        if trial.is_search and not finds:
            trial.answered_at = trial.taken_at  # with nothing: this is not waited for, see `stage_of`
            return None
        return Trial(
            id=trial.id, camera_id=trial.camera_id, urls=trial.urls, username=trial.username,
            password_sealed=trial.password_sealed,
        )


async def take_answer(work: Work, actor: Actor, answer: TrialAnswer, at: datetime) -> None:
    """Raises NotWaitedFor."""
    trial = await repository.get_trial(work, actor, answer.trial_id, for_change=True)
    if trial is None:
        raise NotFound("This edge was not asked to try such a camera.")
    if stage_of(trial, at) is not Stage.LOOKING:
        raise NotWaitedFor("Nobody waits for this answer: it came before, was not asked for, or comes too late.")
    if trial.is_search != (answer.found is not None):
        raise Invalid("The edge was to look for cameras and told something else, or the other way round.")
    if answer.url not in (trial.urls or [""]):
        raise Invalid("The answer is about an address that was not to be tried.")
    sighting = answer.sighting
    if sighting is not None:
        trial.picture, trial.is_failure = _picture(sighting), False
        answer = answer.model_copy(update={"sighting": sighting.model_copy(update={"jpeg": ""})})
    trial.answered_at, trial.answer = at, answer.model_dump_json()


def _picture(sighting: Sighting) -> bytes:
    try:
        picture = base64.b64decode(sighting.jpeg, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAPicture("The picture is not base64.") from error
    if len(picture) > PICTURE_BYTES:
        raise NotAPicture(f"The picture has more than {PICTURE_BYTES} bytes.")
    check_jpeg(picture, PICTURE_SIDE_PX)
    return picture


async def ring_for_all(centre: Centre, _stopping: asyncio.Event) -> None:
    """Also for what was put up in another process, or while an edge was just asking anew."""
    async with centre.database.reading() as work:
        waited_for = await repository.edges_waited_for(work, the_system(), centre.clock() - ANSWERED_WITHIN)
    for edge_id in waited_for:
        centre.trial_bells.ring(edge_id)


async def forget_old(centre: Centre, _stopping: asyncio.Event | None = None) -> None:
    system, at = the_system(), centre.clock()
    async with centre.database.reading() as work:
        if not await repository.any_older(work, system, at - KEPT, at - COUNTED):
            return
    async with centre.database.writing() as work:
        over = [trial.id for trial in await repository.list_to_end(work, system, at - KEPT)]
        await repository.end(work, system, over, at)
        await repository.forget(work, system, at - COUNTED)
