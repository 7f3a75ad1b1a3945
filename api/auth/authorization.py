"""Authorization: the scope that each route and each mounted application needs, and the check before it."""

from collections.abc import Mapping
from typing import Final, Literal

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.api_keys import ScopeName
from api.auth.authentication import ANONYMOUS, Grant
from api.errors.handlers import response_of

PUBLIC: Final = "public"
ScopeNeed = ScopeName | Literal["public"]

# By path and method.  A mounted application or folder of files stands here with its prefix: "/PREFIX/*"; methods that
# are not named are refused below it.  Two rules: what shows data of customers beside their own list needs `users`, and
# what only the shop's own servers may read stands in SERVERS_ONLY too.
NEEDS: Mapping[str, Mapping[str, ScopeNeed]] = {
    "/v1/users/{user_id:path}/recommendations": {"GET": "read"},
    "/v1/placements": {"GET": "read"},
    "/v1/recommendations": {"POST": "read"},
    "/v1/recommendations:batch": {"POST": "read"},
    "/v1/items/{item_id:path}/similar": {"GET": "read"},
    "/v1/rank": {"POST": "read"},
    "/v1/items/{item_id:path}/audience": {"GET": "users"},
    "/v1/audience": {"POST": "users"},
    "/v1/users/{user_id:path}/similar": {"GET": "users"},
    "/v1/users/{user_id:path}/needs": {"GET": "users"},
    "/v1/users/{user_id:path}/offers": {"GET": "users"},
    "/v1/events": {"POST": "events"},
    "/v1/facts": {"POST": "events"},
    "/v1/facts/summary": {"GET": "users"},
    "/v1/items": {"POST": "catalogue"},
    "/v1/items:search": {"GET": "catalogue"},
    "/v1/items/{item_id:path}": {"GET": "catalogue", "PUT": "catalogue", "PATCH": "catalogue", "DELETE": "catalogue"},
    "/v1/explain": {"GET": "users", "POST": "users"},
    "/v1/customers:search": {"POST": "users"},
    "/v1/segments": {"GET": "users", "PUT": "users"},
    "/v1/segments/versions": {"GET": "users"},
    "/v1/segments/versions/{version}": {"GET": "users"},
    "/v1/segments:try": {"POST": "users"},
    "/v1/promotions": {"GET": "catalogue", "PUT": "catalogue"},
    "/v1/promotions:try": {"POST": "users"},
    "/v1/promotions/uses": {"GET": "marketing"},
    "/v1/promotions/bundles": {"GET": "marketing"},
    "/v1/promotions/upsell": {"GET": "marketing"},
    "/v1/promotions/table": {"GET": "marketing"},
    "/v1/promotions/effect": {"GET": "marketing"},
    "/v1/promotions/responses": {"GET": "marketing"},
    "/v1/promotions/loyalty": {"GET": "users"},
    "/v1/promotions/versions": {"GET": "catalogue"},
    "/v1/promotions/versions/{version}": {"GET": "catalogue"},
    "/v1/campaigns": {"GET": "marketing", "POST": "marketing"},
    "/v1/campaigns:try": {"POST": "marketing"},
    "/v1/campaigns/{campaign_id}": {"GET": "marketing"},
    "/v1/campaigns/{campaign_id}/result": {"GET": "marketing"},
    "/v1/holdouts/{quarter}": {"GET": "marketing"},
    "/v1/campaigns/{campaign_id}:draw": {"POST": "marketing"},
    "/v1/campaigns/{campaign_id}:export": {"POST": "marketing"},
    "/v1/campaigns/{campaign_id}:close": {"POST": "marketing"},
    "/v1/mailings": {"GET": "marketing"},
    "/v1/experiments": {"GET": "marketing", "POST": "admin"},
    "/v1/experiments/{experiment_id}": {"GET": "marketing"},
    "/v1/experiments/{experiment_id}/result": {"GET": "marketing"},
    "/v1/experiments/{experiment_id}:stop": {"POST": "admin"},
    "/v1/experiments:try": {"POST": "marketing"},
    "/v1/evaluations": {"GET": "marketing"},
    "/v1/evaluations/{evaluation_id}/page": {"GET": "users"},
    "/v1/evaluations:try": {"POST": "marketing"},
    "/v1/verdicts": {"GET": "marketing"},
    "/v1/verdicts/{version}/page": {"GET": "users"},
    "/v1/rules": {"GET": "catalogue", "PUT": "catalogue"},
    "/v1/rules/versions": {"GET": "catalogue"},
    "/v1/rules/versions/{version}": {"GET": "catalogue"},
    "/v1/rules:try": {"POST": "users"},
    "/v1/shown/rates": {"GET": "marketing"},
    "/v1/users": {"POST": "users"},
    "/v1/users:merge": {"POST": "users"},
    "/v1/users:unmerge": {"POST": "users"},
    "/v1/users/{user_id:path}": {"GET": "users", "PUT": "users", "PATCH": "users", "DELETE": "users"},
    "/v1/users/{user_id:path}/export": {"GET": "users"},
    "/v1/customers/changes": {"GET": "users"},
    "/v1/customers/summary": {"GET": "users"},
    "/v1/customers/{user_id:path}": {"GET": "users"},
    "/v1/kpis": {"GET": "users"},
    "/v1/cohorts": {"GET": "users"},
    "/v1/expected-units": {"GET": "users"},
    "/v1/pairs": {"GET": "users"},
    "/v1/movers": {"GET": "users"},
    "/v1/receipts/{receipt_id}": {"GET": "users"},
    "/v1/releases": {"GET": "admin"},
    "/v1/releases:promote": {"POST": "admin"},
    "/v1/releases:rollback": {"POST": "admin"},
    "/v1/settings": {"GET": "admin"},
    "/v1/runs": {"GET": "admin"},
    "/v1/runs/{run_id}": {"GET": "admin"},
    "/version": {"GET": "read"},
    "/metrics": {"GET": "read"},
    "/livez": {"GET": PUBLIC},
    "/readyz": {"GET": PUBLIC},
    "/openapi.json": {"GET": PUBLIC},
    "/docs": {"GET": PUBLIC},
    "/docs/oauth2-redirect": {"GET": PUBLIC},
    "/redoc": {"GET": PUBLIC},
    "/assets/docs/*": {"GET": PUBLIC},
}
SERVERS_ONLY = frozenset({"/metrics", "/version"})
# A POST to these changes nothing: the body is the question.
READING = frozenset(
    {
        "/v1/audience",
        "/v1/customers:search",
        "/v1/evaluations:try",
        "/v1/experiments:try",
        "/v1/explain",
        "/v1/promotions:try",
        "/v1/rank",
        "/v1/recommendations",
        "/v1/recommendations:batch",
        "/v1/rules:try",
        "/v1/segments:try",
    }
)


