"""Which passwords people may choose, as NIST SP 800-63B (revision 4, 3.1.1.2): long ones, none that is known to be common, and
nothing else: no signs that must be in them, and no change without a reason."""

import re
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise

from pydantic import SecretStr

from api.accounts.passwords import MOST, normalised

LEAST_ALONE = 15
LEAST_WITH_SECOND_FACTOR = 8
_REPEATED = re.compile(r"(.+?)\1+")
# Of which some people would make one.
_OF_THE_PRODUCT = frozenset({"sunshine", "kitchen", "sunshinekitchen", "yangguang", "mingchuliangzao", "阳光食品", "明厨亮灶"})


class Weakness(StrEnum):
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    GUESSABLE = "guessable"  # of the login, the name of the product, or one part again and again


def weakness(password: SecretStr, login: str, has_second_factor: bool) -> Weakness | None:
    """What speaks against a password that was chosen; each character counts, whatever it is."""
    text = normalised(password)
    if len(text) < (LEAST_WITH_SECOND_FACTOR if has_second_factor else LEAST_ALONE):
        return Weakness.TOO_SHORT
    if len(text) > MOST:
        return Weakness.TOO_LONG
    folded = text.casefold()
    if folded in _common():
        return Weakness.COMMON
    rest = folded
    for known in sorted({login.casefold(), *_OF_THE_PRODUCT} - {""}, key=len, reverse=True):
        rest = rest.replace(known, "")
    repeated = _REPEATED.fullmatch(folded)
    if len(rest) < LEAST_WITH_SECOND_FACTOR // 2 or _is_row(folded) or (repeated and len(repeated[1]) < LEAST_WITH_SECOND_FACTOR):
        return Weakness.GUESSABLE
    if repeated and repeated[1] in _common():
        return Weakness.COMMON
    return None


def _is_row(text: str) -> bool:
    """`abcdefgh…`, `12345678…`, and the same backwards."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) == 1 and steps <= {-1, 0, 1}


@cache
def _common() -> frozenset[str]:
    return frozenset((files("configs") / "common-passwords.txt").read_text(encoding="utf-8").split("\n"))
