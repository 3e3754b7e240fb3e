import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import rfc8785
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, address_of
from api.audit.service import REASON_LENGTH
from api.cases.endpoints import CaseId
from api.cases.seen import when_seen
from api.centre import Centre
from api.edges.dependencies import ReportingEdge
from api.evidence import clips, countersigning, deletion, export, filing, links, service
from api.evidence.clips import ClipReport
from api.evidence.filing import Report
from api.evidence.schemas import CentreKeyOut, CentreKeys, LegalHoldOut, LinkIn, LinkOut, ReasonIn
from api.evidence.service import ORIGINAL, OVERLAY, EvidenceFile
from api.kit.middleware import is_same_site
from api.kit.problems import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    documented,
)
from api.kit.ranges import PARTS_OF_FILES, file_response
from api.kit.work import At, Reading, Writing
from api.places.schemas import Id
from api.repeats.routes import ApiRoute
from contract.edges import AGE, LARGEST_AGE_S, ClipAnswer, ReportAnswer
from contract.evidence import LARGEST_CLIP, SealedClip, SealedManifest

router = APIRouter(tags=["evidence"], route_class=ApiRoute)
protocol = APIRouter(tags=["edge protocol"])
linked = APIRouter(tags=["evidence"])
Why = Annotated[str | None, Query(max_length=REASON_LENGTH, description="why it is taken out of the house")]
PARTS = ("manifest", "original", "overlay")
CLIP_PARTS = ("manifest", "clip")
Sealed = TypeVar("Sealed", SealedManifest, SealedClip)
# Boxes of a crowded kitchen come to some 20 kB.
MANIFEST_BYTES = 1_000_000
CHUNK_BYTES = 2**20

_MULTIPART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": list(PARTS),
                    "properties": {
                        "manifest": {"$ref": "#/components/schemas/SealedManifest"},
                        "original": {"type": "string", "contentMediaType": "image/jpeg", "description": "the frame as it came"},
                        "overlay": {"type": "string", "contentMediaType": "image/jpeg", "description": "the frame with boxes"},
                    },
                },
                "encoding": {
                    "manifest": {"contentType": "application/json"},
                    "original": {"contentType": "image/jpeg"},
                    "overlay": {"contentType": "image/jpeg"},
                },
            }
        },
    }
}

_CLIP_MULTIPART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["manifest"],
                    "properties": {
                        "manifest": {"$ref": "#/components/schemas/SealedClip"},
                        "clip": {
                            "type": "string", "contentMediaType": "video/mp4",
                            "description": "the stream's own packets; left out where the manifest says why there are none",
                        },
                    },
                },
                "encoding": {"manifest": {"contentType": "application/json"}, "clip": {"contentType": "video/mp4"}},
            }
        },
    }
}


@protocol.post(
    "/edge/violations", operation_id="report_violation", summary="Hand in one sealed violation", status_code=201,
    response_model=ReportAnswer, openapi_extra=_MULTIPART,
    responses={
        200: {"model": ReportAnswer, "description": "The same report was taken before; this is the answer it got"},
        **documented(Unauthenticated, Forbidden, Conflict),
    },
)
async def report_violation(
    request: Request, response: Response, actor: ReportingEdge, centre: CentreOf,
    arrived_at: At, idempotency_key: Annotated[UUID, Header(description="the violation_id of the manifest")],
    age_s: Annotated[
        float | None,
        Header(alias=AGE, ge=0, le=LARGEST_AGE_S, description="seconds since the picture was taken, by a clock that nobody sets"),
    ] = None,
) -> ReportAnswer:
    """Exactly once per key: a repeat gets the first answer. The pictures are stored before the case is opened."""
    async with request.form(max_files=len(PARTS), max_fields=len(PARTS), max_part_size=MANIFEST_BYTES) as form:
        report = await _read_report(form, centre.settings.picture_bytes)
    if report.manifest.violation_id != idempotency_key:
        raise Invalid("The Idempotency-Key is not the violation_id of the manifest.")
    async with centre.database.reading() as work:
        answer = await filing.earlier_answer(work, actor, report)
        if answer is None:
            await filing.check_report(work, actor, centre.settings, report)
    is_new = False
    if answer is None:
        at = centre.clock()
        await filing.store_pictures(centre.files, report, at)
        # Only now, and for moments: nobody else can write while a transaction of SQLite does.
        async with centre.database.writing() as work:
            answer, is_new = await filing.file_report(
                work, actor, centre.deadlines, centre.keyring, centre.public_url, report,
                when_seen(report.manifest, arrived_at, age_s), centre.announce, at,
            )
    response.status_code = 201 if is_new else 200
    return answer


