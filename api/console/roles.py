"""Roles in the console, by the scopes of the key that somebody signs in with."""

from enum import IntEnum

from api.auth.authentication import Grant


class Role(IntEnum):
    """Each may do what those before it may."""

    VIEWER = 1
    MARKETER = 2
    OPERATOR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


ROLE_BY_SCOPE = {"admin": Role.OPERATOR, "marketing": Role.MARKETER, "viewer": Role.VIEWER}


def role_of(grant: Grant) -> Role | None:
    """The role of a valid key, None for one that does not open the console, and where the home has no keys."""
    if not grant.key_id:
        return None
    return next((role for scope, role in ROLE_BY_SCOPE.items() if scope in grant.scopes), None)
