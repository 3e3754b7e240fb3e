"""Notices and drafts as documents: versioned templates in each language, as HTML for a page and as a PDF for paper."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.kit.qr import qr_png
from api.kit.times import in_shop_time
from api.notices.paper import write_pdf
from api.notices.schemas import Citation, Facts

# Of the templates that new documents are set in. A notice keeps the version that it was issued in: never change a folder of
# templates that notices were issued with, add the next one, with what changes.
TEMPLATES = 5
LANGUAGES = ("zh-CN", "en")
_TITLES = {"zh-CN": "线上整改告知", "en": "Online rectification notice"}
_DRAFT = {"zh-CN": "草稿", "en": "DRAFT"}
_WITHDRAWN = {"zh-CN": "已撤销", "en": "WITHDRAWN"}
ORDER_TITLE = "责令改正通知书（草稿）"
QR = "answer.png"


@dataclass(frozen=True)
class Officer:
    """An officer as a formal order names them, with the number of the enforcement certificate (执法证号)."""

    name: str
    certificate: str


@dataclass(frozen=True)
class OrderDraft:
    """What a draft of the formal order (责令改正通知书, form 33) says beyond the notice. `due_at` is None where the time that the
    shop was given is over: the officers write down until when it is to be put right."""

    facts: Facts
    due_at: datetime | None
    officers: tuple[Officer, Officer]
    order_basis: list[Citation]
    confirmed_by: str
    confirmed_at: datetime
    exhibits: list[str]


@cache
def _environment() -> Environment:
    jinja = Environment(
        loader=PackageLoader("api.notices", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["local"] = in_shop_time
    jinja.filters["day"] = _day
    return jinja


def _day(moment: datetime) -> str:
    """As papers of authorities write it, without zeros (GB/T 9704-2012, 7.3.5.4)."""
    day = in_shop_time(moment)
    return f"{day.year}年{day.month}月{day.day}日"


def notice_html(facts: Facts, language: str, url: str, qr: str) -> Markup:
    """The inside of a page. `url` leads to the answer, and `qr` is the address of the picture that does."""
    return _render(facts.template, f"notice.{language}.html", facts=facts, url=url, qr=qr)


def order_html(draft: OrderDraft) -> Markup:
    """Only in Chinese: the form is."""
    return _render(draft.facts.template, "order.zh-CN.html", draft=draft, facts=draft.facts)


def notice_pdf(facts: Facts, language: str, url: str, is_withdrawn: bool) -> bytes:
    """As it was issued, and marked on every page where it holds no more. `url` leads to the answer. Raises NoSuchCharacter."""
    watermark = _DRAFT[language] if facts.number is None else _WITHDRAWN[language] if is_withdrawn else None
    title = f"{_TITLES[language]} {facts.reference}"
    pictures = {QR: qr_png(url)}
    return write_pdf(notice_html(facts, language, url, QR), title, watermark, pictures)


def order_pdf(draft: OrderDraft) -> bytes:
    """Raises NoSuchCharacter."""
    return write_pdf(order_html(draft), ORDER_TITLE, "草稿 未生效")


def _render(version: int, template: str, **values: Any) -> Markup:
    versions = [f"v{number}/{template}" for number in range(version, 0, -1)]  # one that did not change lies in an earlier folder
    html = _environment().select_template(versions).render(**values)
    return Markup(html)  # noqa: S704 - the template escaped what it was given