@protocol.post(
    "/edge/clips", operation_id="report_clip", summary="Hand in the clip of a violation, or why there is none", status_code=201,
    response_model=ClipAnswer, openapi_extra=_CLIP_MULTIPART,
    responses={
        200: {"model": ClipAnswer, "description": "The same clip was taken before"},
        **documented(Unauthenticated, Forbidden, Conflict),
    },
)
async def report_clip(
    request: Request, response: Response, actor: ReportingEdge, centre: CentreOf,
    idempotency_key: Annotated[UUID, Header(description="the violation_id of the manifest")],
) -> ClipAnswer:
    """After the violation itself, which does not wait for it; exactly once. It joins the case of the violation."""
    async with request.form(max_files=len(CLIP_PARTS), max_fields=len(CLIP_PARTS), max_part_size=MANIFEST_BYTES) as form:
        report = await _read_clip(form)
    if report.manifest.violation_id != idempotency_key:
        raise Invalid("The Idempotency-Key is not the violation_id of the manifest.")
    async with centre.database.reading() as work:
        evidence = await clips.its_evidence(work, actor, report)
    if evidence.clip is not None:
        response.status_code = 200
        return clips.answer_of(evidence)
    await clips.check_report(centre.settings, evidence, report)
    await clips.store(centre.files, evidence, report)
    async with centre.database.writing() as work:
        answer, is_new = await clips.file_clip(work, actor, centre.keyring, report, evidence.folder)
    response.status_code = 201 if is_new else 200
    return answer


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
    return file_response(request, file.content, file.media_type, file.sha256)


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
        **documented(NotFound, Gone),
    },
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
    return file_response(request, file.content, file.media_type, file.sha256, f"private, max-age={left_s}, immutable")


@router.get(
    "/cases/{case_id}/evidence", operation_id="export_case_evidence", summary="All evidence of a case as one ZIP",
    response_class=Response,
    responses={
        200: {"description": "For `sunshine evidence verify`; with a draft 电子数据提取笔录", "content": {"application/zip": {}}},
        **documented(Unauthenticated, Forbidden, NotFound),
    },
)
async def export_case(request: Request, actor: SignedIn, centre: CentreOf, case_id: CaseId, reason: Why = None) -> Response:
    """As it was sealed, faces and all. Recorded with the name of who exported it, and the reason."""
    why = given_reason(request, reason)
    key = await export.signing_key_of(centre)
    # On disk: the clips of a case that was seen a hundred times do not fit into memory.
    with ExitStack() as undone:
        archive = undone.enter_context(tempfile.TemporaryFile())
        async with centre.database.reading(of_one_moment=True) as work:
            rows = await export.read_case(work, actor, case_id, why)
        await export.write_case(
            rows, centre.files, key, centre.catalogue, centre.settings.centre_name, centre.clock(), archive
        )
        async with centre.database.writing() as work:
            export.record_case_export(work, actor, rows.case, why)
        undone.pop_all()
    headers = _attachment(export.case_name(case_id)) | {"Content-Length": str(archive.tell())}
    archive.seek(0)
    chunks = iter(partial(archive.read, CHUNK_BYTES), b"")
    return StreamingResponse(chunks, headers=headers, media_type="application/zip", background=BackgroundTask(archive.close))


@router.get(
    "/cameras/{camera_id}/evidence-chain", operation_id="export_evidence_chain", summary="The manifests of a camera, in order",
    response_class=Response,
    responses={
        200: {"description": "For `sunshine evidence verify`", "content": {"application/json": {}}},
        **documented(Unauthenticated, Forbidden, NotFound),
    },
)
async def export_chain(actor: SignedIn, centre: CentreOf, camera_id: Id) -> Response:
    """Without pictures; with the public keys of the edges that signed. Recorded with the name of who exported it."""
    key = await export.signing_key_of(centre)
    async with centre.database.reading() as work:
        camera, content = await export.export_chain(work, actor, key, camera_id, centre.clock())
    async with centre.database.writing() as work:
        export.record_chain_export(work, actor, camera)
    return _download(content, "application/json", export.chain_name(camera_id))


