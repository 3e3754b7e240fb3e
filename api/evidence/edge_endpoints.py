"""What edges hand in: sealed violations, and their clips."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import rfc8785
from fastapi import APIRouter, Header, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from api.accounts.dependencies import CentreOf
from api.cases.seen import when_seen
from api.edges.dependencies import ReportingEdge
from api.evidence import clips, filing
from api.evidence.clips import ClipReport
from api.evidence.filing import Report
from api.evidence.service import ORIGINAL, OVERLAY
from api.kit.problems import Conflict, Forbidden, Invalid, TooLarge, Unauthenticated, documented
from api.kit.work import At
from contract.edges import AGE, LARGEST_AGE_S, ClipAnswer, ReportAnswer
from contract.evidence import LARGEST_CLIP, SealedClip, SealedManifest

protocol = APIRouter(tags=["edge protocol"])
PARTS = ("manifest", "original", "overlay")
CLIP_PARTS = ("manifest", "clip")
Sealed = TypeVar("Sealed", SealedManifest, SealedClip)
# Boxes of a crowded kitchen come to some 20 kB.
MANIFEST_BYTES = 1_000_000

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
                        "overlay": {"type": "string", "contentMediaType": "image/jpeg", "description": "with boxes, any size"},
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
                            "description": "the stream's own packets; left out where the manifest says why there are none, or "
                            "names the same file as the camera's clip before this one",
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
        shared = await clips.shared_file(work, actor, report)
    if evidence.clip is not None:
        response.status_code = 200
        return clips.answer_of(evidence)
    report = await clips.with_file(centre.files, report, shared)
    await clips.check_report(centre.settings, evidence, report)
    await clips.store(centre.files, evidence, report)
    async with centre.database.writing() as work:
        answer, is_new = await clips.file_clip(work, actor, centre.keyring, report, evidence.folder)
    response.status_code = 201 if is_new else 200
    return answer


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
