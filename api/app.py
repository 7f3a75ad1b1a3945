"""ASGI application: routes, schema and middleware around the state of a worker."""

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
from api.openapi.schema import TAGS, DocumentedApi
from api.pages.docs import add_docs_pages
from api.routes import (
    audience,
    batch,
    events,
    explain,
    facts,
    health,
    items,
    rank,
    recommendations,
    rules,
    runs,
    users,
)
from api.routes.customers import campaigns, changes, customers, experiments, kpis, needs, search, segments, shown
from api.routes.judge import answers, reports
from api.routes.promotions import offers, promotions, proposals, trial
from api.server.bind_address import check_address
from api.settings import ServerConfig
from api.state import AppState
from recsys import __version__
from recsys.data.store.open import open_store
from recsys.garbage_collection import settle_garbage_collection

SWITCH_INTERVAL_S = 0.000_5  # the commit thread waits no longer for a busy loop: ten times as long halves the events

ROUTES = (
    events,
    facts,
    batch,
    recommendations,
    rank,
    explain,
    audience,
    items,
    rules,
    shown,
    experiments,
    reports,
    answers,
    runs,
    needs,
    offers,
    users,
    search,
    segments,
    promotions,
    proposals,
    trial,
    campaigns,
    kpis,
    changes,
    customers,
    health,
)


def served() -> ASGIApp:
    """The application of a worker of `recsys serve`, configured by the environment."""
    config = ServerConfig.from_env(os.environ)
    configure_logs(config.serve.log_level, config.serve.log_format)
    check_address(config)  # once more: a worker may start long after the service
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    store = open_store(config.home, config.shop.database_url)
    app = create_app(AppState(config, store, metrics_from(os.environ)))
    settle_garbage_collection()
    return app


def create_app(state: AppState) -> ASGIApp:
    """The whole service around its state, which starts and ends with it."""
    return with_middleware(build_api(state), state)


def build_api(state: AppState) -> FastAPI:
    """The routes, the schema, and the pages a browser opens."""

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        await state.start()
        try:
            yield
        finally:
            await state.close()

    api = DocumentedApi(
        title="Recommendations",
        version=__version__,
        summary="Events in, recommendations out: the engine a shop runs itself.",
        contact={"name": "The engineers of recsys"},
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    api.state.app_state = state
    register_errors(api)
    for routes in ROUTES:
        api.router.routes.extend(routes.router.routes)  # one flat list: a nested router costs a tenth of a request
    add_docs_pages(api)
    return api
