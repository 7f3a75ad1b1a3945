"""Query parameter check: a route refuses parameters it does not know, else a misspelt one would have no effect."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors.handlers import refused_fields, response_of
from api.errors.refused import Refused
from recsys.config import spelling_hint

CHECKED = "/v1/"  # the routes of the shop; a probe or a scraper may add what it likes
MAX_LISTED = 20


class QueryParameterMiddleware:
    """Around one route.  known: the names of its query parameters."""

    def __init__(self, app: ASGIApp, known: Iterable[str]) -> None:
        self.app = app
        self._known = frozenset(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query: bytes = scope["query_string"]
        refusal = self._refusal(query) if query else None
        await (self.app if refusal is None else response_of(refusal))(scope, receive, send)

    def _refusal(self, query: bytes) -> Refused | None:
        names = dict.fromkeys(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        unknown = [name for name in names if name not in self._known]
        if not unknown:
            return None
        return refused_fields([(f"query.{name:.80}", self._problem(name)) for name in unknown[:MAX_LISTED]])

    def _problem(self, name: str) -> str:
        if not self._known:
            return "this route takes no parameters in its query"
        return f"no such parameter; {spelling_hint(name[:80], self._known)}"
