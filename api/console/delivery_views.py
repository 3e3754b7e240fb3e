"""Messages and their targets as the pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.console.case_rows import case_url
from api.console.delivery_words import AUDIENCES, CHANNELS, DELIVERY_STATES, EVENTS, FAULTS, NEVER_TRIED, TARGET_STATES
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.console.words import Chip
from api.deliveries import targets
from api.deliveries.kinds import DeliveryState, Event, TargetState
from api.deliveries.tables import Delivery, DeliveryAttempt, Target


@dataclass(frozen=True)
class TargetRow:
    """`trouble` says why nothing arrives."""

    url: str
    name: str
    channel: str
    audience: str
    place: str
    state: Chip
    sentence: str
    trouble: str | None


@dataclass(frozen=True)
class DeliveryRow:
    """`case_url` is there for who may read the case."""

    url: str
    event: str
    target: str
    case_url: str | None
    case: str | None
    state: Chip
    at: LocalTime
    notes: Sequence[str]


@dataclass(frozen=True)
class AttemptRow:
    at: LocalTime
    took: str
    result: str
    request: str
    answer: str


def target_row(target: Target, places: dict[str, str], speaker: Speaker) -> TargetRow:
    place = places.get(target.shop_id or target.district_id or "", "") or speaker.say(N_("All places"))
    state = TARGET_STATES[targets.state_of(target)]
    sentence = speaker.say(N_("Nothing has been delivered yet."))
    if target.last_delivered_at is None and targets.state_of(target) is TargetState.WORKING:
        state, sentence = NEVER_TRIED, speaker.say(N_("A test message shows whether it arrives."))
    if target.last_delivered_at is not None:
        sentence = speaker.say(N_("Last delivered at %(at)s."), at=speaker.time(target.last_delivered_at).short)
    trouble = speaker.say(FAULTS[target.dead_reason]) if target.dead_reason is not None else None
    return TargetRow(
        f"/targets/{target.id}", target.name, speaker.say(CHANNELS[target.channel]), speaker.say(AUDIENCES[target.audience]),
        place, speaker.chip(state, dot=True), sentence, trouble,
    )


def delivery_row(delivery: Delivery, actor: Actor, speaker: Speaker) -> DeliveryRow:
    notes = []
    if delivery.delivered_at is not None:
        notes.append(speaker.say(N_("Delivered at %(at)s."), at=speaker.time(delivery.delivered_at).short))
    elif delivery.state is DeliveryState.WAITING and targets.state_of(delivery.target) in (TargetState.DEAD, TargetState.OFF):
        notes.append(speaker.say(N_("It waits until the target takes messages again.")))
    elif delivery.state is DeliveryState.WAITING and delivery.attempts:
        at = speaker.time(delivery.next_at).short
        notes.append(speaker.say(N_("Tried %(number)s times; next at %(at)s."), number=delivery.attempts, at=at))
    if delivery.escalated_at is not None:
        notes.append(speaker.say(N_("It had not arrived in time by %(at)s."), at=speaker.time(delivery.escalated_at).short))
    if delivery.is_possibly_twice:
        notes.append(speaker.say(N_("Possibly sent twice: the end of one try is unknown.")))
    number = delivery.case_id
    return DeliveryRow(
        f"/deliveries/{delivery.id}", speaker.say(EVENTS[Event(delivery.event)]), delivery.target.name,
        case_url(number) if number is not None and actor.may(Permission.CASES_READ) else None,
        speaker.say(N_("Case %(number)s"), number=number) if number is not None else None,
        speaker.chip(DELIVERY_STATES[delivery.state], dot=True), speaker.time(delivery.created_at), notes,
    )


def attempt_row(attempt: DeliveryAttempt, speaker: Speaker) -> AttemptRow:
    result = speaker.say(FAULTS[attempt.fault]) if attempt.fault is not None else speaker.say(N_("Delivered"))
    if attempt.status is not None:
        result += f" ({attempt.status})"
    return AttemptRow(speaker.time(attempt.at), f"{attempt.duration_ms} ms", result, attempt.request, attempt.answer)
