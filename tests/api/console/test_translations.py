"""Every text of the pages is in the Chinese catalogue, and the catalogue holds nothing else."""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

CONSOLE = Path(str(files("api.console")))
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\(\w+\)s")
CHINESE = re.compile("[\u4e00-\u9fff]")


@cache
def texts() -> frozenset[str]:
    return frozenset(message for _, _, message, _, _ in extract_from_dir(CONSOLE, METHODS) if isinstance(message, str))


@cache
def catalogue() -> Catalog:
    with (CONSOLE / "locale" / "zh_CN" / "LC_MESSAGES" / "console.po").open("rb") as po:
        return read_po(po, locale="zh_CN", abort_invalid=True)


def translated() -> dict[str, str]:
    return {str(message.id): str(message.string or "") for message in catalogue() if message.id and not message.fuzzy}


def test_every_text_is_translated() -> None:
    assert texts() - {text for text, translation in translated().items() if translation} == frozenset()


def test_no_translation_is_unused() -> None:
    assert set(translated()) - texts() == set()


def test_placeholders_are_kept() -> None:
    for text, translation in translated().items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(translation)), text


def test_templates_hold_no_words_of_their_own() -> None:
    """Words between tags that went past the translation; names of commands in <code> are meant as they are."""
    for template in (CONSOLE / "templates").glob("*.html"):
        html = template.read_text(encoding="utf-8")
        html = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<code>.*?</code>", "", html, flags=re.DOTALL)
        words = re.findall(r"[A-Za-z]{2,}", re.sub(r"&\w+;", "", re.sub(r"<[^>]*>", "", html)))
        assert not words, f"{template.name}: {words}"
        assert not CHINESE.search(html), template.name


def test_templates_put_no_colon_between_words() -> None:
    """A Chinese colon is another sign than an English one: it belongs into the translation."""
    for template in (CONSOLE / "templates").glob("*.html"):
        assert "}}: {{" not in template.read_text(encoding="utf-8"), template.name
