"""Ids in paths: an escaped slash belongs to the id, another one parts the path.

ASGI hands paths over unescaped, where `/v1/items/a%2Fsimilar` (the item "a/similar") and `/v1/items/a/similar` (what is
like the item "a") are one and the same.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from starlette.convertors import PathConvertor
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

_ESCAPED = re.compile("%2f", re.IGNORECASE)
_MARK = "\udc2f"  # stands for a slash of an id until its route is found; no UTF-8 gives half a surrogate


class IdConvertor(PathConvertor):
    """An id of the path, with its slashes."""

    def convert(self, value: str) -> str:
        return value.replace(_MARK, "/")


def keep_escaped_slashes(scope: Scope) -> None:
    """Marks them in the path.  Such a path is no shortcut's."""
    raw: bytes = scope.get("raw_path", b"")
    if b"%2" in raw:
        scope["path"] = _MARK.join(map(unquote, _ESCAPED.split(raw.decode("ascii", "replace"))))


def take_every_id(routes: Iterable[BaseRoute]) -> None:
    """Ids with slashes reach their routes whole, and those with line breaks, too: there it is said what is wrong."""
    for route in routes:
        if isinstance(route, Route):
            route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
            for name, convertor in route.param_convertors.items():
                if isinstance(convertor, PathConvertor):
                    route.param_convertors[name] = IdConvertor()
