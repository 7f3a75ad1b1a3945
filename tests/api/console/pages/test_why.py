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
    assert "Pin it with a rule" not in text


def test_words_instead_of_an_id_bring_the_products_that_have_them(console: Browser) -> None:
    text = console.get(URL, params={"item": "bottle deposit", "id": "user-003"}).text
    assert 'href="/console/why?item=deposit&amp;id=user-003' in text
    assert "Deposits, never shown" in text


def test_a_product_of_a_kind_that_is_never_shown_says_which_kind_and_who_can_change_it(console: Browser) -> None:
    text = console.get(URL, params={"item": "deposit"}).text
    assert "It is not shown: its kind is never shown." in text
    assert "Items whose category is &#39;Deposits&#39; are never shown" in text
    assert "recsys.toml" in text
    assert "Pin it with a rule" not in text


def test_it_asks_for_a_product_before_it_answers(console: Browser) -> None:
    text = console.get(URL).text
    assert "words of its name" in text
    assert "It is" not in text
