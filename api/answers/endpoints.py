"""Answers come as multipart forms. They are read only once it is known who sends them: they may be large."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.exc import DBAPIError
from starlette.datastructures import FormData, UploadFile

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.answers import service
from api.answers.photographs import decode
from api.answers.service import MOST_PHOTOGRAPHS, Answered, Look, TooManyPhotographs
from api.answers.tables import Photograph
from api.audit.service import REASON_LENGTH
from api.cases import service as cases
from api.cases.endpoints import ACT, READ, CaseId, case_detail
from api.cases.schemas import CaseDetail
from api.cases.states import ANSWERS, Act, step_of
from api.cases.tables import Case
from api.centre import Centre
from api.evidence.endpoints import given_reason
from api.kit.database import Work
from api.kit.headers import attachment
from api.kit.names import is_name
from api.kit.parameters import IfMatch, version_of
from api.kit.problems import Invalid, TooLarge
from api.kit.ranges import ASKED_EACH_TIME, PARTS_OF_FILES, file_response
from api.kit.work import At
from api.places.schemas import Id
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["answers"], route_class=ApiRoute)
_FIELDS = {"act": "submit or appeal", "text": "what was done, or what is not right", "person": "in charge", "training": "if any"}
# Each unfolds a whole photograph, 150 MB at most.
_decoders = anyio.CapacityLimiter(2)
_MULTIPART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["act", "text"],
                    "properties": {
                        **{name: {"type": "string", "description": words} for name, words in _FIELDS.items()},
                        "photographs": {
                            "type": "array", "maxItems": MOST_PHOTOGRAPHS,
                            "items": {"type": "string", "contentMediaType": "image/jpeg", "description": "JPEG, PNG or WebP"},
                        },
                    },
                }
            }
        },
    }
}


async def _open() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


# What is entered here ends when a Writing would: photographs are stored before it begins, while others can write to SQLite.
Open = Annotated[AsyncExitStack, Depends(_open, scope="function")]


class PhotographTooLarge(TooLarge):
    """With what was typed beside it, so that a page can show it again."""

    def __init__(self, limit: int, act: Act, texts: dict[str, str]) -> None:
        super().__init__(f"A photograph is larger than {limit // 1_000_000} MB. Send a smaller one.")
        self.act, self.texts = act, texts


@dataclass(frozen=True)
class AnswerForm:
    """As it was typed and sent. `version` is of the case as it was seen, for browsers; programs send If-Match."""

    act: Act
    text: str
    person: str
    training: str
    photographs: list[bytes]
    version: int | None


async def read_answer(request: Request, picture_bytes: int) -> AnswerForm:
    """Raises Invalid or PhotographTooLarge."""
    # How many there are is told by `hand_in`, in words and with what was typed; how much, by the limit of the whole body.
    async with request.form(max_fields=10) as form:
        try:
            act = Act(_typed(form, "act"))
        except ValueError:
            act = Act.REPORT
        if act not in ANSWERS:
            raise Invalid("An answer is either submit (it is put right) or appeal (an objection).")
        # A line's end is one character where it was typed and counted, two where it is sent.
        texts = {name: _typed(form, name).replace("\r\n", "\n") for name in ("text", "person", "training")}
        # A browser sends an empty one where none was chosen.
        parts = [part for part in form.getlist("photographs") if isinstance(part, UploadFile) and part.size]
        if any((part.size or 0) > picture_bytes for part in parts):
            raise PhotographTooLarge(picture_bytes, act, texts)
        sent = [await part.read() for part in parts]
        version = int(typed) if (typed := _typed(form, "version")).isdecimal() and len(typed) < 10 else None
    if max(map(len, texts.values())) > cases.NOTE_LENGTH or (texts["person"].strip() and not is_name(texts["person"])):
        raise Invalid(f"A text is longer than {cases.NOTE_LENGTH} characters, or a name longer than 100 or not on one line.")
    return AnswerForm(act, texts["text"], texts["person"], texts["training"], sent, version)


@asynccontextmanager
async def handing_in(
    centre: Centre, actor: Actor, case_id: int, version: int, form: AnswerForm, at: datetime
) -> AsyncIterator[tuple[Work, Case]]:
    """Decode, store, then act: what cannot be used leaves nothing in the database. The act is committed at the end. Raises what
    the act raises, and TooManyPhotographs, NotAPicture, TakenBefore or StorageFull."""
    if len(form.photographs) > MOST_PHOTOGRAPHS:
        raise TooManyPhotographs(f"These are more than {MOST_PHOTOGRAPHS} photographs. Send those that show it best.")
    async with centre.database.reading() as work:
        case = await cases.get_case(work, actor, case_id)
    stored: tuple[Photograph, ...] = ()
    # What somebody else has changed meanwhile is told by the act itself.
    if case.version == version and step_of(case.state, form.act) is not None:
        decoded = [await anyio.to_thread.run_sync(decode, content, limiter=_decoders) for content in form.photographs]
        async with centre.database.reading() as work:
            await service.check_photographs(work, actor, case, decoded)
        stored = await service.store_photographs(centre.files, case_id, decoded, at)
    answered = Answered(form.person.strip() or None, form.training.strip() or None, stored)
    try:
        async with centre.database.writing() as work:
            yield work, await cases.act(
                work, actor, case_id, version, form.act, at, centre.deadlines, centre.keyring, note=form.text, answered=answered
            )
    except Exception as error:
        # Where the connection broke off, nobody knows whether the answer is kept.
        if not (isinstance(error, DBAPIError) and error.connection_invalidated):
            await service.drop_photographs(centre.files, stored)
        raise


@router.post(
    "/cases/{case_id}/answers", operation_id="answer_notice", summary="Answer a notice, with photographs", responses=ACT,
    openapi_extra=_MULTIPART,
)
async def answer_notice(
    request: Request, actor: SignedIn, opened: Open, centre: CentreOf, response: Response, at: At, case_id: CaseId,
    if_match: IfMatch = None,
) -> CaseDetail:
    """`submit`: it is put right; needs a person in charge and at least one photograph taken after the notice. `appeal`: an
    objection (陈述申辩). An officer may send either for a shop (代办); another officer verifies."""
    actor.require(Permission.CASES_ANSWER)
    version = version_of(if_match)
    form = await read_answer(request, centre.settings.picture_bytes)
    work, case = await opened.enter_async_context(handing_in(centre, actor, case_id, version, form, at))
    request.state.writing = work
    return await case_detail(work, actor, centre, response, case, at)


@router.get(
    "/photographs/{photograph_id}", operation_id="get_photograph", summary="A photograph of an answer", response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "As it was encoded anew, or without faces"}, **PARTS_OF_FILES, **READ,
    },
)
async def get_photograph(
    request: Request, actor: SignedIn, centre: CentreOf, photograph_id: Id,
    reason: Annotated[str | None, Query(max_length=REASON_LENGTH, description="why, where faces are seen outside of it")] = None,
) -> Response:
    """Every look is recorded: who, of which unit, what and why. Without a `reason` faces are blurred for everybody but who
    verifies the answer, until then; a shop sees them blurred always."""
    look = await look_at(centre, actor, photograph_id, given_reason(request, reason))
    digest = hashlib.sha256(look.content).hexdigest()
    response = file_response(request, look.content, "image/jpeg", digest, None if look.has_faces else ASKED_EACH_TIME)
    # Whoever opens its address downloads it: what somebody sent is never shown as a page of ours.
    response.headers.update(attachment(f"{photograph_id}.jpg"))
    return response


async def look_at(
    centre: Centre, actor: Actor, photograph_id: str, reason: str | None = None, *, case_id: int | None = None
) -> Look:
    """Read it and record that, in this order: see api.evidence.endpoints.look. `case_id` is the only case whose it may be."""
    async with centre.database.reading() as work:
        photograph, case = await service.find_photograph(work, actor, photograph_id, case_id)
    look = await service.load_photograph(centre.files, actor, photograph, case, reason)
    async with centre.database.writing() as work:
        service.record_look(work, actor, look, photograph_id)
    return look


def _typed(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
