"""What the templates show: plain values, already in the reader's language and time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from api.console.times import LocalTime
from api.console.words import Chip


@dataclass(frozen=True)
class Link:
    url: str
    words: str
    current: bool = False


@dataclass(frozen=True)
class Option:
    value: str
    words: str


@dataclass(frozen=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True)
class LoginView:
    """`ticket` says that the password was right and a code is needed."""

    username: str = ""
    next: str = ""
    problem: str | None = None
    ticket: str = ""


@dataclass(frozen=True)
class KeptForm:
    """A form that was sent after its session had ended. `words` are shown, `fields` go along when it is sent again."""

    url: str
    fields: Sequence[Fact]
    words: Sequence[str]
    has_files: bool
    has_secrets: bool


@dataclass(frozen=True)
class CaseRow:
    id: int
    url: str
    thumbnail: str | None
    title: str
    severity: Chip
    state: Chip
    shop: str
    area: str
    camera: str
    captured: LocalTime
    votes: str
    overdue: Chip | None
    due: str | None


@dataclass(frozen=True)
class CaseListView:
    """`live_url` is where the list updates itself from; None away from the first page, where nothing new can appear."""

    rows: Sequence[CaseRow]
    tabs: Sequence[Link]
    rules: Sequence[Option]
    state: str
    rule: str
    names_state: bool
    filtered: bool
    older_url: str | None
    newest_url: str | None
    live_url: str | None


@dataclass(frozen=True)
class BoxView:
    """In pixels of the original picture."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    violating: bool


@dataclass(frozen=True)
class LegendItem:
    style: str
    words: str


@dataclass(frozen=True)
class PictureView:
    """`crop` is the viewBox of the person, in pixels of the original. `ask_url` is there for who may see faces for a `reason`."""

    url: str
    alt: str
    width: int
    height: int
    boxes: Sequence[BoxView]
    legend: Sequence[LegendItem]
    crop: str | None
    is_blurred: bool
    # Blurred means: all of it, since nobody has looked for faces in it.
    is_all_hidden: bool
    reason: str
    ask_url: str | None


@dataclass(frozen=True)
class ClipView:
    """`url` and `clip_url` are there for who sees faces now: what a browser plays, and, where that is a preview, the clip itself.
    `sentences` say what it is, or why there is none."""

    url: str | None
    clip_url: str | None
    sentences: Sequence[str]


@dataclass(frozen=True)
class KeepingView:
    """How long the evidence is kept, and what became of it; the addresses are there for who can do so now."""

    sentences: Sequence[str]
    hold_url: str | None
    lift_url: str | None
    delete_url: str | None


@dataclass(frozen=True)
class VotesView:
    sentence: str
    looks: int
    violating: int
    fine: int
    unsure: int


@dataclass(frozen=True)
class BasisLine:
    """`mark` is there for a citation that is not verified; `can_accept` and `can_revoke` where the reader may accept it, or
    take that back."""

    text: str
    mark: Chip | None
    can_accept: bool
    can_revoke: bool


@dataclass(frozen=True)
class RuleView:
    code: str
    name: str
    basis: Sequence[BasisLine]
    deadline: str | None


@dataclass(frozen=True)
class SealView:
    chip: Chip
    sentence: str


@dataclass(frozen=True)
class EventView:
    words: str
    at: LocalTime
    actor: str
    reason: str | None
    note: str | None


@dataclass(frozen=True)
class ProgressStep:
    """One of the stages from capture to closure: `past`, `now` (waited for), or `later`."""

    words: str
    tense: str
    at: LocalTime | None


@dataclass(frozen=True)
class ActForm:
    """One act that the reader can do now. `note` says what the remark is for, None where none is asked; `deadline` what the
    deadline is that a new one is asked for, None where none is; `person` is who is in charge, as far as it is known; `typed` and
    `wrong` are of a form that came back, by field."""

    act: str
    url: str
    version: int
    words: str
    is_main: bool
    reasons: Sequence[Option]
    note: str | None
    cases: Sequence[Option]
    deadline: str | None
    is_answer: bool
    photograph_needed: bool
    person: str
    typed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:
        """Nothing is asked: the button alone does it."""
        return not self.reasons and not self.cases and self.note is None and self.deadline is None

    @property
    def note_name(self) -> str:
        return "text" if self.is_answer else "note"

    @property
    def open(self) -> bool:
        return bool(self.typed)


@dataclass(frozen=True)
class NoticeCard:
    """The notice of a case, or its draft; `order_url` leads to a draft of the formal order, for who may make one, `links_url` to
    the links that the shop's people were sent, for who may revoke one."""

    title: str
    url: str
    pdf_url: str | None
    order_url: str | None
    links_url: str | None = None


