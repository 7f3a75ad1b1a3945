"""Fields that were typed: values, or a fault with what was typed."""

from datetime import date

import pytest

from api.console.forms.fields import typed_day, typed_lines, typed_name, typed_number, typed_words
from recsys.errors import BadInput


def test_what_was_typed_becomes_a_value() -> None:
    assert (typed_number("3", "x"), typed_number("0.5", "x")) == (3, 0.5)
    assert typed_day("2026-12-04") == date(2026, 12, 4)
    assert typed_name("10 % off Crème brûlée!") == "10-off-Creme-brulee"
    assert typed_words("a, b c") == ["a", "b", "c"]
    assert typed_lines("SOFT DRINKS, TEA,") == ["SOFT DRINKS", "TEA"]


def test_what_is_no_value_is_told_with_what_was_typed() -> None:
    with pytest.raises(BadInput, match="'ten' is no number; put in 10"):
        typed_number("ten", "10")
    with pytest.raises(BadInput, match="'!' is no name"):
        typed_name("!")
    with pytest.raises(BadInput, match="'Friday' is no day"):
        typed_day("Friday")
