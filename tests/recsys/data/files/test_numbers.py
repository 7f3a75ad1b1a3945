"""Numbers as shops write them: currencies, thousands, and signs of accountants."""

import polars as pl
import pytest

from recsys.data.files.numbers import parse_numbers

READ = {
    ",": {
        "1.234,56": 1234.56, "1\u00a0234,56": 1234.56, "1\u202f234,56 €": 1234.56, "R$ 1.234,56": 1234.56,
        "12,50 TL": 12.5, "1 234,56 руб.": 1234.56, "1.012,50 zł": 1012.5, "7,00-": -7.0, "12,-": 12.0,
        "EUR 12,50": 12.5, "-12,50 €": -12.5,
    },
    ".": {
        "$1,015.00": 1015.0, "($15.00)": -15.0, "-$0.50": -0.5, "₹ 99.50": 99.5, "Rs. 1,299": 1299.0,
        "1,23,456.78": 123456.78, "CHF 1'234.50": 1234.5, "CHF 12.-": 12.0, "USD12.50": 12.5, "\u22121": -1.0,
    },
}  # fmt: skip
NO_NUMBERS = ("2 pcs", "12 PCS", "10%", "free", "1_000", "0x10", "5 5", "12.50.10", "2026-03-05", "1-2", "-", "$")


@pytest.mark.parametrize("decimal", READ)
def test_money_is_read_without_its_currency_and_blanks(decimal: str) -> None:
    numbers = parse_numbers(pl.Series([*READ[decimal]]), decimal)
    assert dict(zip(READ[decimal], numbers, strict=True)) == READ[decimal]


@pytest.mark.parametrize("decimal", [",", ".", None])
def test_a_number_with_another_word_or_sign_is_none(decimal: str | None) -> None:
    assert parse_numbers(pl.Series(NO_NUMBERS), decimal).to_list() == [None] * len(NO_NUMBERS)
