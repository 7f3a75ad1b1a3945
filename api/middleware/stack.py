"""Middleware stack: every layer a request passes, outermost first.

1. `EdgeMiddleware`, around the application: request id, deadline, log line, metrics, error boundary, authentication,
   rate limit, fast path, CORS preflight, body limit.  These are one class because each layer of its own costs a call
   and a `send` wrapper: nine of them that only pass a request on took 8 us, and an answer from the cache takes 10 us.
   Its `answer_now` gives plain requests for a list their answer by the same rules, without a task and without the two
   messages of ASGI: `api/server/http_protocol.py` calls it first.
2. FastAPI: error handlers, then the routes in one flat list.
3. `ScopeMiddleware`, around every route and mounted application: authorization.
4. `QueryParameterMiddleware`, around the routes below /v1/: refuses query parameters that the route does not know.
   Around a mounted application stands `MountedApp` instead: the path as any ASGI application expects it.
5. The route.
"""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from api.auth.authorization import ScopeMiddleware, scope_needs
from api.middleware.edge import EdgeMiddleware
from api.middleware.fast_path import FastPath
from api.middleware.mounted_app import MountedApp
from api.middleware.path_ids import convert_ids
from api.middleware.query_parameters import CHECKED, QueryParameterMiddleware
from api.state import AppState


def with_middleware(api: FastAPI, state: AppState) -> ASGIApp:
    """The application behind all its layers.  Raises RuntimeError for a route whose scope is not declared."""
    for route in api.router.routes:
        wrap_route(route)
    return EdgeMiddleware(api, FastPath(api, state), state)


def wrap_route(route: BaseRoute) -> None:
    """Puts a route or a mounted application behind its layers, once.  Raises RuntimeError when no scope is declared."""
    path, needs = scope_needs(route)
    assert isinstance(route, Route | Mount)
    if isinstance(route.app, ScopeMiddleware):  # routers are shared by all applications of a process
        return
    if isinstance(route, Mount):
        route.app = MountedApp(route.app, route)
    else:
        convert_ids(route)
        if isinstance(route, APIRoute) and path.startswith(CHECKED):
            route.app = QueryParameterMiddleware(route.app, (param.alias for param in route.dependant.query_params))
    route.app = ScopeMiddleware(route.app, path, needs)
