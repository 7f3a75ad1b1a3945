"""The two hottest requests without the way through the routes, dearer than they are.  Same rules, same bytes."""

import re

from starlette.responses import Response
from starlette.types import Receive, Scope

from api.errors.handlers import response_of
from api.recommendation_service import CacheableQuery, Compute, plain
from api.routes.events import take
from api.schemas.common import MAX_K
from api.state import AppState
from api.traffic.deadline import NEVER, Deadline
from recsys.errors import RecsysError

USER_ROUTE = "/v1/users/{user_id:path}/recommendations"
EVENTS_ROUTE = "/v1/events"
# Plain paths only: whatever is escaped, repeated or misspelt is for the route to judge.
_PATH = re.compile(r"/v1/users/([A-Za-z0-9_.~-]{1,128})/recommendations")
_QUERY = re.compile(rb"(?:k=([1-9][0-9]{0,2}))?(?:(?:^|(?<=[0-9])&)placement=([a-z0-9-]{1,64}))?")


class FastPath:
    """None is no answer: the route has it."""

    def __init__(self, service: AppState) -> None:
        self._service = service

    async def recommendations(self, scope: Scope) -> bytes | None:
        """The unfinished answer to a plain question for a customer, when it needs no waiting but for Redis."""
        path = _PATH.fullmatch(scope["path"])
        if path is None or scope["method"] != "GET":
            return None
        query = _QUERY.fullmatch(scope["query_string"])
        k = 0 if query is None else int(query[1] or 10)
        if query is None or k > MAX_K:
            return None
        placement = "home" if query[2] is None else query[2].decode()
        try:
            body = await self._answered(*plain(path[1], placement, k), scope.get("due", NEVER))
        except RecsysError:
            return None  # the route meets it again, and knows how to say it
        if body is not None and self._service.shown is not None:
            self._service.shown.note(scope["request_id"], self._service.recent.owner_of(path[1]), body)
        return body

    async def _answered(self, question: CacheableQuery, make: Compute, due: Deadline) -> bytes | None:
        if self._service.redis is not None and due.why == "deadline":
            return None  # the route waits no longer than that
        return await self._service.answers.soon(question, make, due)

    async def events(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to events whose body came announced and within the limit."""
        if scope["path"] != EVENTS_ROUTE or scope["method"] != "POST" or scope["query_string"]:
            return None
        try:
            return await take(self._service, await _body(receive))
        except RecsysError as error:
            return response_of(error)


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
