from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.answers import service as answers
from api.answers.schemas import AnswerOut, PhotographOut, SinceOut
from api.answers.tables import Answer
from api.cases import service, spots
from api.cases.outside import hears_of_delay, hears_of_limit
from api.cases.schemas import (
    ActIn,
    CaseDetail,
    Cases,
    CaseSummary,
    ClipOut,
    EvidenceFileOut,
    EvidenceOut,
    MutedSpotOut,
    MutedSpots,
    Named,
    ReminderOut,
    TransitionOut,
)
from api.cases.states import Act, CaseState
from api.cases.tables import Case
from api.centre import Centre
from api.evidence import service as evidence
from api.evidence.service import clip_of, manifest_of
from api.evidence.tables import Clip, Evidence
from api.kit.database import Work
from api.kit.paging import Paged
from api.kit.parameters import IfMatch, etag, version_of
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, VersionConflict, VersionMissing, documented
from api.kit.work import At, Reading, Writing
from api.notices import service as notices
from api.places.schemas import Id
from api.repeats.routes import ApiRoute
from contract.catalogue import Catalogue
from contract.evidence import CLIP, AttributeVotes

router = APIRouter(tags=["cases"], route_class=ApiRoute)
READ = documented(Unauthenticated, Forbidden, NotFound)
ACT = documented(Unauthenticated, Forbidden, NotFound, Conflict, VersionConflict, VersionMissing)
CaseId = Annotated[int, Path(ge=1, lt=2**31)]
Filter = Annotated[str | None, Query(max_length=64)]


@router.get("/cases", operation_id="list_cases", summary="Cases, newest first", responses=READ)
async def list_cases(
    work: Reading, actor: SignedIn, centre: CentreOf, page: Paged, state: CaseState | None = None, rule: Filter = None,
    shop_id: Filter = None, camera_id: Filter = None, overdue: bool = False,
) -> Cases:
    states = None if state is None else (state,)
    rows = await service.list_cases(
        work, actor, states=states, rule=rule, shop_id=shop_id, camera_id=camera_id, is_overdue=overdue, before=page.number,
        limit=page.limit,
    )
    following = page.following([row.id for row in rows])
    return Cases(items=[_summary(actor, row, centre.catalogue) for row in rows], next=following)


@router.get("/cases/{case_id}", operation_id="get_case", summary="One case, with its evidence and history", responses=READ)
async def get_case(work: Reading, actor: SignedIn, centre: CentreOf, response: Response, at: At, case_id: CaseId) -> CaseDetail:
    case = await service.get_case(work, actor, case_id)
    return await case_detail(work, actor, centre, response, case, at)


@router.post("/cases/{case_id}/{act}", operation_id="act_on_case", summary="One step of a case", responses=ACT)
async def act(
    work: Writing, actor: SignedIn, centre: CentreOf, response: Response, at: At, case_id: CaseId, act: Act, body: ActIn,
    if_match: IfMatch = None,
) -> CaseDetail:
    """Which acts there are now stands in `actions`, what each needs in docs/cases.md. A 412 tells in `changes` what was done."""
    case = await service.act(
        work, actor, case_id, version_of(if_match), act, at, centre.deadlines, centre.keyring, reason=body.reason,
        note=body.note, into=body.into, due_at=body.due_at,
    )
    return await case_detail(work, actor, centre, response, case, at)


@router.get(
    "/cameras/{camera_id}/muted-spots", operation_id="list_muted_spots", summary="What is set aside at a camera", responses=READ
)
async def list_muted_spots(work: Reading, actor: SignedIn, camera_id: Id) -> MutedSpots:
    """Spots that were dismissed twice for a rule, until somebody lifts them."""
    found = await spots.list_muted_spots(work, actor, camera_id)
    return MutedSpots(items=[MutedSpotOut.model_validate(spot) for spot in found])


@router.post("/muted-spots/{spot_id}/revoke", operation_id="revoke_muted_spot", summary="Look at a spot again", responses=READ)
async def revoke_muted_spot(work: Writing, actor: SignedIn, at: At, spot_id: Id) -> MutedSpotOut:
    return MutedSpotOut.model_validate(await spots.revoke_muted_spot(work, actor, spot_id, at))


