"""Rules in the console: a pin by form, the text, a preview, and the versions before."""

import re
from collections.abc import Iterator

import pytest

from tests.api.console.conftest import Browser, SignedIn

URL = "/console/rules"
PIN = {"kind": "pin", "product": "item-020", "placement": "home", "reason": "It is new.", "until": "2100-12-04"}


@pytest.fixture
def clean(console: Browser) -> Iterator[Browser]:
    """A marketer whose shop has no rules, before and after."""
    yield console
    console.submit(f"{URL}/save", toml="", digest=digest(console))


def digest(browser: Browser) -> str:
    return str(re.findall(r'name="digest" value="([^"]+)"', browser.get(URL).text)[0])


def test_a_product_is_pinned_until_a_day_and_stands_first_at_once(clean: Browser) -> None:
    answer = clean.submit(f"{URL}/add", **PIN)
    assert "Rule pin-item-020 is in service." in answer.text
    assert "2100-12-04" in answer.text
    listed = clean.get("/console/lists", params={"id": "user-003"}).text
    assert re.findall(r"/console/product\?item=([^\"]+)", listed)[0] == "item-020"


def test_a_preview_says_what_would_change_and_stores_nothing(clean: Browser) -> None:
    answer = clean.submit(f"{URL}/preview-rule", **PIN, customer="user-003")
    assert all(words in answer.text for words in ("With the change", "Lists that change", "holds here and now"))
    assert 'value="It is new."' in answer.text
    assert "There are no rules." in clean.get(URL).text


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


def test_a_text_with_a_fault_names_its_line_and_is_kept_in_the_form(clean: Browser) -> None:
    wrong = '[[rules]]\nid = "odd"\nkind = "nothing"\nreason = "x"\n'
    answer = clean.submit(f"{URL}/save", toml=wrong, digest=digest(clean))
    assert (answer.status_code, "line 3" in answer.text, "&#34;odd&#34;" in answer.text) == (422, True, True)


def test_a_change_of_somebody_else_is_not_overwritten(clean: Browser) -> None:
    before = digest(clean)
    clean.submit(f"{URL}/add", **PIN)
    answer = clean.submit(f"{URL}/save", toml="", digest=before)
    assert answer.status_code == 422
    assert "pin-item-020" in clean.get(URL).text


def test_a_rule_is_taken_away_and_an_earlier_version_restored(clean: Browser) -> None:
    clean.submit(f"{URL}/add", **PIN)
    number = re.findall(r'<option value="(\d+)">', clean.get(URL).text)[0]
    assert "There are no rules." in clean.submit(f"{URL}/remove", rule="pin-item-020").text
    assert "pin-item-020" in clean.submit(f"{URL}/restore", version=number).text
    assert "there is no rule" in clean.submit(f"{URL}/remove", rule="nobody").text


def test_a_viewer_sees_the_rules_without_the_forms(signed_in: SignedIn) -> None:
    assert "A new rule" not in signed_in("viewer").get(URL).text
