from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.answers.schemas import AnswerOut, SinceOut
from api.cases.states import Act, CaseState, DismissalReason, WithdrawalReason
from api.cases.tables import Level, ReminderKind, Stage, TimeDoubt
from api.edges.tables import EdgeKind
from api.evidence.tables import Chain
from contract.catalogue import AreaKind, Text
from contract.evidence import AttributeVotes, ClipFlaw, FileDigest, MarkedBox, ModelVersion


class Named(BaseModel):
    id: str
    name: str


class CaseSummary(BaseModel):
    id: int
    state: CaseState
    rule: str
    rule_name: Text | None = Field(description="null for a rule that the catalogue no longer has")
    severity: int
    camera: Named
    shop: Named
    area: AreaKind
    area_name: str
    opened_at: datetime
    captured_at: datetime = Field(description="by the centre's clock")
    time_doubt: TimeDoubt | None = Field(
        description="why `captured_at` may be wrong: `no_clock`, it is when the picture arrived, because the clock of the box "
        "cannot have been right; `uncompared`, it is what the box told, whose clock nobody had compared with the centre's"
    )
    observations: int
    last_seen_at: datetime = Field(description="of the last observation that joined")
    version: int
    merged_into: int | None
    stage: Stage | None = Field(description="which limit runs")
    due_at: datetime | None = Field(description="when it ends")
    overdue_at: datetime | None
    escalation: Level | None = Field(description="who has heard that it is overdue")
    escalated_at: datetime | None


class Cases(BaseModel):
    items: list[CaseSummary]
    next: str | None = Field(description="cursor of the next page")


class TransitionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    version: int = Field(description="of the case after it")
    at: datetime
    actor_kind: str
    actor_name: str
    act: Act
    before: CaseState | None
    after: CaseState
    reason: str | None
    note: str | None
    due_at: datetime | None = Field(description="the shop's new deadline, of an extension")
    merged_into: int | None = Field(description="the other case, of a merge")


class EvidenceFileOut(FileDigest):
    url: str


class ClipOut(BaseModel):
    """The edge's word on the clip of a violation."""

    received_at: datetime
    sequence: int
    chain: Chain
    digest: str
    codec: str | None
    duration_s: float | None
    moment_s: float | None = Field(description="where in it the violation's own picture is")
    begins_late: ClipFlaw | None
    ends_early: ClipFlaw | None
    missing: ClipFlaw | None = Field(description="why there is none")
    url: str | None = Field(description="with faces; none for who may not see them")
    preview_url: str | None = Field(description="H.264 for browsers, marked as no evidence; for clips in H.265")


class EvidenceOut(BaseModel):
    violation_id: UUID
    captured_at: datetime = Field(description="by the edge's clock, as it is sealed")
    seen_at: datetime = Field(description="by the centre's clock")
    time_doubt: TimeDoubt | None = Field(description="why `seen_at` may be wrong, as of the case")
    received_at: datetime
    sequence: int
    source: EdgeKind = Field(description="`alarm_box`: of the shop's own box; sealed by the centre when it arrived, not before")
    chain: Chain
    digest: str
    frame_width: int
    frame_height: int
    boxes: list[MarkedBox]
    models: list[ModelVersion]
    catalogue_version: str
    files: dict[str, EvidenceFileOut] = Field(description="as they were sealed; empty for who may not see faces")
    manifest_url: str | None
    clip: ClipOut | None = Field(description="null: it has not arrived")
    blurred_url: str = Field(description="the picture without faces")


class ReminderOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    due_at: datetime
    kind: ReminderKind
    stage: Stage
    level: Level | None


class CaseDetail(CaseSummary):
    rectify_due_at: datetime | None = Field(description="the shop's; it stands still during an objection and verification")
    votes: AttributeVotes
    notice: str | None = Field(description="how the notice is referred to; read it at /api/v1/cases/ID/notice")
    evidence: list[EvidenceOut]
    answers: list[AnswerOut]
    since_answer: SinceOut | None = Field(description="what the same camera saw since, for who verifies")
    transitions: list[TransitionOut]
    reminders: list[ReminderOut]
    actions: list[Act] = Field(description="what you can do with the case now")


class MutedSpotOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    camera_id: str
    rule: str
    box: tuple[float, float, float, float] = Field(description="x1, y1, x2, y2 as parts of width and height")
    muted_at: datetime
    because_of: int = Field(description="the case whose dismissal muted it")
    case_id: int | None = Field(description="the case that keeps what was seen there since")
    observations: int
    last_seen_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class MutedSpots(BaseModel):
    items: list[MutedSpotOut]


class ActIn(BaseModel):
    """What an act needs of it: docs/cases.md."""

    model_config = ConfigDict(extra="forbid")

    reason: DismissalReason | WithdrawalReason | None = None
    note: Annotated[str, Field(max_length=2000, description="needed with the reason `other`, and by many acts")] | None = None
    into: Annotated[int, Field(ge=1, lt=2**31, description="the case that this one is merged into")] | None = None
    due_at: AwareDatetime | None = Field(None, description="the new deadline of an extension")
