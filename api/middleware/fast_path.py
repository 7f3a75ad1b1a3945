"""Fast path: the most frequent requests without FastAPI, whose routing costs more than they do.

The rules and the bytes of the answers are those of the routes.
"""

import re
import time
from collections.abc import Callable

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from api.auth.authentication import Grant
from api.errors.handlers import internal_error, response_of
from api.event_ingestion import CheckedBody, check_body, ingest, verdicts_on
from api.middleware.whole_answer import JSON, WholeAnswer, whole_of
from api.plain_query import parse_list_query
from api.recommendation_service import PENDING, CacheableQuery, plain_query, similar_query
from api.schemas.common import MAX_K
from api.state import AppState
from api.traffic.deadline import NEVER, Deadline
from recsys.data.store.group_commit import CommitOutcome
from recsys.errors import RecsysError

log = structlog.get_logger()

USER_ROUTE = "/v1/users/{user_id:path}/recommendations"
SIMILAR_ROUTE = "/v1/items/{item_id:path}/similar"
EVENTS_ROUTE = "/v1/events"
LISTS_ROUTE = "/v1/recommendations"
MISSED = "recsys.redis_missed"  # the key of a scope whose query Redis does not hold
# Plain paths only: the route decides about what is escaped, repeated or misspelt.
_PATH = re.compile(r"/v1/(?:users/([A-Za-z0-9_.~-]{1,128})/recommendations|items/([A-Za-z0-9_.~-]{1,128})/similar)")
_PARAMS = re.compile(rb"(?:k=([1-9][0-9]{0,2}))?(?:(?:^|(?<=[0-9])&)placement=([a-z0-9-]{1,64}))?")


def takes_events(scope: Scope) -> bool:
    """Whether it is a plain request that sends events."""
    return scope["method"] == "POST" and scope["path"] == EVENTS_ROUTE and not scope["query_string"]


def takes_query(scope: Scope) -> bool:
    """Whether it is a plain request that sends a query for a list."""
    return scope["method"] == "POST" and scope["path"] == LISTS_ROUTE and not scope["query_string"]


class FastPath:
    """Its methods return None for a request that the route must answer."""

    def __init__(self, api: FastAPI, state: AppState) -> None:
        self._api = api
        self._state = state
        self._endpoints = {route.path: route.endpoint for route in api.router.routes if isinstance(route, Route)}

    def query(self, scope: Scope) -> tuple[str, CacheableQuery] | None:
        """The route and the query of a plain request for a list of a customer, or of items that go with an item."""
        is_plain = scope["method"] == "GET" and b"%" not in scope.get("raw_path", b"")
        path = _PATH.fullmatch(scope["path"]) if is_plain else None
        params = None if path is None else _PARAMS.fullmatch(scope["query_string"])
        if path is None or params is None or (k := int(params[1] or 10)) > MAX_K:
            return None
        user_id, item_id = path.groups()
        if user_id is not None:
            return USER_ROUTE, plain_query(user_id, "home" if params[2] is None else params[2].decode(), k)
        return None if params[2] is not None else (SIMILAR_ROUTE, similar_query(item_id, k))

    def body_query(self, body: bytes) -> tuple[str, CacheableQuery] | None:
        """The same of a query with a body, for one list that is computed at once and that no Redis may hold."""
        if self._state.redis is not None:
            return None
        try:
            query = parse_list_query(body)
        except RecsysError:
            return None  # the route refuses it in the same way
        return None if query is None else (LISTS_ROUTE, query)

    def answer_now(self, query: CacheableQuery, scope: Scope, then: Callable[[bytes | None], None]) -> bytes | None:
        """See `RecommendationService.answer_now`; also None where that raises: the route meets the same error."""

        def received(payload: bytes | None) -> None:
            scope[MISSED] = payload is None
            then(self._noted(query, scope["request_id"], payload))

        try:
            payload = self._state.recommendations.answer_now(query, scope["deadline"], received)
        except RecsysError:
            return None
        return payload if payload is PENDING else self._noted(query, scope["request_id"], payload)

    async def recommendations(self, scope: Scope) -> tuple[str, bytes] | None:
        """The route and the payload of a plain query, when only Redis has to be waited for."""
        plain, deadline = self.query(scope), scope.get("deadline", NEVER)
        if plain is None or self._has_own_deadline(deadline):
            return None
        route, query = plain
        reads_redis = not scope.get(MISSED)
        try:
            payload = await self._state.recommendations.try_now(query, deadline, reads_redis=reads_redis)
        except RecsysError:
            return None  # the route meets the same error, and answers with it
        noted = self._noted(query, scope["request_id"], payload)
        return None if noted is None else (route, noted)

    def _has_own_deadline(self, deadline: Deadline) -> bool:
        """Whether a wait for Redis must end at the deadline, which only the route sees to."""
        return self._state.redis is not None and deadline.reason == "deadline"

    def _noted(self, query: CacheableQuery, request_id: str, payload: bytes | None) -> bytes | None:
        """The payload, noted in the answer log."""
        state = self._state
        if payload is not None and state.answer_log is not None:
            state.answer_log.note(request_id, state.user_states.owner(query.user_id), payload)
        return payload

    async def lists(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to a query with a body of announced length: that of the route, called without its router."""
        if not takes_query(scope):
            return None
        scope["app"] = self._api
        try:
            response: Response = await self._endpoints[LISTS_ROUTE](Request(scope, receive))
        except RecsysError as error:
            return response_of(error)
        return response

    def events_now(self, raw: bytes, grant: Grant, then: Callable[[WholeAnswer], None]) -> WholeAnswer | None:
        """The answer to events when none of them is stored; else None, and `then` gets it once they are durable."""
        state, started = self._state, time.perf_counter()
        try:
            body = check_body(state, raw, grant)
            if not body.events:
                return 202, (JSON,), verdicts_on(state, body, (), started)
            state.commits.submit_then(body.events, lambda outcome: then(self._verdicts(body, outcome, started)))
        except RecsysError as error:
            return whole_of(response_of(error))
        return None

    def _verdicts(self, body: CheckedBody, outcome: CommitOutcome, started: float) -> WholeAnswer:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            return 202, (JSON,), verdicts_on(self._state, body, outcome, started)
        except RecsysError as error:
            return whole_of(response_of(error))
        except Exception:
            log.exception("request_failed", route=EVENTS_ROUTE)
            return 500, (JSON,), internal_error()

    async def events(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to events whose body has an announced length within the limit."""
        if not takes_events(scope):
            return None
        try:
            return await ingest(self._state, await _body(receive), scope["grant"])
        except RecsysError as error:
            return response_of(error)


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