@router.get(
    "/evidence-keys", operation_id="list_centre_keys", summary="The public keys with which this centre signs",
    responses=documented(),
)
async def list_centre_keys(work: Reading) -> CentreKeys:
    """For everybody: whoever was handed evidence compares them, or gives them to `sunshine evidence verify --centre-key`."""
    return CentreKeys(items=[CentreKeyOut.model_validate(key) for key in await countersigning.published_keys(work)])


def _download(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers=_attachment(name))


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


@router.post(
    "/cases/{case_id}/evidence/delete", operation_id="delete_evidence_of_case", summary="Delete the evidence of a case for good",
    status_code=204, responses=documented(Unauthenticated, Forbidden, NotFound, Conflict),
)
async def delete_evidence(actor: SignedIn, centre: CentreOf, at: At, case_id: CaseId, body: ReasonIn) -> None:
    """Pictures, clips and boxes. What is left is who did it, when and why, and the digest that was signed."""
    await delete_now(centre, actor, case_id, body.reason, at)


async def delete_now(centre: Centre, actor: Actor, case_id: int, reason: str, at: datetime) -> None:
    async with centre.database.writing() as work:
        await deletion.delete_evidence_of_case(work, actor, centre.keyring, case_id, reason, at)
    await deletion.remove_files(centre)


@router.get(
    "/cases/{case_id}/holds", operation_id="list_legal_holds", summary="Legal holds on the evidence of a case",
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def list_holds(work: Reading, actor: SignedIn, case_id: CaseId) -> list[LegalHoldOut]:
    return [LegalHoldOut.model_validate(hold) for hold in await deletion.list_holds(work, actor, case_id)]


@router.post(
    "/cases/{case_id}/holds/set", operation_id="set_legal_hold", summary="Keep the evidence of a case until this is lifted",
    status_code=201, responses=documented(Unauthenticated, Forbidden, NotFound, Conflict),
)
async def set_hold(work: Writing, actor: SignedIn, at: At, case_id: CaseId, body: ReasonIn) -> LegalHoldOut:
    return LegalHoldOut.model_validate(await deletion.set_hold(work, actor, case_id, body.reason, at))


@router.post(
    "/cases/{case_id}/holds/lift", operation_id="lift_legal_hold", summary="End the legal hold on the evidence of a case",
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def lift_hold(work: Writing, actor: SignedIn, at: At, case_id: CaseId, body: ReasonIn) -> LegalHoldOut:
    return LegalHoldOut.model_validate(await deletion.lift_hold(work, actor, case_id, body.reason, at))


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


async def _read_report(form: FormData, picture_bytes: int) -> Report:
    parts = await _read_parts(form, PARTS, picture_bytes)
    return Report(_sealed(SealedManifest, parts["manifest"]), {ORIGINAL: parts["original"], OVERLAY: parts["overlay"]})


async def _read_clip(form: FormData) -> ClipReport:
    parts = await _read_parts(form, CLIP_PARTS if "clip" in form else CLIP_PARTS[:1], LARGEST_CLIP)
    return ClipReport(_sealed(SealedClip, parts["manifest"]), parts.get("clip"))


async def _read_parts(form: FormData, names: Sequence[str], most_bytes: int) -> dict[str, bytes]:
    """The names that the sender gave to its files are not looked at."""
    if sorted(form.keys()) != sorted(names) or len(form.multi_items()) != len(names):
        raise Invalid(f"Send exactly these parts: {', '.join(names)}.")
    parts = {}
    for name in names:
        part = form[name]
        content = await part.read(most_bytes + 1) if isinstance(part, UploadFile) else part.encode()
        if len(content) > (MANIFEST_BYTES if name == "manifest" else most_bytes):
            raise TooLarge(f"The part {name} is larger than this centre takes.")
        parts[name] = content
    return parts


def _sealed(kind: type[Sealed], content: bytes) -> Sealed:
    try:
        sealed = kind.model_validate_json(content)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        raise Invalid(f"The manifest cannot be read: {fields}.") from error
    try:
        sealed.manifest.canonical()
    except rfc8785.CanonicalizationError as error:
        raise Invalid("The manifest holds a number that has no canonical form (RFC 8785).") from error
    return sealed