class ScopeMiddleware:
    """Checks the scope before a route or a mounted application; reads `scope["grant"]`, which the edge sets."""

    def __init__(self, app: ASGIApp, path: str, needs: Mapping[str, ScopeNeed]) -> None:
        self.app = app
        self._needs = needs
        self._servers_only = path in SERVERS_ONLY
        self._reading = {"GET", "HEAD", "POST"} if path in READING else {"GET", "HEAD"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "GET")  # a WebSocket has none
        need = self._needs.get("GET" if method == "HEAD" else method)
        if need is None:  # of a mounted application only: a route refuses other methods itself
            raise HTTPException(405, headers={"Allow": ", ".join(self._needs)})
        if need != PUBLIC:
            grant: Grant = scope.get("grant", ANONYMOUS)
            is_reading = method in self._reading
            refusal = grant.refusal(need, servers_only=self._servers_only, is_reading=is_reading)
            if refusal is not None:
                await response_of(refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def scope_needs(route: BaseRoute) -> tuple[str, Mapping[str, ScopeNeed]]:
    """The key of the route or mounted application in NEEDS, and the scope that each method needs.

    Raises RuntimeError when NEEDS does not name it: nothing opens by mistake.
    """
    if isinstance(route, Mount):
        path, methods = f"{route.path}/*", {"GET"}
    elif isinstance(route, Route):
        path, methods = route.path, (route.methods or set()) - {"HEAD"}
    else:
        raise RuntimeError(f"{route!r}: only routes and mounted applications can be put behind a scope")
    needs = NEEDS.get(path, {})
    if missing := methods - needs.keys():
        raise RuntimeError(f"declare in NEEDS (api/auth/authorization.py) which scope {sorted(missing)} {path} needs")
    return path, needs
