"""Diagnosis of an item in a list: its cause in words, and what would change it."""

from tests.api.console.conftest import Browser

URL = "/console/why"


def test_it_says_that_a_product_is_shown_and_at_which_place(console: Browser) -> None:
    text = console.get(URL, params={"item": "item-004", "id": "user-003", "k": "100"}).text
    assert "It is shown, at place" in text
    assert "What the models say" in text


def test_it_says_why_a_product_is_not_shown_and_what_to_do(console: Browser) -> None:
    text = console.get(URL, params={"item": "item-999", "id": "user-003"}).text
    assert "It is not shown: there is no such product" in text
    assert "/console/products?query=item-999" in text


def test_it_asks_for_a_product_before_it_answers(console: Browser) -> None:
    text = console.get(URL).text
    assert "words of its name" in text
    assert "It is" not in text
