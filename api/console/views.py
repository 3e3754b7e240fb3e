"""What the templates show: plain values, already in the reader's language and time."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """`unsaved` says that a form was sent after the session had ended."""

    username: str = ""
    next: str = ""
    problem: str | None = None
    unsaved: bool = False


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


@dataclass(frozen=True)
class CaseListView:
    """`live_url` is where the list updates itself from; None away from the first page, where nothing new can appear."""

    rows: Sequence[CaseRow]
    tabs: Sequence[Link]
    rules: Sequence[Option]
    state: str
    rule: str
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
    """`crop` is the viewBox of the person, in pixels of the original."""

    url: str
    alt: str
    width: int
    height: int
    boxes: Sequence[BoxView]
    legend: Sequence[LegendItem]
    crop: str | None


@dataclass(frozen=True)
class VotesView:
    sentence: str
    looks: int
    violating: int
    fine: int
    unsure: int


@dataclass(frozen=True)
class BasisLine:
    text: str
    verified: bool


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
class VerdictForm:
    """The two acts that a reviewer has. `wrong` and `wrong_note` say what is wrong with reason and remark in the form that came
    back, with what was typed."""

    confirm_url: str
    dismiss_url: str
    version: int
    reasons: Sequence[Option]
    reason: str | None = None
    note: str = ""
    wrong: str | None = None
    wrong_note: str | None = None

    @property
    def open(self) -> bool:
        return self.wrong is not None or self.reason is not None or self.note != ""


@dataclass(frozen=True)
class CaseView:
    """`verdict` is None where there is nothing to judge for this person; `no_verdict` then says why. `lost_note` is a remark that
    was typed for an act that can no longer be done."""

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
    picture: PictureView | None
    may_see_picture: bool
    votes: VotesView
    rule: RuleView
    seal: SealView | None
    facts: Sequence[Fact]
    timeline: Sequence[EventView]
    verdict: VerdictForm | None
    no_verdict: str
    done: str | None = None
    next_url: str | None = None
    conflict: str | None = None
    lost_note: str = ""


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
class ProblemView:
    status: int
    title: str
    sentence: str
    way_out: Link
