"""Which passwords may be chosen: NIST SP 800-63B, revision 4, section 3.1.1.2."""

import pytest
from pydantic import SecretStr

from api.accounts import passwords
from api.accounts.password_rules import Weakness, weakness
from api.accounts.passwords import hash_password, password_fits

# Before the tests get a weaker one.
HASHER = passwords._hasher


@pytest.mark.parametrize(
    ("password", "has_second_factor", "expected"),
    [
        ("correct horse battery", False, None),
        ("每天早上先洗手再戴帽子然后开火做饭", False, None),  # each character counts
        ("fourteen chars", False, Weakness.TOO_SHORT),
        ("fourteen chars", True, None),
        ("seven77", True, Weakness.TOO_SHORT),
        ("x y " * 51, False, Weakness.TOO_LONG),
        ("1qaz2wsx3edc", True, Weakness.COMMON),
        ("PassWord1234", True, Weakness.COMMON),
        ("password1password1", False, Weakness.COMMON),
        ("abcdefghijklmnopqrst", False, Weakness.GUESSABLE),
        ("9876543210", True, Weakness.GUESSABLE),
        ("aaaaaaaaaaaaaaaaaaaa", False, Weakness.GUESSABLE),
        ("abc1abc1abc1abc1", False, Weakness.GUESSABLE),
        ("wangwei-officer1", False, Weakness.GUESSABLE),
        ("SunshineKitchen1", False, Weakness.GUESSABLE),
        ("all lower case letters", False, None),  # no rule of composition
    ],
)
def test_weakness(password: str, has_second_factor: bool, expected: Weakness | None):
    assert weakness(SecretStr(password), "wangwei-officer", has_second_factor) is expected


@pytest.mark.parametrize("typed", ["\uff11\uff12e\u0301\uff01", "12\u00e9!"])
async def test_the_same_text_from_another_keyboard_is_the_same_password(typed: str):
    assert await password_fits(SecretStr(typed), await hash_password(SecretStr("\uff11\uff12e\u0301\uff01")))


def test_they_are_hashed_as_rfc_9106_recommends_where_memory_is_scarce():
    assert HASHER.hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
