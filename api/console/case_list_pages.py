"""The list of cases, which updates itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.accounts.permissions import STORE_ROLES
from api.cases import service as cases
from api.centre import Centre
from api.console.case_rows import CaseRow, case_row
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.console.speech import Speaker
from api.console.views import Fact, Link, Option
from api.console.ways_back import TABS, CaseList, Tab, came_facts, tabs_of
from api.evidence import service as evidence
from api.kit.cursors import decode_number, encode_cursor
from api.kit.database import Work
from api.kit.work import Reading
from api.places import service as places

router = APIRouter()

# About eight screens; with lazy pictures a page of it weighs some 30 kB.
_PAGE = 40


@dataclass(frozen=True)
class CaseListView:
    """`live_url` is where the list updates itself from; None away from the first page, where nothing new can appear.
    `shop` is the one whose cases they are, where it is one's.
    `judges`: whether the reader's is to judge what cameras noticed, rather than to answer what was confirmed.
    `answers`: whether it is all that waits for the reader's own shop. `came` is what the addresses of its cases carry of it."""

    judges: bool
    answers: bool
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
    came: Sequence[Fact]
    shop: Option | None


@router.get("/cases")
async def case_list_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, state: Tab | None = None, rule: str = "",
    cursor: str = "", shop: str = "",
) -> Response:
    view = await _list(work, actor, centre, speaker_of(request), CaseList(state or _first_tab(actor), rule, cursor, shop))
    part = partial(request, "cases_list.html", cases=view)
    return page(request, "cases.html", actor=actor, cases=view, partial=part, partial_etag=partial_etag(part))


@router.get("/cases/list")
async def case_list(
    request: Request, actor: SignedInForUpdate, work: Reading, centre: CentreOf, state: Tab | None = None, rule: str = "",
    shop: str = "",
) -> Response:
    view = await _list(work, actor, centre, speaker_of(request), CaseList(state or _first_tab(actor), rule, shop=shop))
    return partial_response(request, partial(request, "cases_list.html", cases=view))


async def _list(work: Work, actor: Actor, centre: Centre, speaker: Speaker, asked: CaseList) -> CaseListView:
    tab, states = asked.tab, TABS[asked.tab][1]
    found = await cases.list_cases(
        work, actor, states=states, rule=asked.rule or None, shop_id=asked.shop or None, is_overdue=tab is Tab.OVERDUE,
        before=decode_number(asked.cursor or None), limit=_PAGE + 1,
    )
    shown = found[:_PAGE]
    digests = {
        case_id: exhibits[0].digest
        for case_id, exhibits in (await evidence.of_cases(work, actor, [case.id for case in shown])).items()
        if exhibits
    }
    first = replace(asked, cursor="")
    older = replace(asked, cursor=encode_cursor(shown[-1].id)) if len(found) > _PAGE else None
    return CaseListView(
        judges=actor.sees_unconfirmed, answers=actor.role in STORE_ROLES and first == CaseList(Tab.WITH_SHOP),
        rows=[
            case_row(case, digests.get(case.id), actor, speaker, centre.catalogue, evidence.is_in_review(actor, case))
            for case in shown
        ],
        tabs=[
            Link(replace(first, tab=kind).address(), speaker.say(TABS[kind][0]), kind is tab) for kind in tabs_of(actor)
        ],
        rules=[Option(known.code, f"{known.code} {speaker.choose(known.name)}") for known in centre.rules_of_cases],
        state="" if tab is Tab.PENDING_REVIEW else tab.value, rule=asked.rule, names_state=len(states or "all") > 1,
        filtered=tab is not Tab.PENDING_REVIEW or asked.rule != "" or asked.shop != "",
        older_url=older.address() if older else None, newest_url=first.address() if asked.cursor else None,
        live_url=None if asked.cursor else asked.address("/cases/list"),
        # The list as it first is needs no name: every case leads back there.
        came=[] if asked == CaseList(_first_tab(actor)) else came_facts(asked),
        shop=Option(asked.shop, (await places.get_shop(work, actor, asked.shop)).name) if asked.shop else None,
    )


def _first_tab(actor: Actor) -> Tab:
    return Tab.PENDING_REVIEW if actor.sees_unconfirmed else Tab.WITH_SHOP
