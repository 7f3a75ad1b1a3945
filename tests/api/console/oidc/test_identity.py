"""Identity of a person by the claims of their token."""

from typing import Any

import pytest

from api.console.oidc.identity import MAX_NAME, person_of, role_of_person
from api.console.roles import Role
from api.console.settings import OidcSettings


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ann@shop.example", "email_verified": True}, "ann@shop.example"),
        ({"email": "chief@shop.example", "email_verified": False}, "f00"),
        ({"email": "chief@shop.example"}, "f00"),
        ({"email": 3, "email_verified": True}, "f00"),
        ({}, "f00"),
    ],
)
def test_an_address_that_nobody_checked_names_nobody(claims: dict[str, Any], name: str) -> None:
    assert person_of({"sub": "f00", **claims}, OidcSettings()) == name


def test_a_name_is_one_short_line_of_letters() -> None:
    settings = OidcSettings(person="name")
    assert person_of({"sub": "f00", "name": "Ann\n\x1b[31m\u202eB"}, settings) == "Ann[31mB"
    assert len(person_of({"sub": "f00", "name": "x" * 1_000}, settings)) == MAX_NAME


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["crm"]}}),
        ("https://shop.example/roles", {"https://shop.example/roles": ["crm"]}),
        ("groups", {"groups": "crm"}),
    ],
)
def test_groups_are_read_from_a_claim_or_its_path(claim: str, claims: dict[str, Any]) -> None:
    settings = OidcSettings(claim=claim, marketer_groups=("crm",))
    assert role_of_person(claims, settings) is Role.MARKETER
    assert role_of_person({"groups": {"groups": ["crm"]}}, OidcSettings(marketer_groups=("crm",))) is None
