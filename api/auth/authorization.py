"""Which scope each route asks for: the one table, and the gate before every route."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.api_keys import ScopeName
from api.auth.authentication import ANONYMOUS, Grant
from api.errors.handlers import response_of

PUBLIC: Final = "public"
ScopeNeed = ScopeName | Literal["public"]

# By path and method.  Two rules: what tells of customers beside their own list needs `users`, and what only the shop's
# own servers may ask stands in SERVERS_ONLY too.
NEEDS: Mapping[str, Mapping[str, ScopeNeed]] = {
    "/v1/users/{user_id:path}/recommendations": {"GET": "read"},
    "/v1/recommendations": {"POST": "read"},
    "/v1/recommendations:batch": {"POST": "read"},
    "/v1/items/{item_id:path}/similar": {"GET": "read"},
    "/v1/rank": {"POST": "read"},
    "/v1/items/{item_id:path}/audience": {"GET": "users"},
    "/v1/audience": {"POST": "users"},
    "/v1/users/{user_id:path}/similar": {"GET": "users"},
    "/v1/events": {"POST": "events"},
    "/v1/items": {"POST": "catalogue"},
    "/v1/items/{item_id:path}": {"GET": "catalogue", "PUT": "catalogue", "PATCH": "catalogue", "DELETE": "catalogue"},
    "/v1/explain": {"GET": "users", "POST": "users"},
    "/v1/rules": {"GET": "catalogue", "PUT": "catalogue"},
    "/v1/rules/versions": {"GET": "catalogue"},
    "/v1/rules/versions/{version}": {"GET": "catalogue"},
    "/v1/rules:try": {"POST": "users"},
    "/v1/users": {"POST": "users"},
    "/v1/users:merge": {"POST": "users"},
    "/v1/users/{user_id:path}": {"GET": "users", "PUT": "users", "PATCH": "users", "DELETE": "users"},
    "/v1/users/{user_id:path}/export": {"GET": "users"},
    "/v1/receipts/{receipt_id}": {"GET": "users"},
    "/version": {"GET": "read"},
    "/metrics": {"GET": "read"},
    "/livez": {"GET": PUBLIC},
    "/readyz": {"GET": PUBLIC},
    "/openapi.json": {"GET": PUBLIC},
    "/docs": {"GET": PUBLIC},
    "/docs/oauth2-redirect": {"GET": PUBLIC},
    "/redoc": {"GET": PUBLIC},
}
SERVERS_ONLY = frozenset({"/metrics", "/version"})


class ScopeMiddleware:
    """A route behind its scope; it reads who asks from `scope["grant"]`, which the rim put there."""

    def __init__(self, app: ASGIApp, needs: Mapping[str, ScopeNeed], *, servers_only: bool) -> None:
        self.app = app
        self._needs = needs
        self._servers_only = servers_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        need = self._needs["GET" if scope["method"] == "HEAD" else scope["method"]]
        if need != PUBLIC:
            grant: Grant = scope.get("grant", ANONYMOUS)
            refusal = grant.refusal(need, servers_only=self._servers_only)
            if refusal is not None:
                await response_of(refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def guard_routes(routes: Iterable[BaseRoute]) -> None:
    """Puts every route behind its gate.  Raises RuntimeError for one NEEDS does not name: nothing opens by mistake."""
    for route in routes:
        if not isinstance(route, Route):
            raise RuntimeError(f"{route!r}: only plain routes can be put behind a gate")
        needs = NEEDS.get(route.path, {})
        missing = (route.methods or set()) - {"HEAD"} - needs.keys()
        if missing:
            raise RuntimeError(f"say in api/auth/authorization.py which scope {sorted(missing)} {route.path} asks for")
        if not isinstance(route.app, ScopeMiddleware):
            route.app = ScopeMiddleware(route.app, needs, servers_only=route.path in SERVERS_ONLY)
