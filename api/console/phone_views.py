"""A notice as a cook sees it on a phone: one screen, plain words, three buttons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from api.answers.tables import Answer
from api.cases.states import UNTIL_CLOSED, Act, CaseState
from api.cases.tables import Case, CaseTransition
from api.console.answer_views import AnswerView, answer_view
from api.console.camera_views import CameraRow
from api.console.exhibit_views import BoxView, box_view
from api.console.i18n import N_
from api.console.speech import Speaker, find_rule
from api.console.times import LocalTime
from api.console.views import Fact, Option
from api.console.words import Chip
from api.deliveries.kinds import Channel
from api.deliveries.tables import Target
from api.evidence.service import manifest_of
from api.evidence.tables import Evidence
from api.links.service import Visit
from api.notices.schemas import Facts
from contract.catalogue import Catalogue


@dataclass(frozen=True)
class PhonePicture:
    """Without faces. The boxes are those of what it is about, in pixels of the original; `close_url` shows them large."""

    url: str
    close_url: str | None
    alt: str
    width: int
    height: int
    boxes: Sequence[BoxView]


@dataclass(frozen=True)
class HistoryRow:
    """`url` leads to the whole notice; None where the case was only recorded. `open_case` is the number of one that goes on."""

    title: str
    url: str | None
    open_case: int | None
    state: Chip
    at: LocalTime


@dataclass(frozen=True)
class PhoneView:
    """`base` is the address of the page; `acts` are what can be done now. `typed` and `wrong` are of an answer that came back."""

    base: str
    shop: str
    title: str
    severity: Chip
    place: str
    captured: LocalTime
    time_doubt: str | None
    picture: PhonePicture | None
    seen: str
    why: str | None
    to_do: str
    left: str | None
    due: LocalTime | None
    is_late: bool
    state: Fact | None
    acts: frozenset[Act]
    version: int
    person: str
    station: str
    phone: str | None
    is_practice: bool = False
    done: str | None = None
    problem: Fact | None = None
    answers: Sequence[AnswerView] = ()
    history: Sequence[HistoryRow] = ()
    cameras: Sequence[CameraRow] = ()
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def spoken(self) -> str:
        """What is read aloud."""
        return " ".join(part for part in (self.title, self.seen, self.why, self.to_do, self.left) if part)


@dataclass(frozen=True)
class GroupView:
    """What everybody is shown who is not the person that a link belongs to."""

    base: str
    title: str
    place: str
    captured: LocalTime
    time_doubt: str | None
    picture: PhonePicture | None
    people: Sequence[Option]
    station: str
    phone: str | None
    done: str | None
    problem: str | None


@dataclass(frozen=True)
class PhoneProblem:
    """`station` and `phone` are whom to ring, where that is known; `again_url` leads to the notice, where there is one; `is_over`
    says that nothing more is to be done."""

    title: str
    sentence: str
    station: str
    phone: str | None
    again_url: str | None
    is_over: bool


# What comes next for the shop, by the state of the case.
_NEXT: dict[CaseState, tuple[str, str]] = {
    CaseState.RECORDED: (
        N_("Recorded only"), N_("You need not hand in anything. Please see to it that it does not happen again.")
    ),
    CaseState.ACKNOWLEDGED: (N_("You have received it"), N_("Put it right, then press “I fixed it” and take a photograph.")),
    CaseState.REFUSED: (N_("Officers will visit you"), N_("The notice was recorded as refused. An officer will come and look.")),
    CaseState.APPEALED: (N_("Your objection is being decided"), N_("Your deadline is paused until then. You will be told.")),
    CaseState.SUBMITTED: (
        N_("Your answer was sent"), N_("An officer looks at it. You will be told; there is nothing more to do now.")
    ),
    CaseState.RETURNED: (N_("Not accepted yet"), N_("Please do what is missing, and send a new photograph.")),
    CaseState.ON_SITE: (N_("Officers will visit you"), N_("An officer will come and look.")),
    CaseState.WITHDRAWN: (N_("The notice was withdrawn"), N_("You need not do anything.")),
    CaseState.CLOSED: (N_("Done"), N_("An officer has verified it, and the case is closed. Thank you.")),
    CaseState.TRANSFERRED: (N_("Turned over to enforcement"), N_("The station will speak to you. You can ring it, too.")),
}
# What became of an objection, with its grounds.
_DECIDED: dict[Act, str] = {
    Act.REJECT: N_("Your objection was not accepted"),
    Act.UPHOLD: N_("Your objection was accepted"),
}
_DONE: dict[Act, str] = {
    Act.ACKNOWLEDGE: N_(
        "Received. The station knows that you have read it. Put it right, then press “I fixed it” and take a photograph."
    ),
    Act.SUBMIT: N_("Sent. An officer looks at it now. You will be told; there is nothing more to do."),
    Act.APPEAL: N_(
        "Sent. A section head decides on your objection, and your deadline is paused until then. You will be told."
    ),
}


def phone_view(
    visit: Visit, base: str, notice: Facts | None, exhibits: Sequence[Evidence], acts: frozenset[Act],
    answers: Sequence[Answer], history: Sequence[Case], cameras: Sequence[CameraRow], speaker: Speaker,
    catalogue: Catalogue, at: datetime, done: str,
) -> PhoneView:
    case, last = visit.case, visit.transitions[-1]
    rule = find_rule(case.rule, catalogue)
    due = case.rectify_due_at if acts else None
    return PhoneView(
        base=base, shop=case.shop.name, title=speaker.rule_title(case.rule, catalogue), severity=speaker.severity(case.severity),
        place=f"{case.area.name} · {case.camera.name}", captured=speaker.time(case.captured_at),
        time_doubt=speaker.time_doubt(case), picture=_picture(case, exhibits, base, speaker, catalogue),
        seen=speaker.choose(notice.seen) if notice else "",
        why=speaker.choose(rule.why) if rule and rule.why else None, to_do=speaker.choose(notice.to_do) if notice else "",
        left=time_left(due, at, speaker) if due else None, due=replace(speaker.time(due), short=speaker.by(due)) if due else None,
        is_late=due is not None and due <= at, state=standing(case, visit.transitions, speaker), acts=acts,
        version=case.version, person=visit.link.person, station=notice.station if notice else "",
        phone=notice.phone if notice else None,
        done=done_words(done, last, visit.actor.id, speaker),
        answers=[answer_view(one, case, "", visit.actor, speaker, f"{base}/photographs") for one in reversed(answers)],
        history=[
            HistoryRow(
                speaker.rule_title(one.rule, catalogue),
                None if one.state is CaseState.RECORDED else f"{base}/notice?case={one.id}",
                one.id if one.state in UNTIL_CLOSED else None,
                speaker.state(one.state, visit.actor), speaker.time(one.captured_at),
            )
            for one in history if one.id != case.id
        ],
        cameras=cameras,
    )


def group_view(
    visit: Visit, base: str, notice: Facts | None, exhibits: Sequence[Evidence], people: Sequence[Target], speaker: Speaker,
    catalogue: Catalogue, done: str | None, problem: str | None,
) -> GroupView:
    case = visit.case
    return GroupView(
        base, speaker.rule_title(case.rule, catalogue), case.area.name, speaker.time(case.captured_at), speaker.time_doubt(case),
        _picture(case, exhibits, base, speaker, catalogue),
        [Option(person.id, _masked(person)) for person in people], notice.station if notice else "",
        notice.phone if notice else None, done, problem,
    )


def time_left(due: datetime, at: datetime, speaker: Speaker) -> str:
    left = due - at
    if left <= timedelta():
        return speaker.say(N_("The time is over. Put it right and answer at once."))
    minutes = int(left.total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return speaker.say(N_("%(days)s days and %(hours)s hours left"), days=days, hours=hours)
    if hours:
        return speaker.say(N_("%(hours)s hours and %(minutes)s minutes left"), hours=hours, minutes=minutes % 60)
    return speaker.say(N_("%(minutes)s minutes left"), minutes=max(1, minutes))


def done_words(done: str, last: CaseTransition, actor_id: str, speaker: Speaker) -> str | None:
    """For who has just done it, as long as nothing has happened since."""
    if (last.act, last.actor_id) != (done, actor_id):
        return None
    return speaker.say(_DONE[last.act]) if last.act in _DONE else None


def practice_view(catalogue: Catalogue, speaker: Speaker, at: datetime, base: str, picture_url: str, done: str) -> PhoneView:
    """An invented notice of the first rule; whatever is pressed, nothing happens."""
    rule = catalogue.rules[0]
    act = next((act for act in _DONE if act == done), None)
    left = timedelta(days=2, hours=4)
    box = BoxView("head", 292, 52, 76, 78, True)
    picture = PhonePicture(picture_url, None, speaker.say(N_("A drawing of a kitchen")), 640, 360, [box])
    told = None
    if act is not None:
        words = N_("This was practice: nothing was sent. For real, you would now read: %(words)s")
        told = speaker.say(words, words=speaker.say(_DONE[act]))
    return PhoneView(
        base=base, shop=speaker.say(N_("Practice shop")), title=speaker.choose(rule.name),
        severity=speaker.severity(rule.severity),
        place=speaker.say(N_("Practice kitchen")), captured=speaker.time(at), time_doubt=None, picture=picture,
        seen=speaker.choose(rule.seen), why=speaker.choose(rule.why) if rule.why else None, to_do=speaker.choose(rule.to_do),
        left=time_left(at + left, at, speaker), due=speaker.time(at + left), is_late=False, state=None, acts=frozenset(_DONE),
        version=0, person=speaker.say(N_("You")), station="", phone=None, is_practice=True, done=told,
    )


def _last_step(transitions: Sequence[CaseTransition]) -> CaseTransition:
    """More time changes nothing of what was decided before."""
    return next(step for step in reversed(transitions) if step.act is not Act.EXTEND)


def standing(case: Case, transitions: Sequence[CaseTransition], speaker: Speaker) -> Fact | None:
    """How it stands and what comes next, as a shop is told, with what the authority wrote of it."""
    if case.state not in _NEXT:
        return None
    last = _last_step(transitions)
    title, words = _NEXT[case.state]
    sentence = speaker.say(words)
    if case.state is CaseState.RETURNED and last.note:
        sentence = speaker.say(N_("The officer writes: “%(note)s”"), note=last.note) + " " + sentence
    if last.act in _DECIDED and last.note:
        title = _DECIDED[last.act]
        sentence = speaker.say(N_("The section head writes: “%(note)s”"), note=last.note) + " " + sentence
    return Fact(speaker.say(title), sentence)


def _picture(
    case: Case, exhibits: Sequence[Evidence], base: str, speaker: Speaker, catalogue: Catalogue
) -> PhonePicture | None:
    if not exhibits:
        return None
    manifest = manifest_of(exhibits[0])
    alt = speaker.say(
        N_("%(camera)s at %(at)s: %(title)s"), camera=case.camera.name, at=speaker.time(case.captured_at).full,
        title=speaker.rule_title(case.rule, catalogue),
    )
    boxes = [box_view(box) for box in manifest.boxes if box.violating]
    url = f"{base}/picture.jpg"
    return PhonePicture(url, f"{url}?close=true" if boxes else None, alt, manifest.frame_width, manifest.frame_height, boxes)


def _masked(person: Target) -> str:
    """Enough for who knows them, too little for anybody else: 李* 138****0000."""
    recipient = person.recipient or ""
    if person.channel is Channel.SMS:
        hidden = f"{recipient[:3]}****{recipient[-4:]}"
    else:
        name, _, host = recipient.partition("@")
        hidden = f"{name[:1]}***@{host}"
    return f"{person.name[:1]}* {hidden}"
