"""Shops' own boxes as the pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.alarms.fetching import PictureRefused
from api.alarms.mapping import AlarmFormat, AlarmUnreadable
from api.alarms.receiving import UnknownDevice
from api.alarms.tables import AlarmBox
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.words import Chip, Tone
from api.kit.pictures import NotAPicture
from api.kit.problems import KeyMissing, TooLarge, Unavailable

_WORKING = Tone(N_("Alarms arrive"), "good")
_WAITING = Tone(N_("No alarm yet"), "wait")
_TROUBLE = Tone(N_("Alarms are refused"), "bad")
# By the code of the problem that the box got.
_TROUBLES = {
    UnknownDevice.code: N_("Its last alarm is of a device code that no camera has here. Enter the code below its name."),
    AlarmUnreadable.code: N_("Its last alarm could not be read. Is it set to the right form?"),
    PictureRefused.code: N_("The picture of its last alarm may not be fetched, or is gone."),
    NotAPicture.code: N_("The picture of its last alarm cannot be used: a baseline JPEG is needed."),
    TooLarge.code: N_("The picture of its last alarm is too large."),
    KeyMissing.code: N_("A key of the server is missing, so nothing can be sealed for it. Tell whoever runs the server."),
    Unavailable.code: N_("The picture of its last alarm could not be fetched; it is asked to send it again."),
}
_REVOKED = Tone(N_("Revoked"), "minor")


@dataclass(frozen=True)
class AlarmBoxRow:
    """`trouble` says why its last alarm was not taken, `answer` what the box was told."""

    url: str
    name: str
    shop: str
    form: str
    state: Chip
    sentence: str
    trouble: str | None
    answer: str | None


def alarm_box_row(box: AlarmBox, formats: Mapping[str, AlarmFormat], speaker: Speaker) -> AlarmBoxRow:
    edge, form = box.edge, formats.get(box.format)
    tone = _TROUBLE if box.trouble else _WORKING if edge.last_seen_at is not None else _WAITING
    sentence = speaker.say(N_("Nothing has come from it yet."))
    if edge.last_seen_at is not None:
        sentence = speaker.say(N_("Last heard from at %(at)s."), at=speaker.time(edge.last_seen_at).short)
    if edge.revoked_at is not None:
        tone, sentence = _REVOKED, speaker.say(N_("Revoked at %(at)s."), at=speaker.time(edge.revoked_at).short)
    trouble = None
    if box.trouble is not None and edge.revoked_at is None:
        trouble = speaker.say(_TROUBLES.get(box.trouble_code or "", N_("Its last alarm was not accepted.")))
    return AlarmBoxRow(
        f"/alarm-boxes/{box.edge_id}", edge.name, edge.shop.name, speaker.choose(form.name) if form else box.format,
        speaker.chip(tone, dot=True), sentence, trouble, box.trouble,
    )
