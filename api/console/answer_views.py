"""What a shop answered, and what its camera saw since, as the pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from api.accounts.actors import Actor
from api.answers.service import Since, is_in_verification
from api.answers.tables import Answer, Photograph
from api.cases.tables import Case
from api.console.case_words import EVENTS
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.console.views import Link
from api.console.words import Chip


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


def answer_view(
    answer: Answer, case: Case, why: str, actor: Actor, speaker: Speaker, photographs: str = "/api/v1/photographs"
) -> AnswerView:
    """`why` is the reason for which the photographs are shown with faces outside the verification, empty where they are not;
    `photographs` is the address below which each has its own."""
    by = answer.actor_name
    if answer.is_for_shop:
        by = speaker.say(N_("%(officer)s, for the shop"), officer=by)
    return AnswerView(
        speaker.say(EVENTS[answer.act]), speaker.time(answer.at), by, answer.text, answer.person, answer.training,
        [_photograph(one, number, f"{photographs}/{one.id}", why, speaker) for number, one in enumerate(answer.photographs, 1)],
        not why and not is_in_verification(actor, case),
    )


def since_view(since: Since, case: Case, speaker: Speaker) -> SinceView:
    """What was really looked at, not what has passed: in minutes, or in hours with one decimal."""
    time = speaker.say(N_("%(amount)s min"), amount=since.minutes_observed)
    if since.minutes_observed >= 60:
        time = speaker.say(N_("%(amount)s h"), amount=f"{since.minutes_observed / 60:.1f}")
    words = N_("Since %(at)s the camera was looked at for %(time)s.")
    if since.counted_from > since.since:
        words = N_("Since %(at)s, as far back as minutes are kept, the camera was looked at for %(time)s.")
    observed = speaker.say(words, at=speaker.time(since.counted_from).short, time=time)
    if since.repeats:
        chip = Chip(speaker.say(N_("Seen again %(times)s times"), times=len(since.repeats)), "bad")
    elif since.minutes_observed:
        chip = Chip(speaker.say(N_("Not seen again")), "good")
    else:
        chip = Chip(speaker.say(N_("Not looked at since")), "wait")
    repeats = []
    for repeat in since.repeats:
        words = N_("No. %(id)s, %(at)s") if repeat.is_judged else N_("No. %(id)s, %(at)s, not judged yet")
        at = speaker.time(repeat.last_seen_at).short
        repeats.append(Link(f"/cases/{repeat.case_id}", speaker.say(words, id=repeat.case_id, at=at), repeat.case_id == case.id))
    return SinceView(observed, chip, repeats)


def _photograph(photograph: Photograph, number: int, address: str, why: str, speaker: Speaker) -> PhotographView:
    taken = speaker.say(N_("time of taking not known"))
    if photograph.taken_at is not None:
        taken = speaker.say(N_("taken %(at)s by the phone's clock"), at=speaker.time(photograph.taken_at).short)
    url: str | None = address + (f"?{urlencode({'reason': why})}" if why else "")
    if photograph.deleted_at is not None:
        url = None
        taken = speaker.say(
            N_("deleted at %(at)s by %(name)s: %(ground)s"), at=speaker.time(photograph.deleted_at).short,
            name=speaker.doer(photograph.deleted_by or ""), ground=photograph.deletion_ground,
        )
    return PhotographView(
        url, speaker.say(N_("Photograph %(number)s of the answer"), number=number),
        photograph.width, photograph.height, taken, speaker.time(photograph.received_at),
    )
