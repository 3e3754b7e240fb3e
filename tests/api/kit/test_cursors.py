from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.kit.cursors import BadCursor, decode_number, decode_text, encode_cursor


@given(st.integers(0, 2**63 - 1))
def test_a_number_comes_back(number: int):
    assert decode_number(encode_cursor(number)) == number


@given(st.text(max_size=20))
def test_a_text_comes_back(text: str):
    assert decode_text(encode_cursor(text)) == text


def test_none_is_the_beginning():
    assert decode_number(None) is None
    assert decode_text(None) is None


@given(st.text(max_size=100))
def test_anything_else_is_a_bad_cursor(text: str):
    with suppress(BadCursor):
        assert decode_number(text) is not None


def test_of_another_kind_of_list():
    with pytest.raises(BadCursor):
        decode_number(encode_cursor("text"))
    with pytest.raises(BadCursor):
        decode_text(encode_cursor(7))


def test_of_another_list_or_with_other_filters():
    assert decode_number(encode_cursor(7, "cases"), "cases") == 7
    for of in ("audit", None):
        with pytest.raises(BadCursor):
            decode_number(encode_cursor(7, "cases"), of)


def test_given_out_before_cursors_said_of_which_list_they_are():
    assert decode_number(encode_cursor(7), "cases") == 7
    assert encode_cursor(7) == "eyJhZnRlciI6N30"
