"""Promotions in the console: one by form, the text, a preview, versions, use, and the offers of a customer."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store
from recsys.time_units import now_ms
from tests.api.console.conftest import HOSTILE, TENTH, Browser, SignedIn, digest_of_document

URL = "/console/promotions"


@pytest.fixture
def clean(console: Browser) -> Iterator[Browser]:
    """A marketer whose shop has no promotions, before and after."""
    yield console
    console.submit(f"{URL}/save", toml="", digest=digest_of_document(console, URL))


def test_a_promotion_of_the_form_counts_at_once_and_is_offered(clean: Browser) -> None:
    answer = clean.submit(f"{URL}/add", **TENTH, until="2100-12-04", codes="TEN")
    assert "Promotion 10-off is in service." in answer.text
    assert all(words in answer.text for words in ("running, until 2100-12-04", "500.00", "codes = ["))
    offers = clean.get(URL, params={"id": "user-002"}).text
    assert "Offers for user-002, the best first" in offers
    assert re.search(r"Value is chance x margin - cost within 28 days, by release 20", offers)


def test_a_preview_says_what_would_change_for_a_customer_and_stores_nothing(clean: Browser, console_home: Path) -> None:
    answer = clean.submit(f"{URL}/preview-new", **TENTH, id="user-002")
    assert all(words in answer.text for words in ("Preview", "Offers for user-002 with the change", "new"))
    assert 'value="10 % off"' in answer.text
    assert "There are no promotions yet." in clean.get(URL).text


def test_a_refused_promotion_is_told_in_words_with_what_was_typed(clean: Browser) -> None:
    for wrong, words in (
        ({"percent": "ten"}, "is no number"),
        ({"until": "Friday"}, "is no day"),
        ({"title": ""}, "what shall the customer read"),
        ({"categories": "category-9"}, "no item has"),
        ({"percent": "", "spend": "3"}, "spend"),
    ):
        answer = clean.submit(f"{URL}/add", **TENTH | wrong)
        assert (answer.status_code, words in answer.text, 'value="500"' in answer.text) == (422, True, True), wrong
    assert "There are no promotions yet." in clean.get(URL).text


def test_hostile_titles_are_shown_as_text_and_viewers_get_no_forms(clean: Browser, signed_in: SignedIn) -> None:
    clean.submit(f"{URL}/add", **TENTH | {"title": HOSTILE, "name": "hostile"})
    for browser in (clean, signed_in("viewer")):
        text = browser.get(URL, params={"id": "user-002"}).text
        assert "&lt;script&gt;alert" in text
        assert "<script>alert" not in text
    assert "A new promotion" not in signed_in("viewer").get(URL).text


def test_what_to_offer_is_worked_out_on_demand(console: Browser) -> None:
    asked = console.get(URL, params={"show": "effect"}).text
    assert "no effect of promotions is known yet" in asked
    assert "Whom an offer suits" in console.get(URL, params={"show": "nothing"}).text


def test_the_tiers_of_a_programme_are_told_from_twenty_members_on(console: Browser, console_home: Path) -> None:
    asked = {"show": "members"}
    assert "Fewer than 20 members" in console.get(URL, params=asked).text
    with closing(open_store(console_home, None)) as store:
        facts = (
            Fact(f"f{n}", f"user-{n:03}", FactKind.LOYALTY, now_ms() - 1_000, 500.0, "gold", "club") for n in range(30)
        )
        store.add_facts(list(facts))
    text = console.get(URL, params=asked).text
    assert all(words in text for words in ("30 members", "gold", "500", "A price for members holds for their tier."))
