"""Looks at evidence, by who is signed in or through a link."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, address_of, limited_link
from api.audit.service import REASON_LENGTH
from api.centre import Centre
from api.evidence import links, service
from api.evidence.schemas import LinkIn, LinkOut
from api.evidence.service import EvidenceFile
from api.kit.middleware import is_same_site
from api.kit.problems import Forbidden, Gone, NotFound, TooManyRequests, Unauthenticated, documented
from api.kit.ranges import ASKED_EACH_TIME, PARTS_OF_FILES, file_response
from api.kit.work import At
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["evidence"], route_class=ApiRoute)
linked = APIRouter(tags=["evidence"])


@router.get(
    "/evidence/{violation_id}/{name}", operation_id="get_evidence_file", summary="One file of a piece of evidence",
    response_class=Response,
    responses={
        200: {
            "description": "The file as it was sealed, the picture without faces, or a preview of the clip, which is no evidence",
            "content": {"image/jpeg": {}, "application/json": {}, "video/mp4": {}},
        },
        **PARTS_OF_FILES,
        **documented(Unauthenticated, Forbidden, NotFound),
    },
)
async def get_file(
    request: Request, actor: SignedIn, centre: CentreOf, violation_id: UUID,
    name: Literal[
        "original.jpg", "overlay.jpg", "manifest.json", "blurred.jpg", "judged.jpg", "clip.mp4", "clip.json", "clip-preview.mp4"
    ],
    reason: Annotated[str | None, Query(max_length=REASON_LENGTH, description="why, where faces are seen outside of it")] = None,
) -> Response:
    """Every look is recorded: who, of which unit, what and why. Without a `reason` only who judges the case sees faces, and
    only until then; everybody who sees the case may see `blurred.jpg`. In `judged.jpg` only faces that violate are left. Clips
    show faces; `clip-preview.mp4` is there for clips in H.265, made when it is first asked for."""
    # Each part of a file is a look of its own: who leaves out the first byte has looked all the same.
    file = await look(centre, actor, str(violation_id), name, given_reason(request, reason))
    kept = ASKED_EACH_TIME if name == service.BLURRED else None
    return file_response(request, file.content, file.media_type, file.sha256, kept)


@router.post(
    "/evidence/{violation_id}/links", operation_id="link_evidence", summary="A link to one picture, for 15 minutes",
    status_code=201, responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def link_evidence(actor: SignedIn, centre: CentreOf, at: At, violation_id: UUID, body: LinkIn) -> LinkOut:
    """It opens without a token: for the picture element of an app. Checked and recorded like a look; so is each use."""
    async with centre.database.reading() as work:
        wanted = await links.find_to_link(work, actor, str(violation_id), body.file, body.reason)
    file = await service.load_file(centre.files, wanted)
    async with centre.database.writing() as work:
        token, until = links.make_link(work, actor, centre.keyring, file, str(violation_id), body.file, at)
    return LinkOut(url=f"{centre.public_url}/api/v1/pictures/{token}", expires_at=until)


@linked.get(
    "/pictures/{link}", operation_id="get_linked_picture", summary="The picture that a link opens", response_class=Response,
    responses={
        200: {"description": "The whole picture", "content": {"image/jpeg": {}}}, **PARTS_OF_FILES,
        **documented(NotFound, Gone, TooManyRequests),
    },
    dependencies=[Depends(limited_link)],
)
async def get_linked(
    request: Request, centre: CentreOf, at: At, link: Annotated[str, Path(max_length=2000)]
) -> Response:
    """Nothing but the link is needed. It may be kept until the link is over, and fetched in parts."""
    async with centre.database.reading() as work:
        actor, seen, wanted = await links.find_linked(work, centre.keyring, link, address_of(request), at)
    file = await service.load_file(centre.files, wanted)
    async with centre.database.writing() as work:
        service.record_look(work, actor, file, seen.violation_id, seen.file)
    left_s = int((seen.until - at).total_seconds())
    response = file_response(request, file.content, file.media_type, file.sha256, f"private, max-age={left_s}, immutable")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # pages of the app are of another site
    return response


def given_reason(request: Request, reason: str | None) -> str | None:
    """None where a link on another site gives it: what stands in the audit was said by who looked."""
    return reason if is_same_site(request.headers) else None


async def look(centre: Centre, actor: Actor, violation_id: str, name: str, reason: str | None = None) -> EvidenceFile:
    """Read a file and record that, in this order: nobody else can write to SQLite while a transaction that writes is open. None
    is open while the file is fetched: the store may be slow, and who waits for a picture would keep others from the database."""
    async with centre.database.reading() as work:
        wanted = await service.find_file(work, actor, violation_id, name, reason)
    file = await service.load_file(centre.files, wanted)
    async with centre.database.writing() as work:
        service.record_look(work, actor, file, violation_id, name)
    return file
