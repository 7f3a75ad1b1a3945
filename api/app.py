"""The service as ASGI: wiring only."""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from api.errors.handlers import register_errors
from api.middleware.stack import with_middleware
from api.observability.logging import configure_logs
from api.observability.metrics import metrics_from
from api.openapi.schema import DocumentedApi
from api.routes import audience, batch, events, explain, health, items, rank, recommendations, rules, users
from api.settings import ServerConfig
from api.state import AppState
from recsys import __version__
from recsys.data.store.base import open_store

RARELY = (20_000, 50, 50)  # an answer leaves no cycles behind: looking for some took a tenth of its time
GIVE_WAY_S = 0.000_5  # the thread that commits waits for a busy loop no longer: ten times as long halves the events


def served() -> ASGIApp:
    """What a worker of `recsys serve` runs: all it needs to know stands in the environment."""
    place = ServerConfig.from_env(os.environ)
    configure_logs(place.serve.log_level)
    sys.setswitchinterval(GIVE_WAY_S)
    store = open_store(place.home, place.shop.database_url)
    app = create_app(AppState(place, store, metrics_from(os.environ)))
    gc.collect()
    gc.set_threshold(*RARELY)
    gc.freeze()  # classes and functions that stay: looking through them held up answers for a tenth of a second
    return app


def create_app(service: AppState) -> ASGIApp:
    """The whole service around its state, which starts and ends with it."""
    return with_middleware(build_api(service), service)


def build_api(service: AppState) -> FastAPI:
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
        version=__version__,
        summary="Events in, recommendations out: the engine a shop runs itself.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    api.state.service = service
    register_errors(api)
    for routes in (events, batch, recommendations, rank, explain, audience, items, rules, users, health):
        api.router.routes.extend(routes.router.routes)  # flat: every router on the way costs a tenth of a request
    return api
