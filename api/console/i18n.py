"""Languages of the pages. Texts are English in code and templates; `locale/*.po` translates them, compiled in memory at start."""

from enum import StrEnum
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

COOKIE = "sunshine_language"
COOKIE_AGE_S = 365 * 24 * 3600


class Language(StrEnum):
    """The value is the BCP 47 tag, as in `<html lang>`."""

    ZH = "zh-CN"
    EN = "en"


DEFAULT = Language.ZH


def N_(message: str) -> str:
    """Mark a text for translation that is translated later, where the language is known."""
    return message


def asked_for(request: Request) -> Language | None:
    """The language that the address asks for (`?lang=en`), if any."""
    return _known(request.query_params.get("lang"))


def language_of(request: Request) -> Language:
    """First what the address asks for, then what was chosen before, then what the browser prefers, then Chinese."""
    chosen = asked_for(request) or _known(request.cookies.get(COOKIE))
    return chosen or _preferred(request.headers.get("accept-language", "")) or DEFAULT


@cache
def translations(language: Language) -> NullTranslations:
    if language is Language.EN:
        return NullTranslations()
    source = files("api.console") / "locale" / "zh_CN" / "LC_MESSAGES" / "console.po"
    compiled = BytesIO()
    with source.open("rb") as po:
        write_mo(compiled, read_po(po, locale="zh_CN"))
    compiled.seek(0)
    return Translations(compiled)


def _known(tag: str | None) -> Language | None:
    return next((language for language in Language if tag in (language.value, language.name.lower())), None)


def _preferred(accept_language: str) -> Language | None:
    """By the order of the header; its weights are in that order with every browser."""
    tags = [part.partition(";")[0].strip().replace("-", "_") for part in accept_language.split(",")]
    for tag in tags:
        if found := negotiate_locale([tag, tag.partition("_")[0]], ["zh", "zh_CN", "en"], sep="_"):
            return Language.ZH if found.startswith("zh") else Language.EN
    return None
