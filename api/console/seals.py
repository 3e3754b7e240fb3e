"""The seal of the evidence in plain words."""

from dataclasses import dataclass

from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.words import Chip, Tone
from api.evidence.service import SealCheck
from api.evidence.tables import Chain


@dataclass(frozen=True)
class SealView:
    chip: Chip
    sentence: str


_INTACT = Tone(N_("Intact"), "good")
_GAP = Tone(N_("Intact, but one is missing before it"), "wait")
_OUT_OF_ORDER = Tone(N_("Out of order"), "bad")
_BROKEN = Tone(N_("Broken"), "bad")
_OF_ANOTHER = Tone(N_("Not sealed by an edge box of ours"), "wait")


def seal_view(check: SealCheck, chain: Chain, speaker: Speaker) -> SealView:
    """`check` is of the files as they lie on the server now, `chain` of the record's place among those of its camera."""
    tone, sentence = _words(check, chain)
    return SealView(speaker.chip(tone, dot=True), speaker.say(sentence, at=speaker.time(check.checked_at).short))


def _words(check: SealCheck, chain: Chain) -> tuple[Tone, str]:
    if check.problem is not None and chain is Chain.NONE:
        return _BROKEN, N_(
            "Checked at %(at)s: picture or data are missing or not as they arrived here from the shop's own box. Do not judge "
            "on them; tell the administrator."
        )
    if check.problem is not None:
        return _BROKEN, N_(
            "Checked at %(at)s: picture or data are missing or not what the edge box signed. Do not judge on them; "
            "tell the administrator."
        )
    match chain:
        case Chain.WHOLE:
            return _INTACT, N_(
                "Checked at %(at)s: picture and data are what the edge box signed, and follow its record before without a gap."
            )
        case Chain.NONE:
            return _OF_ANOTHER, N_(
                "It came from the shop's own box. Checked at %(at)s: picture and data are as they arrived here; what "
                "happened to them before, nobody can prove."
            )
        case Chain.GAP:
            return _GAP, N_(
                "Checked at %(at)s: picture and data are what the edge box signed. The record before it has not arrived yet."
            )
        case Chain.BROKEN:
            return _OUT_OF_ORDER, N_(
                "Checked at %(at)s: picture and data are what the edge box signed, but do not follow its record before. "
                "Tell the administrator."
            )
