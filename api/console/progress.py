"""How far a case has come, from capture to closure."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.times import LocalTime


@dataclass(frozen=True)
class ProgressStep:
    """One of the stages from capture to closure: `past`, `now` (waited for), or `later`."""

    words: str
    tense: str
    at: LocalTime | None


_STAGES: tuple[tuple[str, frozenset[Act]], ...] = (
    (N_("Capture"), frozenset({Act.REPORT})),
    (N_("Judgement"), frozenset({Act.CONFIRM, Act.DISMISS, Act.MERGE, Act.MUTE})),
    (N_("Notice"), frozenset({Act.ISSUE, Act.RECORD})),
    (N_("Receipt"), frozenset({Act.ACKNOWLEDGE, Act.REFUSE})),
    (N_("Answer"), frozenset({Act.SUBMIT, Act.APPEAL})),
    (N_("Closure"), frozenset({Act.CLOSE, Act.WITHDRAW, Act.UPHOLD, Act.TRANSFER})),
)
# Which stage is waited for; a state that is not here is an end.
_AWAITED: dict[CaseState, int] = {
    CaseState.DETECTED: 1,
    CaseState.PENDING_REVIEW: 1,
    CaseState.CONFIRMED: 2,
    CaseState.ISSUED: 3,
    CaseState.ACKNOWLEDGED: 4,
    CaseState.RETURNED: 4,
    CaseState.APPEALED: 5,
    CaseState.SUBMITTED: 5,
    CaseState.REFUSED: 5,
    CaseState.ON_SITE: 5,
}


def progress_view(case: Case, transitions: Sequence[CaseTransition], speaker: Speaker) -> list[ProgressStep]:
    """A case that ended early has only the stages that it passed; one that was sent back waits for a stage again."""
    awaited = _AWAITED.get(case.state)
    steps = []
    for number, (words, acts) in enumerate(_STAGES):
        last = next((step for step in reversed(transitions) if step.act in acts), None)
        at = case.captured_at if number == 0 else last.at if last else None
        if awaited is None or number < awaited:
            if at is not None:
                steps.append(ProgressStep(speaker.say(words), "past", speaker.time(at)))
        else:
            steps.append(ProgressStep(speaker.say(words), "now" if number == awaited else "later", None))
    return steps
