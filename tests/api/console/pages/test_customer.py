"""Customer card: what it shows, and the answers to an access request and to a wish to be erased."""

import pytest

from tests.api.console.conftest import Browser, SignedIn


def test_the_card_shows_the_customer_and_what_they_ask_for(console: Browser) -> None:
    text = console.get("/console/customer", params={"id": "user-003"}).text
    assert "Customer user-003" in text
    assert all(words in text for words in ("Erase this customer", "Download their data", "What they will need"))


def test_a_viewer_sees_the_card_without_its_buttons(signed_in: SignedIn) -> None:
    text = signed_in("viewer").get("/console/customer", params={"id": "user-003"}).text
    assert "Customer user-003" in text
    assert "Erase this customer" not in text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "a/b?c=d&e"]
)
def test_a_hostile_id_is_shown_as_text(console: Browser, name: str) -> None:
    text = console.get("/console/customer", params={"id": name}).text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "No customer has the id" in text


def test_an_access_request_is_a_file_with_everything(console: Browser) -> None:
    answer = console.submit("/console/customer/export", id="user-004")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.json()["user_id"] == "user-004"
    assert len(answer.json()["events"]) > 0
    assert {"page": "/customer/export", "kind": "change"}.items() <= answer.json()["audit"][0].items()


def test_an_erasure_asks_for_the_id_once_more_and_ends_with_a_receipt(console: Browser) -> None:
    refused = console.submit("/console/customer/erase", id="user-005", again="user-00")
    assert (refused.status_code, "Nothing was erased" in refused.text) == (422, True)
    done = console.submit("/console/customer/erase", id="user-005", again="user-005")
    assert "The customer is erased" in done.text
    assert "Events: views, baskets, orders" in done.text
    assert str(done.url).split("id=")[1] in done.text
    assert "No customer has the id" in console.get("/console/customer", params={"id": "user-005"}).text


def test_a_consent_is_saved_and_told(console: Browser) -> None:
    answer = console.submit("/console/customer/consent", id="user-006", marketing="no", personalisation="unset")
    assert "no marketing" in answer.text
    wrong = console.submit("/console/customer/consent", id="user-006", marketing="perhaps", personalisation="yes")
    assert (wrong.status_code, "choose yes, no or not asked" in wrong.text) == (422, True)
