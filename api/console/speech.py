"""Facts put into sentences of the reader's language."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from api.accounts.actors import Actor, ActorKind, the_system
from api.accounts.permissions import STORE_ROLES
from api.cases.outside import hears_of_delay
from api.cases.states import CaseState
from api.cases.tables import Case, CaseTransition, Stage
from api.console.case_words import (
    DUE,
    DUE_FOR_THE_SHOP,
    LEVELS,
    SEVERITIES,
    STANDINGS,
    STATES,
    STATES_FOR_THE_SHOP,
    TIME_DOUBTS,
)
from api.console.i18n import N_, Language, translations
from api.console.times import LocalTime, ago, local_day, local_time, span, whole_seconds
from api.console.words import AREAS, Chip, Tone
from api.kit.times import in_shop_time
from api.notices.citations import citations_of
from api.notices.schemas import Citation, Standing
from contract.catalogue import AreaKind, Catalogue, Deadline, Rule, Text


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
    to_do: str = ""


_VOTES: dict[str, str] = {
    "cap": N_("Looked %(looks)s times: %(violating)s without a cap, %(fine)s with a cap, %(unsure)s cannot tell"),
    "mask": N_("Looked %(looks)s times: %(violating)s without a mask worn properly, %(fine)s with one, %(unsure)s cannot tell"),
    "glove": N_("Looked %(looks)s times: %(violating)s without gloves, %(fine)s with gloves, %(unsure)s cannot tell"),
    "smoking": N_("Looked %(looks)s times: %(violating)s smoking, %(fine)s not smoking, %(unsure)s cannot tell"),
}
_VOTES_OTHERWISE = N_("Looked %(looks)s times: %(violating)s against the rule, %(fine)s not, %(unsure)s cannot tell")

_DEADLINES: dict[str, str] = {
    "hours": N_("To be put right within %(amount)s hours."),
    "days": N_("To be put right within %(amount)s days."),
    "working_days": N_("To be put right within %(amount)s working days."),
    "record": N_("Recorded only; no deadline."),
    "at_once": N_("To be put right at once."),
}


@dataclass(frozen=True)
class Speaker:
    """Speaks one language at one moment."""

    language: Language
    now: datetime

    def say(self, message: str, **values: object) -> str:
        text = translations(self.language).gettext(message)
        return text % values if values else text

    def listed(self, words: Iterable[str]) -> str:
        return self.say(N_(", ")).join(words)

    def choose(self, text: Text) -> str:
        return text.in_language(self.language.value)

    def time(self, moment: datetime) -> LocalTime:
        return local_time(moment, self.language, self.now)

    def by(self, limit: datetime) -> str:
        """A limit: nobody has to work out of a bare time of day that it is today's."""
        here = in_shop_time(limit)
        if here.date() == in_shop_time(self.now).date():
            return self.say(N_("today %(time)s"), time=f"{here:%H:%M}")
        return self.time(limit).short

    def day(self, day: date) -> str:
        return local_day(day, self.language)

    def ago(self, moment: datetime) -> str:
        return ago(moment, self.language, self.now)

    def span(self, duration: timedelta) -> str:
        return span(duration, self.language)

    def chip(self, tone: Tone, dot: bool = False) -> Chip:
        return Chip(self.say(tone.words), tone.tone, dot)

    def area(self, area: AreaKind) -> str:
        return self.say(AREAS[area])

    def state(self, state: CaseState, reader: Actor) -> Chip:
        return self.chip((STATES_FOR_THE_SHOP if reader.role in STORE_ROLES else STATES)[state])

    def overdue(self, case: Case, reader: Actor) -> Chip | None:
        if case.overdue_at is None or not hears_of_delay(reader, case):
            return None
        return Chip(self.say(N_("Overdue since %(at)s"), at=self.time(case.overdue_at).short), "bad")

    def due(self, case: Case, reader: Actor) -> str | None:
        """Which limit runs, and who has heard that it is over. A check on site is not announced to who hears of no delay."""
        tells_delay = hears_of_delay(reader, case)
        if case.stage is None or case.due_at is None or (case.stage is Stage.VISIT and not tells_delay):
            return None
        due = DUE_FOR_THE_SHOP if reader.role in STORE_ROLES else DUE
        words = [self.say(due[case.stage], at=self.by(case.due_at))]
        if case.state is CaseState.APPEALED:
            words.insert(0, self.say(N_("The shop's deadline is paused until the objection is decided")))
        if case.stage is Stage.SIGN and case.rectify_due_at is not None:
            words.append(self.say(due[Stage.RECTIFY], at=self.by(case.rectify_due_at)))
        if case.escalation is not None and tells_delay:
            words.append(self.say(LEVELS[case.escalation]))
        return " · ".join(words)

    def doer(self, name: str) -> str:
        """Who deleted something, by the name that was kept."""
        return self.say(N_("The system")) if name == the_system().name else name

    def actor(self, transition: CaseTransition) -> str:
        """Who did it; what the centre does by itself has a name in each language."""
        return self.say(N_("The system")) if transition.actor_kind == ActorKind.SYSTEM else transition.actor_name

    def severity(self, severity: int) -> Chip:
        return self.chip(SEVERITIES[severity])

    def votes(self, looks: int, sure: int, violating: int, rule: Rule | None) -> VotesView:
        fine, unsure = sure - violating, looks - sure
        form = _VOTES[rule.sign.attribute] if rule and rule.sign else _VOTES_OTHERWISE
        sentence = self.say(form, looks=looks, violating=violating, fine=fine, unsure=unsure)
        return VotesView(sentence, looks, violating, fine, unsure)

    def lasted(self, since: datetime, captured: datetime) -> str:
        start = self.time(since).short
        return self.say(
            N_("First seen at %(since)s, %(seconds)s seconds before this picture."),
            since=start, seconds=whole_seconds(captured - since),
        )

    def time_doubt(self, case: Case) -> str | None:
        return self.say(TIME_DOUBTS[case.time_doubt]) if case.time_doubt else None

    def rule_title(self, code: str, catalogue: Catalogue) -> str:
        """The name of the rule; its code where this centre's catalogue does not hold it."""
        rule = find_rule(code, catalogue)
        return self.choose(rule.name) if rule else self.say(N_("Rule %(code)s"), code=code)

    def rule(self, code: str, catalogue: Catalogue, accepted: Collection[str], decides: bool) -> RuleView:
        """`accepted` are citations that a section head has accepted; `decides` says that the reader is one."""
        rule = find_rule(code, catalogue)
        if rule is None:
            return RuleView(code, "", [], None)
        basis = [self._basis(line, decides) for line in citations_of(rule.basis, accepted)]
        return RuleView(code, self.choose(rule.name), basis, self._deadline(rule.deadline), self.choose(rule.to_do))

    def _basis(self, line: Citation, decides: bool) -> BasisLine:
        tone = STANDINGS[line.standing]
        return BasisLine(
            line.text, self.chip(tone) if tone else None, decides and line.standing is Standing.UNVERIFIED,
            decides and line.standing is Standing.ACCEPTED,
        )

    def _deadline(self, deadline: Deadline) -> str:
        return self.say(_DEADLINES[deadline.unit], amount=deadline.amount)


def find_rule(code: str, catalogue: Catalogue) -> Rule | None:
    return next((rule for rule in catalogue.rules if rule.code == code), None)
