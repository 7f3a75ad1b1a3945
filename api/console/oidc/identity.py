"""Identity of a person by the claims of their ID token: the name that the audit keeps, and the role in the console."""

from collections.abc import Mapping
from typing import Any

from api.console.roles import Role
from api.console.settings import OidcSettings

MAX_NAME = 200


def person_of(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    """The claim that names people; `sub` where it is missing, and for an address that nobody checked."""
    name = claims.get(settings.person)
    is_checked = settings.person != "email" or claims.get("email_verified") is True
    shown = name if isinstance(name, str) and name and is_checked else str(claims["sub"])
    return "".join(letter for letter in shown if letter.isprintable())[:MAX_NAME]


def role_of_person(claims: Mapping[str, Any], settings: OidcSettings) -> Role | None:
    """The highest role of their groups, None where none of them has one."""
    value = _claim(claims, settings.claim)
    values = value if isinstance(value, list) else [value]
    groups = {each for each in values if isinstance(each, str)}
    return max((role for role in Role if not groups.isdisjoint(settings.groups(role.word))), default=None)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, else of that path: `realm_access.roles` of a token of Keycloak."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
