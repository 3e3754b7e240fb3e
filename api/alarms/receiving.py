"""One alarm on its way to its cases: read, its picture fetched, sealed by the centre, filed as any other evidence.

The vendor's message id is the idempotency key. A repeat gets the first answer, whatever else it says by then: the token of its
picture may be another one.
"""

import hashlib
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import anyio
import anyio.to_thread
import cv2

from api.accounts.actors import Actor
from api.alarms import repository, service
from api.alarms.fetching import fetch_picture
from api.alarms.mapping import Alarm, Finding, read_alarm
from api.alarms.schemas import AlarmAnswer, AlarmResult
from api.alarms.tables import AlarmBox
from api.cameras import repository as cameras
from api.cameras.tables import Camera
from api.cases.seen import when_told
from api.centre import Centre
from api.evidence import filing
from api.evidence.filing import Report
from api.evidence.service import ORIGINAL, OVERLAY
from api.kit.pictures import NotAPicture, check_jpeg, decoded
from api.kit.problems import Invalid, KeyMissing, Problem, TooLarge
from api.kit.secrets import KeyringError
from contract.base import Box
from contract.catalogue import Post, Rule
from contract.edges import ReportAnswer
from contract.evidence import (
    FIRST_OF_CHAIN,
    AttributeVotes,
    Manifest,
    MarkedBox,
    ModelVersion,
    file_digest,
    seal,
    utc_milliseconds,
)

# Ours, made once: the same message of the same box has the same id for ever.
_NAMESPACE = UUID("7d1c2f0a-53d4-4e4e-9a57-0a1d6f7f3c52")
_LINE = (0, 0, 255)
# Each unfolds a whole picture.
_pictures_at_once = anyio.CapacityLimiter(2)


class UnknownDevice(Invalid):
    code = "unknown-device"


async def receive(centre: Centre, actor: Actor, box: AlarmBox, body: dict[str, Any]) -> tuple[AlarmAnswer, bool]:
    """The answer, and whether anything of it is new. What goes wrong is shown in the console too, and raised."""
    at = centre.clock()
    try:
        answer, is_new = await _file(centre, actor, box, body, at)
    except Problem as problem:
        async with centre.database.writing() as work:
            await service.note_trouble(work, actor, problem, at)
        raise
    async with centre.database.writing() as work:
        await service.note_taken(work, actor, at)
    return answer, is_new


async def _file(centre: Centre, actor: Actor, box: AlarmBox, body: dict[str, Any], at: datetime) -> tuple[AlarmAnswer, bool]:
    form = centre.alarm_formats.get(box.format)
    if form is None:
        raise Invalid("The form of this box is not among those that the centre knows now. Ask whoever runs it.")
    alarm = read_alarm(form, body)
    async with centre.database.reading() as work:
        camera = await _camera(work, actor, alarm.device)
        rules = [finding.rule_at(centre.catalogue, camera.area.kind, _posts(camera)) for finding in alarm.findings]
        told = [(finding, rule) for finding, rule in zip(alarm.findings, rules, strict=True) if rule is not None]
        keys = [_violation_id(actor, alarm, rule) for _, rule in told]
        earlier = [await filing.earlier_answer_to(work, actor, str(key), _digest(alarm)) for key in keys]
    answers: list[ReportAnswer] = [answer for answer in earlier if answer is not None]
    is_new = len(answers) < len(told)
    if is_new:
        original = await _picture(centre, alarm)
        answers = [
            answer or await _file_one(centre, actor, box, camera, alarm, finding, rule, original, at)
            for answer, (finding, rule) in zip(earlier, told, strict=True)
        ]
    results = [
        AlarmResult(result=answer.result, rule=rule.code, because=None, case_id=answer.case_id, url=answer.url)
        for answer, (_, rule) in zip(answers, told, strict=True)
    ]
    results += [_ignored("No rule is in force for this where the camera looks.") for rule in rules if rule is None]
    if not results:
        results = [_ignored(f"The kind {alarm.kind} stands for no violation that this centre knows.")]
    return AlarmAnswer(message_id=alarm.message_id, results=results), is_new


def _ignored(because: str) -> AlarmResult:
    return AlarmResult(result="ignored", rule=None, because=because, case_id=None, url=None)


async def _camera(work: Any, actor: Actor, device: str) -> Camera:
    camera_id = await repository.find_camera_id(work, actor, device)
    camera = await cameras.get_camera(work, actor, camera_id) if camera_id is not None else None
    if camera is None:
        raise UnknownDevice(f"No camera of this box has the device code {device}. Enter it in the console, at the box.")
    return camera


