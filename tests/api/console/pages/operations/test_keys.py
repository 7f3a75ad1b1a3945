"""Keys in the console: made and shown once, rotated and revoked, each with a row of the audit."""

import re
from pathlib import Path

from api.auth.api_keys import read_keys
from recsys.data.store.open import open_store
from tests.api.console.conftest import HOSTILE, SignedIn

URL = "/console/keys"


def key_id(home: Path, name: str) -> str:
    return next(key.id for key in reversed(read_keys(home / "keys.json") or ()) if key.name == name)


def details(home: Path) -> list[str]:
    store = open_store(home, None)
    rows = store.audit(newest=20)
    store.close()
    return [row.detail for row in rows if row.page.startswith("/keys") and row.detail]


def test_a_key_is_shown_once_and_written_into_the_audit(signed_in: SignedIn, console_home: Path) -> None:
    operator = signed_in("operator")
    answer = operator.submit(f"{URL}/create", name=HOSTILE, scope_read="1", scope_events="1", days="30")
    text = re.findall(r"<pre>(rk_[0-9a-f]{8}_[\w-]+)</pre>", answer.text)[0]
    assert '"><img' not in answer.text
    again = operator.get(URL).text
    assert text.split("_", 2)[2] not in again
    assert "read, events" in again
    assert details(console_home)[0] == f"made key {key_id(console_home, HOSTILE)}: read, events"


def test_a_rotated_key_ends_later_and_a_revoked_one_at_once(signed_in: SignedIn, console_home: Path) -> None:
    operator = signed_in("operator")
    operator.submit(f"{URL}/create", name="storefront", scope_read="1")
    old = key_id(console_home, "storefront")
    assert "<pre>rk_" in operator.submit(f"{URL}/rotate", id=old, hours="2").text
    new = key_id(console_home, "storefront")
    assert new != old
    assert "storefront" in operator.submit(f"{URL}/revoke", id=new, sure="1").text
    states = {key.id: (key.revoked_at_ms, key.expires_at_ms) for key in read_keys(console_home / "keys.json") or ()}
    assert states[old][1] is not None
    assert states[new][0] is not None
    assert details(console_home)[:2] == [f"revoked key {new}", f"made key {new} in the place of {old}"]
    assert f"key {new} is revoked" in operator.submit(f"{URL}/rotate", id=new).text


def test_what_is_wrong_is_told_in_words_and_changes_nothing(signed_in: SignedIn, console_home: Path) -> None:
    operator, before = signed_in("operator"), (console_home / "keys.json").read_bytes()
    admin = key_id(console_home, "operator")
    for action, fields, words in (
        ("create", {"name": "x"}, "without scopes"),
        ("create", {"name": "x", "scope_read": "1", "days": "soon"}, "whole number from 0"),
        ("create", {"name": "x", "scope_admin": "1", "origins": "https://shop.example"}, "read and events only"),
        ("rotate", {"id": "00000000"}, "no key"),
        ("revoke", {"id": admin}, "tick that whoever"),
        ("revoke", {"id": admin, "sure": "1"}, "last key with the scope admin"),
    ):
        answer = operator.submit(f"{URL}/{action}", **fields)
        assert (answer.status_code, words in answer.text) == (422, True), answer.text
    assert (console_home / "keys.json").read_bytes() == before


def test_the_list_says_when_a_key_was_last_used(signed_in: SignedIn, console_home: Path) -> None:
    signed_in("viewer").get("/console/customers")
    table = signed_in("operator").get(URL).text
    row = table[table.index(">viewer</th>") :].partition("</tr>")[0]
    assert re.findall(r"20\d\d-\d\d-\d\d \d\d:\d\d", row)[1:]