async def case_detail(work: Work, actor: Actor, centre: Centre, response: Response, case: Case, at: datetime) -> CaseDetail:
    response.headers["ETag"] = etag(case.version)
    found = (await evidence.of_cases(work, actor, [case.id]))[case.id]
    transitions = await service.list_transitions(work, actor, case.id)
    choices = await service.choices(work, actor, case, transitions, at)
    given = await answers.list_answers(work, actor, case.id)
    kept = timedelta(days=centre.settings.minutes_kept_days)
    since = await answers.seen_since(work, actor, case, given, at, kept)
    notice = await notices.find_notice(work, actor, case.id)
    return CaseDetail(
        **dict(_summary(actor, case, centre.catalogue)),
        notice=None if notice is None else notice.reference,
        answers=[_answer(row) for row in given],
        since_answer=None if since is None else SinceOut.model_validate(asdict(since)),
        votes=AttributeVotes(looks=case.looks, sure=case.sure_looks, violating=case.violating_looks),
        evidence=[_evidence(row, actor.may(Permission.EVIDENCE_READ)) for row in found],
        rectify_due_at=case.rectify_due_at,
        reminders=[ReminderOut.model_validate(row) for row in await service.list_reminders(work, actor, case.id)],
        transitions=[TransitionOut.model_validate(row) for row in transitions],
        actions=[choice.step.act for choice in choices if choice.refused is None],
    )


def _summary(actor: Actor, case: Case, catalogue: Catalogue) -> CaseSummary:
    name = next((rule.name for rule in catalogue.rules if rule.code == case.rule), None)
    is_late, is_timed = hears_of_delay(actor, case), hears_of_limit(actor, case)
    return CaseSummary(
        id=case.id, state=case.state, rule=case.rule, rule_name=name, severity=case.severity,
        camera=Named(id=case.camera_id, name=case.camera.name), shop=Named(id=case.shop_id, name=case.shop.name),
        area=case.area.kind, area_name=case.area.name, opened_at=case.opened_at, captured_at=case.captured_at,
        time_doubt=case.time_doubt,
        observations=case.observations, last_seen_at=case.last_seen_at, version=case.version, merged_into=case.merged_into,
        stage=case.stage if is_timed else None, due_at=case.due_at if is_timed else None,
        overdue_at=case.overdue_at if is_late else None,
        escalation=case.escalation if is_late else None, escalated_at=case.escalated_at if is_late else None,
    )


def _answer(row: Answer) -> AnswerOut:
    return AnswerOut(
        act=row.act, at=row.at, text=row.text, person=row.person, training=row.training, entered_by=row.actor_name,
        is_for_shop=row.is_for_shop,
        photographs=[
            PhotographOut(
                id=one.id, url=None if one.deleted_at else f"/api/v1/photographs/{one.id}", sha256=one.sha256, width=one.width,
                height=one.height, taken_at=one.taken_at, received_at=one.received_at, deleted_at=one.deleted_at,
            )
            for one in row.photographs
        ],
    )


def _evidence(row: Evidence, sees_faces: bool) -> EvidenceOut:
    manifest = manifest_of(row)
    base = f"/api/v1/evidence/{row.violation_id}"
    return EvidenceOut(
        violation_id=manifest.violation_id, captured_at=manifest.captured_at, seen_at=row.seen_at,
        time_doubt=row.time_doubt, received_at=row.received_at,
        source=row.edge.kind, sequence=row.sequence, chain=row.chain, digest=row.digest,
        frame_width=manifest.frame_width, frame_height=manifest.frame_height,
        boxes=manifest.boxes, models=manifest.models, catalogue_version=manifest.catalogue_version,
        files={
            name: EvidenceFileOut(**dict(digest), url=f"{base}/{name}") for name, digest in manifest.files.items() if sees_faces
        },
        manifest_url=f"{base}/{evidence.MANIFEST}" if sees_faces else None, blurred_url=f"{base}/{evidence.BLURRED}",
        clip=None if row.clip is None else _clip(row.clip, base, sees_faces),
    )


def _clip(row: Clip, base: str, sees_faces: bool) -> ClipOut:
    manifest = clip_of(row)
    is_there = sees_faces and manifest.missing is None
    return ClipOut(
        received_at=row.received_at, sequence=row.sequence, chain=row.chain, digest=row.digest, codec=manifest.codec,
        duration_s=manifest.duration_s, moment_s=manifest.moment_s, begins_late=manifest.begins_late,
        ends_early=manifest.ends_early, missing=manifest.missing, url=f"{base}/{CLIP}" if is_there else None,
        preview_url=f"{base}/{evidence.PREVIEW}" if is_there and manifest.codec == "hevc" else None,
    )
