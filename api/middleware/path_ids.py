"""Ids in paths: an escaped slash belongs to the id, an unescaped slash separates the parts of the path.

ASGI passes paths unescaped.  There `/v1/items/a%2Fsimilar` (the item "a/similar") and `/v1/items/a/similar` (the items
similar to "a") are the same path.
"""

import re
from urllib.parse import unquote

from starlette.convertors import PathConvertor
from starlette.routing import Route
from starlette.types import Scope

_ESCAPED = re.compile("%2f", re.IGNORECASE)
_MARK = "\udc2f"  # stands for a slash of an id until its route is found; no UTF-8 gives half a surrogate


class IdConvertor(PathConvertor):
    """Converts a part of the path to an id with its slashes."""

    def convert(self, value: str) -> str:
        return without_marks(value)


def keep_escaped_slashes(scope: Scope) -> None:
    """Marks the escaped slashes in the path.  The fast path does not take such a path."""
    raw: bytes = scope.get("raw_path", b"")
    if b"%2" in raw:
        scope["path"] = _MARK.join(map(unquote, _ESCAPED.split(raw.decode("ascii", "replace"))))


def without_marks(path: str) -> str:
    """The path, or a part of it, with its slashes, as ASGI passes it."""
    return path.replace(_MARK, "/")


def convert_ids(route: Route) -> None:
    """Ids with escaped slashes or line breaks reach the route whole, and the route says what is wrong with them.

    An unescaped slash, one at the end too, belongs to no id: such a path is that of another route, or of none.  Behind
    the end of a route stands nothing, no line break either: a proxy that closes `/metrics` means `/metrics%0A`, too.
    """
    pattern = route.path_regex.pattern.removesuffix("$") + r"\Z"  # `$` matches before a line break, too
    for name, convertor in route.param_convertors.items():
        if isinstance(convertor, PathConvertor):
            pattern = pattern.replace(f"(?P<{name}>{convertor.regex})", f"(?P<{name}>[^/]+)")
    route.path_regex = re.compile(pattern, re.DOTALL)
    for name, convertor in route.param_convertors.items():
        if isinstance(convertor, PathConvertor):
            route.param_convertors[name] = IdConvertor()