def _posts(camera: Camera) -> frozenset[Post]:
    return frozenset(Post(post) for post in camera.posts)


def _violation_id(actor: Actor, alarm: Alarm, rule: Rule) -> UUID:
    return uuid5(_NAMESPACE, f"{actor.id}\n{alarm.message_id}\n{rule.code}")


def _digest(alarm: Alarm) -> str:
    """Of the message id alone: a repeat need not be the same to the letter."""
    return hashlib.sha256(alarm.message_id.encode()).hexdigest()


async def _picture(centre: Centre, alarm: Alarm) -> bytes:
    if alarm.picture is not None:
        if len(alarm.picture) > centre.settings.picture_bytes:
            raise TooLarge(f"The picture is larger than the {centre.settings.picture_bytes} bytes that this centre takes.")
        return alarm.picture
    return await fetch_picture(centre.settings, alarm.picture_url or "")


async def _file_one(
    centre: Centre, actor: Actor, box: AlarmBox, camera: Camera, alarm: Alarm, finding: Finding, rule: Rule, original: bytes,
    arrived_at: datetime,
) -> ReportAnswer:
    width, height = await anyio.to_thread.run_sync(
        check_jpeg, original, centre.settings.picture_side_px, limiter=_pictures_at_once
    )
    boxes = _marked(finding.boxes, width, height)
    overlay = await anyio.to_thread.run_sync(_drawn, original, boxes, limiter=_pictures_at_once)
    pictures = {ORIGINAL: original, OVERLAY: overlay}
    captured_at = utc_milliseconds(alarm.at)
    manifest = Manifest(
        violation_id=_violation_id(actor, alarm, rule), edge_id=actor.id, camera_id=camera.id, camera_name=camera.name,
        shop_id=camera.shop_id, area=camera.area.kind, stream_host="", sequence=1, previous=FIRST_OF_CHAIN, rule=rule.code,
        severity=rule.severity_at(camera.area.kind), catalogue_version=centre.catalogue.version,
        # What is known of the model: by which message of the vendor's it spoke.
        models=[ModelVersion(name=f"{box.format} {alarm.kind} {alarm.message_id}", sha256=_digest(alarm))],
        software_version=box.format, captured_at=captured_at, clock_offset_s=None, camera_time_s=0.0, since=captured_at,
        frame_width=width, frame_height=height,
        # The vendor tracks nobody: two alarms are of one thing where they are of one spot.
        track=zlib.crc32(f"{actor.id} {alarm.message_id}".encode()) & 0x7FFFFFFF,
        votes=AttributeVotes(looks=1, sure=1, violating=1), boxes=boxes,
        files={name: file_digest(content) for name, content in pictures.items()},
    )
    try:
        key = service.open_key(centre.keyring, box)
    except KeyringError as error:
        raise KeyMissing from error
    report = Report(seal(manifest, key), pictures, _digest(alarm))
    at = centre.clock()
    await filing.store_pictures(centre.files, report, at)
    async with centre.database.writing() as work:
        answer, _ = await filing.file_report(
            work, actor, centre.deadlines, centre.keyring, centre.public_url, report,
            when_told(captured_at, arrived_at), centre.announce, at,
        )
    return answer


def _marked(boxes: Sequence[Box], width: int, height: int) -> list[MarkedBox]:
    """In pixels and inside of the picture; a box that is outside is left out."""
    marked = []
    for box in boxes:
        x1, y1, x2, y2 = (value * side for value, side in zip(box, _unit(box, width, height), strict=True))
        x1, x2 = sorted((min(max(x1, 0.0), float(width)), min(max(x2, 0.0), float(width))))
        y1, y2 = sorted((min(max(y1, 0.0), float(height)), min(max(y2, 0.0), float(height))))
        if x2 - x1 >= 1 and y2 - y1 >= 1:
            marked.append(MarkedBox(kind="person", box=(x1, y1, x2, y2), score=1.0, violating=True))
    return marked


def _unit(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Some write parts of the picture, others pixels; no box is one pixel wide."""
    return (width, height, width, height) if max(box) <= 1 else (1, 1, 1, 1)


def _drawn(original: bytes, boxes: Sequence[MarkedBox]) -> bytes:
    picture = decoded(original)
    if picture is None:
        raise NotAPicture("The picture is damaged: it cannot be decoded.")
    for box in boxes:
        x1, y1, x2, y2 = (round(value) for value in box.box)
        cv2.rectangle(picture, (x1, y1), (x2, y2), _LINE, max(2, picture.shape[1] // 500))
    done, encoded = cv2.imencode(".jpg", picture)
    if not done:
        raise NotAPicture("The picture could not be drawn on.")
    return encoded.tobytes()
