"""What people are told: plain words with a link, never a picture. The link of a shop's own people opens without a password."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import wraps
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from api.accounts.actors import the_house
from api.cases import service as cases
from api.cases.tables import Case
from api.centre import Centre
from api.deliveries.claims import Claim
from api.deliveries.events import CaseEvent, TargetDeadEvent
from api.deliveries.heads import HEADS, LEVELS, LIMITS, TELL_THE_LIMIT, TELL_THE_TIME, UNTIL
from api.deliveries.kinds import Channel, Event, Fault
from api.deliveries.robots import ROBOTS
from api.deliveries.sms import PARAMETER_CHARACTERS
from api.keys.service import KeyName, stored_key
from api.kit.database import Work
from api.kit.times import in_shop_time
from api.links import service as links
from contract.catalogue import Text

# In bytes of UTF-8. A push service takes 4096 with everything (RFC 8291); a phone shows a few lines.
_LONGEST = {**{robot.channel: robot.longest for robot in ROBOTS.values()}, Channel.WEB_PUSH: 1900, Channel.APPRISE: 2000}
_SEVERITIES: dict[int, Text] = {
    1: Text(zh="严重", en="serious"), 2: Text(zh="较重", en="fairly serious"), 3: Text(zh="一般", en="minor")
}
_FAULTS: dict[Fault, Text] = {
    Fault.GONE: Text(zh="对方不再接收", en="the receiver wants no more messages"),
    Fault.WRONG_SETTINGS: Text(zh="密钥、签名、关键词或 IP 白名单不对", en="key, secret, keyword or address list is wrong"),
    Fault.KEY_MISSING: Text(zh="保存的密钥无法读取", en="its stored secrets cannot be read"),
}
_UNREACHED = Text(zh="多次重试仍未送达", en="it was tried for days and did not arrive")
Part = TypeVar("Part")
_Write = Callable[[Work, Centre, Claim, int], Awaitable[Part]]
_CASE = Text(zh="案件 {id} · {time}", en="case {id} · {time}")
_IN_DOUBT = Text(zh="（时间存疑）", en=" (time in doubt)")
_MANY = Text(zh="共 {count} 条通知：", en="{count} messages:")
_MORE = Text(zh="……其余请打开链接查看。", en="… the rest behind the link.")


class NoWords(Exception):
    """This message cannot be written, as often as it is tried."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(delivery_id)
        self.delivery_id = delivery_id


@dataclass(frozen=True)
class Content:
    """In words, or, for a short message, what its template is filled with. Neither for a webhook: it gets the event as it is.
    `key`: with which Web Push is signed, as it is stored. `hidden` are the parts that open something, which no log may hold."""

    text: str = ""
    key: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Link:
    """`token` is what opens it, where it opens without a password."""

    url: str
    token: str | None = None

    @property
    def hidden(self) -> tuple[str, ...]:
        return () if self.token is None else (self.token,)


async def content_of(work: Work, centre: Centre, claim: Claim) -> Content:
    """Raises NoWords."""
    match claim.target.channel:
        case Channel.WEBHOOK:
            return Content()
        case Channel.SMS:
            return await _short(work, centre, claim)
        case Channel.EMAIL:
            link = await _link(work, centre, claim, 0)
            return Content("\n".join((*await _lines(work, centre, claim, 0), link.url)), hidden=link.hidden)
        case Channel.WEB_PUSH as channel:
            content = await _chat(work, centre, claim, _LONGEST[channel])
            return replace(content, key=await stored_key(work, KeyName.WEB_PUSH))
        case channel:
            return await _chat(work, centre, claim, _LONGEST[channel])


async def _short(work: Work, centre: Centre, claim: Claim) -> Content:
    """Of a test only the first is filled. `link` is the last part of the address: the template holds the rest of it."""
    lines, link = await _lines(work, centre, claim, 0), await _link(work, centre, claim, 0)
    delivery = claim.deliveries[0]
    # These brackets are the provider's own, for the signature.
    what = lines[0].replace("【", "").replace("】", " ")
    until = " ".join(lines[2].split(" ")[-2:]) if len(lines) > 2 else ""  # its date and hour
    values = {"what": what, "case": str(delivery.case_id or "-"), "until": until or "-"}
    if link.token is not None:
        values["link"] = link.token
    return Content(parameters={name: value[:PARAMETER_CHARACTERS] for name, value in values.items()}, hidden=link.hidden)


