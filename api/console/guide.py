"""The guides for people (docs/guide), read from the package and made into HTML."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from PIL import Image

from api.accounts.actors import Actor
from api.accounts.permissions import Permission, Role
from api.console.i18n import Language
from api.console.views import Link
from api.kit.problems import NotFound

HELP = "/help"


class Guide(StrEnum):
    """Each is a file of this name in docs/guide."""

    SHOP = "shop"
    REVIEWER = "reviewer"
    OFFICER = "officer"
    ADMINISTRATOR = "administrator"
    BACKEND = "backend"


@dataclass(frozen=True)
class GuideView:
    title: str
    body: Markup
    sections: Sequence[Link]


_OF_ROLE = {
    Role.STORE_OWNER: Guide.SHOP, Role.STORE_ADMIN: Guide.SHOP, Role.REVIEWER: Guide.REVIEWER, Role.ADMIN: Guide.ADMINISTRATOR,
    Role.INSTALLER: Guide.ADMINISTRATOR, Role.AUDITOR: Guide.ADMINISTRATOR,
}
_SUFFIX = {Language.ZH: ".zh-CN.md", Language.EN: ".md"}
# [中文](shop.zh-CN.md) · [all guides](README.md): the page has tabs and a switch for that.
_SIGNPOSTS = re.compile(r"^\[.*\]\(README[\w.-]*\)\n", re.MULTILINE)
_GUIDE = re.compile(rf"({'|'.join(Guide)})(?:\.zh-CN)?\.md(#.*)?")
_PICTURE = re.compile(r"\.\./screenshots/([\w.-]+\.webp)")
_NO_ANCHOR = re.compile(r"[^\w\- ]")


def guides_of(actor: Actor) -> list[Guide]:
    """What somebody of this role looks up first, and then what they may need too: only who lets programs in has to do with a
    backend."""
    own = _OF_ROLE.get(actor.role, Guide.OFFICER) if actor.role else Guide.OFFICER
    shown = (guide for guide in Guide if guide is not Guide.BACKEND or actor.may(Permission.CLIENTS_WRITE))
    return sorted(shown, key=lambda guide: guide is not own)


@cache
def guide_view(guide: Guide, language: Language) -> GuideView:
    """Raises NotFound where the guides are not installed."""
    try:
        text = (_docs() / "guide" / f"{guide}{_SUFFIX[language]}").read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound("The guides are not installed here. They are in docs/guide of the source.") from error
    # Nothing that stands in a guide becomes HTML by itself.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_SIGNPOSTS.sub("", text, count=1))
    title, sections = "", []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            anchor = _anchor(inline.content)
            opening.attrs["id"] = anchor
            sections.append(Link(f"#{quote(anchor)}", inline.content))
        elif opening.type == "heading_open" and opening.tag == "h1":
            title = inline.content
        elif inline.type == "inline":
            inline.children = _adapted(inline.children or [])
    body = markdown.renderer.render(tokens[3:] if title else tokens, markdown.options, {})
    return GuideView(title, Markup(body), sections)  # noqa: S704 - raw HTML is switched off


@cache
def picture_of(name: str) -> bytes:
    """Raises NotFound for what no guide shows."""
    if name not in _pictures():
        raise NotFound("No guide shows this picture.")
    return (_docs() / "screenshots" / name).read_bytes()


@cache
def _pictures() -> frozenset[str]:
    names = [f"{guide}{suffix}" for guide in Guide for suffix in _SUFFIX.values()]
    texts = [(_docs() / "guide" / name).read_text(encoding="utf-8") for name in names]
    return frozenset(name for text in texts for name in _PICTURE.findall(text))


def _docs() -> Traversable:
    """In the wheel they lie in the package; in a checkout, where they are written."""
    packed = files("api.console") / "docs"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "docs"


def _anchor(heading: str) -> str:
    """As GitHub makes it, so that a link to a section works in both places."""
    return _NO_ANCHOR.sub("", heading.lower()).replace(" ", "-")


def _adapted(tokens: Sequence[Token]) -> list[Token]:
    """With the addresses that the console has; of a document that is not here, the words are left and where it stands."""
    adapted, elsewhere = [], ""
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrs["href"])
            if found := _GUIDE.fullmatch(target):
                token.attrs["href"] = f"{HELP}/{found[1]}{found[2] or ''}"
            elsewhere = f" (docs/{target.removeprefix('../')})" if target.startswith("../") else ""
            token.hidden = bool(elsewhere)
        elif token.type == "link_close" and elsewhere:
            token = Token("text", "", 0, content=elsewhere)
        elif token.type == "image" and (found := _PICTURE.fullmatch(str(token.attrs["src"]))):
            with Image.open(io.BytesIO(picture_of(found[1]))) as image:
                width, height = image.size
            token.attrs |= {"src": f"{HELP}/pictures/{found[1]}", "loading": "lazy", "width": width, "height": height}
            if height > width:
                token.attrs["class"] = "upright"
        adapted.append(token)
    return adapted
