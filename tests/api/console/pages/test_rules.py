"""Rules in the console: a pin by form, the text, a preview, and the versions before."""

import re
from collections.abc import Iterator

import pytest

from tests.api.console.conftest import PIN, Browser, digest_of_document

URL = "/console/rules"


@pytest.fixture
def clean(console: Browser) -> Iterator[Browser]:
    """A marketer whose shop has no rules, before and after."""
    yield console
    console.submit(f"{URL}/save", toml="", digest=digest_of_document(console, URL))


def test_a_product_is_pinned_until_a_day_and_stands_first_at_once(clean: Browser) -> None:
    answer = clean.submit(f"{URL}/add", **PIN)
    assert "Rule pin-item-020 is in service." in answer.text
    assert "2100-12-04" in answer.text
    assert 'data-label="Holds">yes' in answer.text
    listed = clean.get("/console/lists", params={"id": "user-003"}).text
    assert re.findall(r"/console/product\?item=([^\"]+)", listed)[0] == "item-020"


def test_a_preview_says_what_would_change_and_stores_nothing(clean: Browser) -> None:
    answer = clean.submit(f"{URL}/preview-new", **PIN, customer="user-003")
    assert all(words in answer.text for words in ("With the change", "Lists that change", "holds in this list"))
    assert 'value="It is new."' in answer.text
    later = clean.submit(f"{URL}/preview-new", **PIN | {"from": "2100-12-01"}).text
    assert "Shown as if it held today; it will hold from 2100-12-01 until 2100-12-04" in later
    assert "holds in this list" in later
    assert "There are no rules." in clean.get(URL).text


def test_a_rule_of_a_later_day_is_saved_and_its_day_is_told(clean: Browser) -> None:
    text = clean.submit(f"{URL}/add", **PIN | {"from": "2100-12-04"}).text
    assert "Rule pin-item-020 is saved and will hold from 2100-12-04 until 2100-12-04, this day included." in text
    assert 'data-label="Holds">later' in text
    over = clean.submit(f"{URL}/add", **PIN | {"from": "2000-12-04", "until": "2000-12-05"}).text
    assert 'data-label="Holds">is over' in over


def test_a_refused_rule_is_told_in_words_with_what_was_typed(clean: Browser) -> None:
    for wrong, words in (
        ({"strength": "first"}, "is no number"),
        ({"until": "Friday"}, "is no day"),
        ({"product": ""}, "which product"),
        ({"reason": ""}, "reason"),
    ):
        answer = clean.submit(f"{URL}/add", **PIN | wrong)
        assert (answer.status_code, words in answer.text, "pin" in answer.text) == (422, True, True)
    assert "There are no rules." in clean.get(URL).text
