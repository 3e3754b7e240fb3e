"""What people are told: plain words with a link, never a picture."""

from dataclasses import dataclass, field
from datetime import datetime

from api.accounts.actors import the_house
from api.cases import service as cases
from api.cases.tables import Case
from api.centre import Centre
from api.deliveries.events import CaseEvent, TargetDeadEvent
from api.deliveries.heads import HEADS, LEVELS, TELL_THE_LIMIT, TELL_THE_TIME
from api.deliveries.kinds import Channel, Event, Fault
from api.deliveries.outbox import Claim
from api.deliveries.robots import ROBOTS
from api.deliveries.sms import PARAMETER_CHARACTERS
from api.keys.service import KeyName, stored_key
from api.kit.database import Work
from api.kit.times import in_shop_time
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
_CASE = Text(zh="案件 {id} · {time}", en="case {id} · {time}")
_UNTIL = Text(zh="期限 {time}", en="until {time}")
_MANY = Text(zh="共 {count} 条通知：", en="{count} messages:")
_MORE = Text(zh="……其余请打开链接查看。", en="… the rest behind the link.")


@dataclass(frozen=True)
class Content:
    """In words, or, for a short message, what its template is filled with. Neither for a webhook: it gets the event as it is.
    `key`: with which Web Push is signed, as it is stored."""

    text: str = ""
    key: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


async def content_of(work: Work, centre: Centre, claim: Claim) -> Content:
    match claim.target.channel:
        case Channel.WEBHOOK:
            return Content()
        case Channel.SMS:
            return Content(parameters=await _parameters(work, centre, claim))
        case Channel.EMAIL:
            return Content("\n".join(await _lines(work, centre, claim, 0)))
        case Channel.WEB_PUSH as channel:
            return Content(await _chat(work, centre, claim, _LONGEST[channel]), await stored_key(work, KeyName.WEB_PUSH))
        case channel:
            return Content(await _chat(work, centre, claim, _LONGEST[channel]))


async def _parameters(work: Work, centre: Centre, claim: Claim) -> dict[str, str]:
    """Of a test only the first is filled."""
    lines = await _lines(work, centre, claim, 0)
    delivery = claim.deliveries[0]
    # These brackets are the provider's own, for the signature.
    what = lines[0].replace("【", "").replace("】", " ")
    until = lines[2].partition(" ")[2] if len(lines) > 3 else ""
    values = {"what": what, "case": str(delivery.case_id or "-"), "until": until or "-"}
    return {name: value[:PARAMETER_CHARACTERS] for name, value in values.items()}


async def _chat(work: Work, centre: Centre, claim: Claim, longest: int) -> str:
    """Within the limit of the channel."""
    language = claim.target.language
    if len(claim.deliveries) == 1:
        lines = await _lines(work, centre, claim, 0)
        return _cut("\n".join(lines), longest)
    head, link = _MANY.in_language(language).format(count=len(claim.deliveries)), f"{centre.public_url}/cases"
    more = _MORE.in_language(language)
    room = longest - len("\n".join((head, more, link, "")).encode())
    told: list[str] = []
    for index in range(len(claim.deliveries)):
        line = " ".join((await _lines(work, centre, claim, index))[:-1])
        room -= len(line.encode()) + 1
        if room < 0:
            told.append(more)
            break
        told.append(line)
    return "\n".join((head, *told, link))


async def _lines(work: Work, centre: Centre, claim: Claim, index: int) -> list[str]:
    """The last one is a link."""
    delivery, language = claim.deliveries[index], claim.target.language
    event = Event(delivery.event)
    head = HEADS[event].in_language(language)
    if delivery.case_id is not None:
        case = await cases.get_case(work, the_house("dispatcher"), delivery.case_id)
        facts = CaseEvent.model_validate_json(delivery.payload).data
        if facts.escalation is not None:
            head += LEVELS[facts.escalation].in_language(language)
        due_at = case.rectify_due_at if event in TELL_THE_TIME else facts.due_at if event in TELL_THE_LIMIT else None
        due = [_UNTIL.in_language(language).format(time=_clock(due_at))] if due_at is not None else []
        return [head + _what(centre, case, language), _where(case, language), *due, f"{centre.public_url}/cases/{case.id}"]
    if delivery.event == Event.TARGET_DEAD:
        dead = TargetDeadEvent.model_validate_json(delivery.payload).data
        reason = _FAULTS.get(dead.reason, _UNREACHED).in_language(language)
        return [f"{head}{dead.name}: {reason}", f"{centre.public_url}/targets/{dead.target_id}"]
    return [head, centre.public_url]


def _what(centre: Centre, case: Case, language: str) -> str:
    name = next((rule.name.in_language(language) for rule in centre.catalogue.rules if rule.code == case.rule), case.rule)
    severity = _SEVERITIES.get(case.severity)
    return f" {name} ({severity.in_language(language)})" if severity else f" {name}"


def _where(case: Case, language: str) -> str:
    number = _CASE.in_language(language).format(id=case.id, time=_clock(case.captured_at))
    return f"{case.shop.name} · {case.area.name} · {number}"


def _clock(moment: datetime) -> str:
    return in_shop_time(moment).strftime("%Y-%m-%d %H:%M")


def _cut(text: str, longest: int) -> str:
    """In bytes of UTF-8, never inside a character."""
    return text.encode()[:longest].decode(errors="ignore")