@dataclass(frozen=True)
class PhotographView:
    """`url` is None for one that was deleted; `taken` says so then."""

    url: str | None
    alt: str
    width: int
    height: int
    taken: str
    received: LocalTime


@dataclass(frozen=True)
class AnswerView:
    """`by` says who entered it, and that an officer did so for the shop; `is_blurred` that the photographs show no faces."""

    title: str
    at: LocalTime
    by: str
    text: str
    person: str | None
    training: str | None
    photographs: Sequence[PhotographView]
    is_blurred: bool


@dataclass(frozen=True)
class SinceView:
    """What the same camera saw since the answer."""

    observed: str
    chip: Chip
    repeats: Sequence[Link]


@dataclass(frozen=True)
class NotOffered:
    acts: str
    why: str


@dataclass(frozen=True)
class CaseView:
    """`acts` are what this person can do now, `not_offered` what others could or what does not hold yet. `problem` is a title and
    a sentence; `muted_at` leads to the camera at which this spot is muted; `lost_note` is a remark that was typed for an act that
    can no longer be done; `looking` says who else looks at the case just now, `hindrance` what stands in the way of a notice."""

    id: int
    title: str
    back_url: str
    severity: Chip
    state: Chip
    shop: str
    area: str
    camera: str
    captured: LocalTime
    lasted: str | None
    seen_again: str | None
    picture: PictureView | None
    votes: VotesView
    rule: RuleView
    seal: SealView | None
    facts: Sequence[Fact]
    timeline: Sequence[EventView]
    acts: Sequence[ActForm]
    not_offered: Sequence[NotOffered]
    merged_into: Link | None
    overdue: Chip | None
    due: str | None
    notice: NoticeCard | None
    answers: Sequence[AnswerView]
    since: SinceView | None
    progress: Sequence[ProgressStep]
    looking: str | None = None
    clip: ClipView | None = None
    muted_at: str | None = None
    keeping: KeepingView | None = None
    is_deleted: bool = False
    done: str | None = None
    next_url: str | None = None
    is_last_judged: bool = False
    problem: Fact | None = None
    lost_note: str = ""
    hindrance: str = ""
    export_url: str | None = None


@dataclass(frozen=True)
class CameraRow:
    """`sentence` says how it is, `todo` what to do about it, `trouble` what hinders its edge box as a whole."""

    id: str
    name: str
    shop: str
    area: str
    edge: str
    state: Chip
    sentence: str
    todo: str | None
    trouble: str | None
    last_seen: LocalTime | None


@dataclass(frozen=True)
class BoxRow:
    """An edge box. `approve_url` and `revoke_url` are there where the reader can do so now."""

    name: str
    shop: str
    state: Chip
    sentence: str
    enrolled: str
    troubles: Sequence[str]
    approve_url: str | None
    revoke_url: str | None


@dataclass(frozen=True)
class ShopRow:
    """`url` is there for who may change the shop."""

    name: str
    url: str | None
    status_url: str
    facts: Sequence[str]
    licence: str
    contact: str


@dataclass(frozen=True)
class RuleInForce:
    """`why_not` says why a rule is not in force; severity and `after` (how soon it is reported) are of one that is."""

    code: str
    name: str
    severity: Chip | None
    after: str | None
    why_not: str | None


@dataclass(frozen=True)
class AuditRow:
    """`place` is where the entry stands in its chain."""

    at: LocalTime
    who: str
    unit: str | None
    address: str | None
    what: str
    object: str
    reason: str | None
    facts: Sequence[Fact]
    place: str


@dataclass(frozen=True)
class ProblemView:
    status: int
    title: str
    sentence: str
    way_out: Link


@dataclass(frozen=True)
class LinkRow:
    """A link that somebody of a shop was sent, and the device that it was first used on."""

    id: str
    person: str
    target: str
    state: Chip
    sent: LocalTime
    opened: LocalTime | None
    address: str | None
    device: str | None
    is_valid: bool


@dataclass(frozen=True)
class SessionRow:
    id: str
    device: str
    address: str | None
    since: LocalTime
    seen: LocalTime
    is_this: bool


@dataclass(frozen=True)
class GrantRow:
    """A program that acts under one's name."""

    client_id: str
    name: str
    scopes: list[str]
    since: LocalTime
    used: LocalTime | None


@dataclass(frozen=True)
class AccountRow:
    id: str
    name: str
    login: str
    role: str
    place: str
    state: Chip
    has_second_factor: bool
    is_disabled: bool
    is_own: bool


@dataclass(frozen=True)
class InvitationRow:
    id: str
    name: str
    role: str
    place: str
    until: LocalTime
