"""Fast path: the two most frequent requests without FastAPI, whose routing costs more than they do.

The rules and the bytes of the answers are those of the routes.
"""

import re

from starlette.responses import Response
from starlette.types import Receive, Scope

from api.errors.handlers import response_of
from api.event_ingestion import ingest
from api.recommendation_service import plain_query
from api.schemas.common import MAX_K
from api.state import AppState
from api.traffic.deadline import NEVER
from recsys.errors import RecsysError

USER_ROUTE = "/v1/users/{user_id:path}/recommendations"
EVENTS_ROUTE = "/v1/events"
# Plain paths only: the route decides about what is escaped, repeated or misspelt.
_PATH = re.compile(r"/v1/users/([A-Za-z0-9_.~-]{1,128})/recommendations")
_PARAMS = re.compile(rb"(?:k=([1-9][0-9]{0,2}))?(?:(?:^|(?<=[0-9])&)placement=([a-z0-9-]{1,64}))?")


class FastPath:
    """Its methods return None for a request that the route must answer."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def recommendations(self, scope: Scope) -> bytes | None:
        """The payload for a plain query of a customer, when only Redis has to be waited for."""
        path = _PATH.fullmatch(scope["path"])
        if path is None or scope["method"] != "GET":
            return None
        params = _PARAMS.fullmatch(scope["query_string"])
        k = 0 if params is None else int(params[1] or 10)
        if params is None or k > MAX_K:
            return None
        state, deadline = self._state, scope.get("deadline", NEVER)
        if state.redis is not None and deadline.reason == "deadline":
            return None  # only the route ends its wait for Redis at the deadline
        query = plain_query(path[1], "home" if params[2] is None else params[2].decode(), k)
        try:
            payload = await state.recommendations.try_now(query, deadline)
        except RecsysError:
            return None  # the route meets the same error, and answers with it
        if payload is not None and state.answer_log is not None:
            state.answer_log.note(scope["request_id"], state.user_states.owner(path[1]), payload)
        return payload

    async def events(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to events whose body has an announced length within the limit."""
        if scope["path"] != EVENTS_ROUTE or scope["method"] != "POST" or scope["query_string"]:
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
