from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.cameras import pictures, service
from api.cameras.schemas import CameraIn, CameraOut, Cameras, MinuteOut, Minutes
from api.cameras.service import CameraStatus, NotYourCamera
from api.edges.dependencies import SignedEdge
from api.kit.paging import Paged
from api.kit.parameters import IfMatch, etag, version_of
from api.kit.problems import Forbidden, NotFound, TooLarge, Unauthenticated, VersionConflict, documented
from api.kit.ranges import PARTS_OF_FILES, file_response
from api.kit.times import now
from api.kit.work import At, Reading, Writing
from api.places.schemas import Id
from api.repeats.routes import ApiRoute
from contract.edges import LatestPicture

router = APIRouter(tags=["cameras"], route_class=ApiRoute)
protocol = APIRouter(tags=["edge protocol"])
READ = documented(Unauthenticated, Forbidden, NotFound)
WRITE = documented(Unauthenticated, Forbidden, NotFound, VersionConflict)


@router.get("/cameras", operation_id="list_cameras", summary="Cameras and whether they are looked at", responses=READ)
async def list_cameras(
    work: Reading, actor: SignedIn, page: Paged, shop_id: Annotated[str | None, Query(max_length=64)] = None
) -> Cameras:
    found = await service.list_cameras(work, actor, shop_id=shop_id, after=page.text, limit=page.limit)
    following = page.following([one.camera.id for one in found])
    return Cameras(items=[_out(status, actor) for status in found], next=following)


@router.post("/cameras", operation_id="create_camera", summary="Add a camera", status_code=201, responses=WRITE)
async def create_camera(work: Writing, actor: SignedIn, centre: CentreOf, at: At, body: CameraIn) -> CameraOut:
    camera = await service.create_camera(work, actor, centre.keyring, body, at)
    return _out(await service.get_camera(work, actor, camera.id), actor)


@router.get("/cameras/{camera_id}", operation_id="get_camera", summary="One camera", responses=READ)
async def get_camera(work: Reading, actor: SignedIn, response: Response, camera_id: Id) -> CameraOut:
    status = await service.get_camera(work, actor, camera_id)
    response.headers["ETag"] = etag(status.camera.version)
    return _out(status, actor)


@router.put("/cameras/{camera_id}", operation_id="update_camera", summary="Change a camera", responses=WRITE)
async def update_camera(
    work: Writing, actor: SignedIn, centre: CentreOf, response: Response, at: At, camera_id: Id, body: CameraIn,
    if_match: IfMatch = None,
) -> CameraOut:
    """A password that is left out stays. With If-Match, the change is refused when somebody else was faster."""
    expected = version_of(if_match) if if_match is not None else None
    camera = await service.update_camera(work, actor, centre.keyring, camera_id, body, expected, at)
    await pictures.drop_unshown(centre.files, camera)
    status = await service.get_camera(work, actor, camera_id)
    response.headers["ETag"] = etag(status.camera.version)
    return _out(status, actor)


@router.get(
    "/cameras/{camera_id}/minutes", operation_id="list_camera_minutes", summary="When a camera was looked at", responses=READ
)
async def list_minutes(
    work: Reading, actor: SignedIn, camera_id: Id, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> Minutes:
    """Minute by minute: how many looks, or why there was none. A minute that is missing was never told of."""
    rows = await service.list_minutes(work, actor, camera_id, now() - timedelta(hours=hours))
    return Minutes(items=[MinuteOut.model_validate(row) for row in rows])


@router.get(
    "/cameras/{camera_id}/picture", operation_id="get_camera_picture", summary="What a camera shows, without faces",
    response_class=Response,
    responses={
        200: {"description": "The latest picture that its edge sent, 640 pixels at most", "content": {"image/jpeg": {}}},
        **PARTS_OF_FILES, **READ,
    },
)
async def get_picture(work: Reading, request: Request, actor: SignedIn, centre: CentreOf, camera_id: Id) -> Response:
    """For people who may see the camera; no token of another system opens it. There is no history of such pictures."""
    content, sha256 = await pictures.read(work, actor, centre.files, camera_id)
    return file_response(request, content, "image/jpeg", sha256, "private, no-cache")


@protocol.post(
    "/edge/pictures", operation_id="send_latest_picture", summary="What a camera shows now and then, faces hidden at the edge",
    status_code=204, responses=documented(Unauthenticated, Forbidden, TooLarge),
)
async def send_picture(actor: SignedEdge, centre: CentreOf, at: At, body: LatestPicture) -> None:
    """It takes the place of the one before."""
    async with centre.database.reading() as work:
        await pictures.check_sender(work, actor, body.camera_id)
    await pictures.store(centre.files, body)
    try:
        async with centre.database.writing() as work:
            await pictures.note(work, actor, body, at)
    except NotYourCamera:
        await pictures.drop(centre.files, body)
        raise


def _out(status: CameraStatus, actor: Actor) -> CameraOut:
    # Where a camera can be reached is nothing that another system needs.
    is_told = actor.client is None
    camera = status.camera
    return CameraOut(
        id=camera.id, name=camera.name, shop_id=camera.shop_id, shop_name=camera.shop.name, area_id=camera.area_id,
        area=camera.area.kind, area_name=camera.area.name, edge_id=camera.edge_id,
        edge_name=camera.edge.name if camera.edge else None, url=camera.url if is_told else None,
        username=camera.username if is_told else None,
        has_password=camera.has_password, transport=camera.transport, zone=camera.zone, hours=camera.hours,
        posts=camera.posts, interval_s=camera.interval_s, enabled=camera.enabled, version=camera.version, state=status.state,
        fault=camera.last_fault, last_minute=camera.last_minute, last_looked_at=camera.last_looked_at,
        looks_last_5_minutes=status.looks_last_5_minutes, width=camera.width, height=camera.height,
    )
