"""The review queue: what waits, sorted; verdicts one after the other, or of many cases at once, with a way back."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.accounts.permissions import Permission
from api.cases import review
from api.cases import service as cases
from api.cases.queues import Queue, QueueName
from api.cases.review import STEPS, Verdict, Window
from api.cases.service import ActNotPossible
from api.cases.states import Act, CaseState
from api.cases.tables import Case
from api.centre import Centre
from api.console.case_rows import case_row, case_url
from api.console.case_views import overtaken
from api.console.case_words import SEVERITIES, VERDICTS, WHY_NOT
from api.console.exhibit_views import ClipView, clip_view
from api.console.exhibits import exhibit_of
from api.console.i18n import N_
from api.console.keys import CAPS, KEYS
from api.console.notice_pages import obstacles
from api.console.rendering import page, partial, partial_response, speaker_of
from api.console.review_views import QueueTab, ReviewCase, ReviewView, Undo, review_case
from api.console.speech import Speaker
from api.console.views import Link, Option
from api.console.ways_back import QUEUES, came_facts, queue_address, queue_facts
from api.evidence import service as evidence
from api.kit.database import Work
from api.kit.problems import Invalid, NotFound, VersionConflict
from api.kit.work import At
from api.notices.service import NoticeNotPossible

router = APIRouter()

# Of the queues that are worked off on the pages of their cases.
_ROWS = 60
_MOST_AT_ONCE = 100
# A case as the page names it: its number, and the version that was judged.
CaseRef = Annotated[str, Query(pattern=r"^\d{1,9}:\d{1,6}$")]
_REF = re.compile(r"(\d{1,9}):(\d{1,6})")


def _wanted(
    queue: QueueName = QueueName.JUDGE, rule: Annotated[str, Query(max_length=8)] = "",
    severity: Annotated[str, Query(pattern=r"^[123]?$")] = "", words: Annotated[str, Query(max_length=100)] = "",
) -> Queue:
    """What the address asks for; the same for every request about one queue."""
    return Queue(queue, rule, int(severity) if severity else None, words.strip())


Wanted = Annotated[Queue, Depends(_wanted)]


class NothingToMerge(Invalid):
    code = "nothing-to-merge"


@router.get("/review")
async def review_page(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, wanted: Wanted, done: Verdict | None = None,
    judged: Annotated[list[CaseRef] | None, Query(max_length=_MOST_AT_ONCE)] = None,
    failed: Annotated[list[int] | None, Query(max_length=_MOST_AT_ONCE)] = None,
) -> Response:
    """To look at the queue takes its next cases for a while; that is no act on them, and ends by itself."""
    actor.require(Permission.CASES_JUDGE)
    actor.require(QUEUES[wanted.name][1])
    speaker = speaker_of(request)
    view = await _view(actor, centre, speaker, wanted, at, _undo(done, judged or [], speaker), _numbers(failed or []))
    template = "review.html" if wanted.name is QueueName.JUDGE else "queue.html"
    return page(request, template, actor=actor, review=view, came=came_facts(wanted), keys=KEYS, caps=CAPS)


@router.post("/review/claim")
async def claim(
    request: Request, actor: SignedInForUpdate, centre: CentreOf, at: At, wanted: Wanted,
    had: Annotated[list[int] | None, Form(max_length=_MOST_AT_ONCE)] = None,
    without_clip: Annotated[list[int] | None, Form(max_length=_MOST_AT_ONCE)] = None,
) -> Response:
    """The page goes on with the cases that it shows, and gets more where it has few left; and the clips that have come since."""
    speaker = speaker_of(request)
    async with centre.database.writing() as work:
        window = await review.claim(work, actor, wanted, at, _numbers(had or []))
    async with centre.database.reading() as work:
        found = await _cases(work, actor, centre, speaker, window.new)
        clips = await _clips(work, actor, speaker, window.kept.intersection(without_clip or []))
        left = await _left(work, actor, wanted)
    lost = [
        Link(str(lease.case_id), speaker.say(N_("%(who)s looks at No. %(id)s now."), who=lease.actor_name, id=lease.case_id))
        for lease in window.lost
    ]
    came = came_facts(wanted)
    part = partial(request, "review_more.html", cases=found, clips=clips, lost=lost, left=left, came=came, caps=CAPS)
    return partial_response(request, part)


@router.post("/review/leave")
async def leave(
    actor: SignedInForUpdate, centre: CentreOf, had: Annotated[list[int] | None, Form(max_length=_MOST_AT_ONCE)] = None
) -> Response:
    actor.require(Permission.CASES_JUDGE)
    async with centre.database.writing() as work:
        await review.leave(work, actor, _numbers(had or []))
    return Response(status_code=204)


@router.post("/review/judge")
async def judge(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, wanted: Wanted, verdict: Annotated[Verdict, Form()],
    case: Annotated[list[str] | None, Form(max_length=_MOST_AT_ONCE)] = None, current: Annotated[str, Form()] = "",
) -> Response:
    """One verdict on the selected cases, or on the one that is shown where none is selected. Each is a step of its own. What is
    merged goes into the one that is shown."""
    actor.require(Permission.CASES_JUDGE)
    speaker = speaker_of(request)
    whole = _REF.fullmatch(current) if verdict is Verdict.MERGE else None
    into = int(whole[1]) if whole else None
    named = [ref for ref in case or [current] if ref.partition(":")[0] != str(into)]
    if not named or (verdict is Verdict.MERGE and into is None):
        raise NothingToMerge("Select the cases that are part of the one that is shown.")
    matches = [_REF.fullmatch(text) for text in named]
    versions: dict[int, int] = {}
    problems: dict[int, str] = {}
    for match in matches:
        if match is None:
            raise Invalid("Name each case by its number and the version that was judged, such as 12:1.")
        case_id, version = int(match[1]), int(match[2])
        try:
            versions[case_id] = await _judge_one(actor, centre, case_id, version, verdict, at, into)
        except NotFound:
            if len(matches) == 1:
                raise
            problems[case_id] = speaker.say(N_("There is no such case, or it lies outside your area."))
        except Invalid:
            if into is None:
                raise
            problems[case_id] = speaker.say(N_("It is a case of another shop, or the other one is not open any more."))
        except (NoticeNotPossible, VersionConflict, ActNotPossible) as problem:
            problems[case_id] = await _told(actor, centre, case_id, problem, speaker)
    if "application/json" in request.headers.get("accept", ""):
        async with centre.database.reading() as work:
            left = await _left(work, actor, wanted)
        return JSONResponse({"versions": versions, "problems": problems, "left": left})
    query = [*((fact.name, fact.value) for fact in queue_facts(wanted)), ("done", verdict.value)]
    query += [("judged", f"{case_id}:{version}") for case_id, version in versions.items()]
    query += [("failed", str(case_id)) for case_id in problems]
    return RedirectResponse(f"/review?{urlencode(query)}", 303)


async def _judge_one(
    actor: Actor, centre: Centre, case_id: int, version: int, verdict: Verdict, at: datetime, into: int | None
) -> int:
    """The version that the case has now. A notice for a case that waits for judgement confirms it too: both or neither."""
    act, reason = STEPS[verdict]
    async with centre.database.writing() as work:
        if verdict is Verdict.NOTICE and (await cases.get_case(work, actor, case_id)).state is CaseState.PENDING_REVIEW:
            version = (await cases.act(work, actor, case_id, version, Act.CONFIRM, at, centre.deadlines, centre.keyring)).version
        judged = await cases.act(
            work, actor, case_id, version, act, at, centre.deadlines, centre.keyring, reason=reason, into=into
        )
        return judged.version


async def _told(
    actor: Actor, centre: Centre, case_id: int, problem: NoticeNotPossible | VersionConflict | ActNotPossible, speaker: Speaker
) -> str:
    """Why a verdict was not done, in a sentence."""
    if isinstance(problem, NoticeNotPossible):
        return obstacles(problem.hindrances, speaker)
    if isinstance(problem, ActNotPossible) and problem.condition is not None:
        return speaker.say(WHY_NOT[problem.condition])
    async with centre.database.reading() as work:
        return overtaken(await cases.list_transitions(work, actor, case_id), speaker).value


async def _view(
    actor: Actor, centre: Centre, speaker: Speaker, wanted: Queue, at: datetime, undo: Undo | None, failed: Sequence[int]
) -> ReviewView:
    window, rows, looking = Window(frozenset(), [], []), [], {}
    if wanted.name is QueueName.JUDGE:
        async with centre.database.writing() as work:
            window = await review.claim(work, actor, wanted, at)
    async with centre.database.reading() as work:
        found = await _cases(work, actor, centre, speaker, window.new)
        if wanted.name is not QueueName.JUDGE:
            listed = await review.list_queue(work, actor, wanted, at, _ROWS)
            digests = await evidence.of_cases(work, actor, [case.id for case in listed])
            rows = [
                case_row(case, next((one.digest for one in digests[case.id]), None), actor, speaker, centre.catalogue)
                for case in listed
            ]
            looking = await review.others_looking(work, actor, [case.id for case in listed], at)
        elsewhere = await review.count_leased(work, actor, wanted, at)
        left = await _left(work, actor, wanted)
    filters = queue_facts(wanted)
    return ReviewView(
        queue=wanted.name.value,
        tabs=[
            QueueTab(name.value, queue_address(Queue(name, wanted.rule, wanted.severity, wanted.words)), speaker.say(words),
                     left[name.value], name is wanted.name)
            for name, (words, permission) in QUEUES.items() if actor.may(permission)
        ],
        rules=[Option(rule.code, f"{rule.code} {speaker.choose(rule.name)}") for rule in centre.rules_of_cases],
        severities=[Option(str(number), speaker.say(tone.words)) for number, tone in SEVERITIES.items()],
        rule=wanted.rule, severity=str(wanted.severity or ""), words=wanted.words, filters=filters,
        is_filtered=bool(wanted.rule or wanted.severity or wanted.words), may_issue=actor.may(Permission.CASES_HANDLE),
        cases=found, rows=rows, looking=looking,
        elsewhere=[
            speaker.say(N_("%(who)s looks at %(count)s of them just now."), who=who, count=count) for who, count in elsewhere
        ],
        more=max(0, left[wanted.name.value] - len(rows)) if rows else 0, all_url=queue_address(Queue(wanted.name)), undo=undo,
        problems=[Link(case_url(case_id), speaker.say(N_("No. %(id)s"), id=case_id)) for case_id in failed],
    )


async def _cases(
    work: Work, actor: Actor, centre: Centre, speaker: Speaker, found: Sequence[Case]
) -> list[ReviewCase]:
    exhibits = await evidence.of_cases(work, actor, [case.id for case in found])
    shown = []
    for case in found:
        exhibit = await exhibit_of(work, actor, centre, case, exhibits[case.id])
        past = await review.past_verdicts(work, actor, case)
        shown.append(review_case(case, exhibit, past, actor, speaker, centre.catalogue))
    return shown


async def _clips(work: Work, actor: Actor, speaker: Speaker, case_ids: Collection[int]) -> dict[int, ClipView]:
    """Those of these cases that can be played."""
    clips = {}
    for case_id, found in (await evidence.of_cases(work, actor, sorted(case_ids))).items():
        clip = clip_view(found[0], evidence.is_in_review(actor, found[0].case), "", speaker) if found else None
        if clip is not None and clip.url is not None:
            clips[case_id] = clip
    return clips


async def _left(work: Work, actor: Actor, wanted: Queue) -> dict[str, int]:
    """What is left in each queue, narrowed as this one is."""
    return {
        name.value: await review.count_in_queue(work, actor, Queue(name, wanted.rule, wanted.severity, wanted.words))
        for name, (_, permission) in QUEUES.items() if actor.may(permission)
    }


def _undo(done: Verdict | None, judged: Sequence[str], speaker: Speaker) -> Undo | None:
    """For who works without a script; the clock of 10 seconds is the server's."""
    if done is None or not judged:
        return None
    numbers = speaker.listed(ref.partition(":")[0] for ref in judged)
    words = speaker.say(N_("No. %(ids)s: %(what)s."), ids=numbers, what=speaker.say(VERDICTS[done]))
    return Undo(words, judged if done not in (Verdict.NOTICE, Verdict.UNDO) else [])


def _numbers(had: Collection[int]) -> list[int]:
    return [number for number in had if 0 < number < 2**31]
