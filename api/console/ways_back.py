"""Where the reader of a case comes from, as its address says: a queue or the list, as they had narrowed it. What is done with the
case leads on from there, and back."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from fastapi import Request

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.queues import STATES, Queue, QueueName
from api.cases.states import TOLD, UNTIL_CLOSED, CaseState
from api.console.case_rows import case_url
from api.console.case_words import SEVERITIES
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.views import Fact, Link
from api.kit.ids import ID_LENGTH
from contract.catalogue import Catalogue

QUEUES: dict[QueueName, tuple[str, Permission]] = {
    QueueName.JUDGE: (N_("To judge"), Permission.CASES_JUDGE),
    QueueName.NOTICE: (N_("To issue"), Permission.CASES_HANDLE),
    QueueName.SHOP: (N_("Waiting for the shop"), Permission.CASES_JUDGE),
    QueueName.VERIFY: (N_("To verify or decide"), Permission.CASES_JUDGE),
}


class Tab(StrEnum):
    """Of the list: what a person looks for, not each single state."""

    PENDING_REVIEW = "pending_review"
    CONFIRMED = "confirmed"
    WITH_SHOP = "with_shop"
    ENDED = "ended"
    DISMISSED = "dismissed"
    OVERDUE = "overdue"
    ALL = "all"


TABS: dict[Tab, tuple[str, frozenset[CaseState] | None]] = {
    Tab.PENDING_REVIEW: (N_("To judge"), frozenset({CaseState.PENDING_REVIEW})),
    Tab.CONFIRMED: (N_("Confirmed"), frozenset({CaseState.CONFIRMED})),
    Tab.WITH_SHOP: (N_("Being put right"), frozenset(UNTIL_CLOSED)),
    Tab.ENDED: (N_("Ended"), TOLD - frozenset(UNTIL_CLOSED)),
    Tab.DISMISSED: (N_("Dismissed"), frozenset({CaseState.DISMISSED, CaseState.MERGED})),
    Tab.OVERDUE: (N_("Overdue"), None),
    Tab.ALL: (N_("All"), None),
}


@dataclass(frozen=True)
class CaseList:
    """`shop` is the id of the one whose cases they are; `cursor` is of one of its later pages."""

    tab: Tab
    rule: str = ""
    cursor: str = ""
    shop: str = ""

    def address(self, path: str = "/cases") -> str:
        tab = "" if self.tab is Tab.PENDING_REVIEW else self.tab.value
        return _address(path, _facts(state=tab, rule=self.rule, shop=self.shop, cursor=self.cursor))


def came_from(request: Request, actor: Actor) -> Queue | CaseList | None:
    """None where the address of the case names none that is this reader's."""
    asked = request.query_params
    rule = asked.get("rule", "")[:8]
    tab = next((tab for tab in tabs_of(actor) if tab.value == asked.get("list")), None)
    if tab is not None:
        return CaseList(tab, rule, asked.get("cursor", "")[:100], asked.get("shop", "")[:ID_LENGTH])
    name = next((name for name in QUEUES if name.value == asked.get("queue")), None)
    if name is None or not (actor.may(Permission.CASES_JUDGE) and actor.may(QUEUES[name][1])):
        return None
    severity = next((number for number in SEVERITIES if str(number) == asked.get("severity")), None)
    return Queue(name, rule, severity, asked.get("words", "")[:100].strip())


def came_facts(came: Queue | CaseList | None) -> list[Fact]:
    """What the address of a case carries of it."""
    if isinstance(came, Queue):
        return [Fact("queue", came.name.value), *_narrowed(came)]
    return _facts(list=came.tab.value, rule=came.rule, shop=came.shop, cursor=came.cursor) if came else []


def came_link(came: Queue | CaseList, shop: str, speaker: Speaker, catalogue: Catalogue) -> Link:
    """The way back; `shop` is that of the case."""
    if isinstance(came, Queue):
        words = [speaker.say(QUEUES[came.name][0])]
    else:
        words = [speaker.say(N_("Cases")), speaker.say(TABS[came.tab][0])]
    if came.rule:
        words.append(speaker.rule_title(came.rule, catalogue))
    if isinstance(came, CaseList):
        return Link(came.address(), " · ".join([*words, *([shop] if came.shop else [])]))
    if came.severity:
        words.append(speaker.severity(came.severity).words)
    return Link(queue_address(came), " · ".join([*words, *([came.words] if came.words else [])]))


def cases_of_shop(shop_id: str) -> str:
    return CaseList(Tab.ALL, shop=shop_id).address()


def case_address(case_id: int, came: Queue | CaseList | None, **others: str) -> str:
    """Of a case, with where its reader comes from."""
    return _address(case_url(case_id), [*_facts(**others), *came_facts(came)])


def queue_link(state: CaseState | None, actor: Actor, speaker: Speaker) -> Link | None:
    """To the queue in which cases of this state wait, for who works it off."""
    for name, (words, permission) in QUEUES.items():
        if state in STATES[name] and actor.may(Permission.CASES_JUDGE) and actor.may(permission):
            return Link(queue_address(Queue(name)), speaker.say(words))
    return None


def queue_address(wanted: Queue) -> str:
    return _address("/review", queue_facts(wanted))


def queue_facts(wanted: Queue) -> list[Fact]:
    """What the address of a queue says; the one that is shown without a name needs none."""
    return [*_facts(queue="" if wanted.name is QueueName.JUDGE else wanted.name.value), *_narrowed(wanted)]


def tabs_of(actor: Actor) -> tuple[Tab, ...]:
    return tuple(TABS) if actor.sees_unconfirmed else (Tab.WITH_SHOP, Tab.OVERDUE, Tab.ENDED, Tab.ALL)


def _narrowed(wanted: Queue) -> list[Fact]:
    return _facts(rule=wanted.rule, severity=str(wanted.severity or ""), words=wanted.words)


def _facts(**named: str) -> list[Fact]:
    return [Fact(name, value) for name, value in named.items() if value]


def _address(path: str, facts: list[Fact]) -> str:
    return f"{path}?{urlencode([(fact.name, fact.value) for fact in facts])}" if facts else path