async def _chat(work: Work, centre: Centre, claim: Claim, longest: int) -> Content:
    """Within the limit of the channel. The link of many is of all cases, or, for a shop, of the latest: its page names the
    others."""
    language = claim.target.language
    if len(claim.deliveries) == 1:
        link = await _link(work, centre, claim, 0)
        room = longest - len(f"\n{link.url}".encode())
        return Content("\n".join((_cut("\n".join(await _lines(work, centre, claim, 0)), room), link.url)), hidden=link.hidden)
    head = _MANY.in_language(language).format(count=len(claim.deliveries))
    link = await _link(work, centre, claim, -1) if links.gets_links(claim.target) else _Link(f"{centre.public_url}/cases")
    more = _MORE.in_language(language)
    room = longest - len("\n".join((head, more, link.url, "")).encode())
    told: list[str] = []
    for index in range(len(claim.deliveries)):
        line = " ".join(await _lines(work, centre, claim, index))
        room -= len(line.encode()) + 1
        if room < 0:
            told.append(more)
            break
        told.append(line)
    return Content("\n".join((head, *told, link.url)), hidden=link.hidden)


def _of_one(write: _Write[Part]) -> _Write[Part]:
    """Says which message it is, out of many, that cannot be written."""

    @wraps(write)
    async def written(work: Work, centre: Centre, claim: Claim, index: int) -> Part:
        try:
            return await write(work, centre, claim, index)
        except SQLAlchemyError:  # a database that is away or busy says nothing of the message
            raise
        except Exception as error:
            raise NoWords(claim.deliveries[index].id) from error

    return written


@_of_one
async def _lines(work: Work, centre: Centre, claim: Claim, index: int) -> list[str]:
    delivery, language = claim.deliveries[index], claim.target.language
    event = Event(delivery.event)
    head = HEADS[event].in_language(language)
    if delivery.case_id is not None:
        case = await cases.get_case(work, the_house("dispatcher"), delivery.case_id)
        facts = CaseEvent.model_validate_json(delivery.payload).data
        if facts.escalation is not None:
            head += LEVELS[facts.escalation].in_language(language)
        due_at = case.rectify_due_at if event in TELL_THE_TIME else facts.due_at if event in TELL_THE_LIMIT else None
        until = LIMITS.get(facts.stage, UNTIL) if facts.stage else UNTIL
        due = [until.in_language(language).format(time=_clock(due_at))] if due_at is not None else []
        return [head + _what(centre, case, language), _where(case, language), *due]
    if delivery.event == Event.TARGET_DEAD:
        dead = TargetDeadEvent.model_validate_json(delivery.payload).data
        reason = _FAULTS.get(dead.reason, _UNREACHED).in_language(language)
        return [f"{head}{dead.name}: {reason}"]
    return [head]


@_of_one
async def _link(work: Work, centre: Centre, claim: Claim, index: int) -> _Link:
    """A new one in every try: what opens a case is kept nowhere."""
    delivery, target = claim.deliveries[index], claim.target
    if delivery.case_id is not None and links.gets_links(target):
        token = await links.make(work, target, delivery.case_id, centre.clock())
        return _Link(f"{centre.public_url}/n/{token}", token)
    if delivery.case_id is not None:
        return _Link(f"{centre.public_url}/cases/{delivery.case_id}")
    if delivery.event == Event.TARGET_DEAD:
        dead = TargetDeadEvent.model_validate_json(delivery.payload).data
        return _Link(f"{centre.public_url}/targets/{dead.target_id}")
    return _Link(centre.public_url)


def _what(centre: Centre, case: Case, language: str) -> str:
    name = next((rule.name.in_language(language) for rule in centre.catalogue.rules if rule.code == case.rule), case.rule)
    severity = _SEVERITIES.get(case.severity)
    return f" {name} ({severity.in_language(language)})" if severity else f" {name}"


def _where(case: Case, language: str) -> str:
    number = _CASE.in_language(language).format(id=case.id, time=_clock(case.captured_at))
    number += _IN_DOUBT.in_language(language) if case.time_doubt else ""
    return f"{case.shop.name} · {case.area.name} · {number}"


def _clock(moment: datetime) -> str:
    return in_shop_time(moment).strftime("%Y-%m-%d %H:%M")


def _cut(text: str, longest: int) -> str:
    """In bytes of UTF-8, never inside a character."""
    return text.encode()[:longest].decode(errors="ignore")
