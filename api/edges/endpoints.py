from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from api.accounts.dependencies import CentreOf, SignedIn, address_of
from api.edges import service
from api.edges.dependencies import SignedEdge
from api.edges.schemas import EdgeOut, Edges, EnrolmentCodeIn, EnrolmentCodeOut
from api.kit.paging import Paged
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import Reading, Writing
from api.places.schemas import Id
from api.repeats.routes import ApiRoute
from contract.cameras import EdgeConfig
from contract.edges import EnrolAnswer, EnrolRequest, Heartbeat

router = APIRouter(tags=["edges"], route_class=ApiRoute)
protocol = APIRouter(tags=["edge protocol"])
BY_PERSON = documented(Unauthenticated, Forbidden, NotFound)


@router.get("/edges", operation_id="list_edges", summary="Edge boxes", responses=BY_PERSON)
async def list_edges(work: Reading, actor: SignedIn, page: Paged) -> Edges:
    rows = await service.list_edges(work, actor, after=page.text, limit=page.limit)
    following = page.following([row.id for row in rows])
    return Edges(items=[EdgeOut.model_validate(row) for row in rows], next=following)


@router.post(
    "/edges/{edge_id}/approve", operation_id="approve_edge", summary="Give an edge the cameras of its shop",
    responses=documented(Unauthenticated, Forbidden, NotFound, Conflict),
)
async def approve_edge(work: Writing, actor: SignedIn, edge_id: Id) -> EdgeOut:
    return EdgeOut.model_validate(await service.approve_edge(work, actor, edge_id))


@router.post("/edges/{edge_id}/revoke", operation_id="revoke_edge", summary="Trust an edge no longer", responses=BY_PERSON)
async def revoke_edge(work: Writing, actor: SignedIn, edge_id: Id) -> EdgeOut:
    return EdgeOut.model_validate(await service.revoke_edge(work, actor, edge_id))


@router.post(
    "/enrolment-codes", operation_id="create_enrolment_code", summary="A one-time code for a new edge", status_code=201,
    responses=BY_PERSON,
)
async def create_code(work: Writing, actor: SignedIn, centre: CentreOf, body: EnrolmentCodeIn) -> EnrolmentCodeOut:
    code, expires_at = await service.create_code(work, actor, centre.settings, body.shop_id)
    return EnrolmentCodeOut(code=code, expires_at=expires_at)


@protocol.post(
    "/edges/enroll", operation_id="enrol_edge", summary="Register an edge with a one-time code", status_code=201,
    responses=documented(Forbidden, Conflict),
)
async def enrol(work: Writing, request: Request, centre: CentreOf, body: EnrolRequest) -> EnrolAnswer:
    edge = await service.enrol(work, body, address_of(request))
    return EnrolAnswer(edge_id=edge.id, centre=centre.settings.centre_name)


@protocol.get(
    "/edge/config", operation_id="get_edge_config", summary="What the edge is to watch, and by which rules",
    response_model=EdgeConfig,
    responses={304: {"description": "The version of If-None-Match is the newest"}, **documented(Unauthenticated, Forbidden)},
)
async def get_config(
    work: Reading, actor: SignedEdge, centre: CentreOf, if_none_match: Annotated[str | None, Header(max_length=100)] = None
) -> Response:
    known = if_none_match.removeprefix("W/").strip('"') if if_none_match else None
    config = await service.build_config(work, actor, centre.keyring, centre.catalogue, known)
    if config is None:
        return Response(status_code=304, headers={"ETag": f'"{known}"'})
    return Response(config.model_dump_json(), media_type="application/json", headers={"ETag": f'"{config.version}"'})


@protocol.post(
    "/edge/heartbeats", operation_id="send_heartbeat", summary="Which cameras were looked at, minute by minute", status_code=204,
    responses=documented(Unauthenticated, Forbidden),
)
async def send_heartbeat(work: Writing, actor: SignedEdge, centre: CentreOf, body: Heartbeat) -> None:
    await service.take_heartbeat(work, actor, centre.settings, body)
