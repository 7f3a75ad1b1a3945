"""The service as ASGI: wiring only."""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from api.docs import DocumentedApi
from api.errors import register_errors
from api.logs import configure_logs
from api.metrics import metrics_from
from api.parameters import check_parameters
from api.paths import take_every_id
from api.rim import Rim
from api.routes import audiences, batch, events, explain, health, items, ranking, recommendations, rules, users
from api.scopes import guard_routes
from api.service import Service
from api.settings import Place
from api.shortcuts import Shortcuts
from recsys.data.store import open_store

RARELY = (20_000, 50, 50)  # an answer leaves no cycles behind: looking for some took a tenth of its time
GIVE_WAY_S = 0.000_5  # the thread that commits waits for a busy loop no longer: ten times as long halves the events


def served() -> ASGIApp:
    """What a worker of `recsys serve` runs: all it needs to know stands in the environment."""
    place = Place.from_env(os.environ)
    configure_logs(place.serve.log_level)
    sys.setswitchinterval(GIVE_WAY_S)
    store = open_store(place.home, place.shop.database_url)
    app = create_app(Service(place, store, metrics_from(os.environ)))
    gc.collect()
    gc.set_threshold(*RARELY)
    gc.freeze()  # classes and functions that stay: looking through them held up answers for a tenth of a second
    return app


def create_app(service: Service) -> ASGIApp:
    """The whole service around those parts; they start and end with it."""
    api = api_of(service)
    return Rim(api, Shortcuts(service), service)


def api_of(service: Service) -> FastAPI:
    """The routes, and the schema at /docs."""

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    api = DocumentedApi(
        title="Recommendations",
        version=version("recsys"),
        summary="Events in, recommendations out: the engine a shop runs itself.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    api.state.service = service
    register_errors(api)
    for routes in (events, batch, recommendations, ranking, explain, audiences, items, rules, users, health):
        api.router.routes.extend(routes.router.routes)  # flat: every router on the way costs a tenth of a request
    check_parameters(api.router.routes)
    guard_routes(api.router.routes)
    take_every_id(api.router.routes)
    return api
