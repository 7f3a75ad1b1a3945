"""Call of the service as data: method, path, query and body of one request, and the parser of its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

T = TypeVar("T")
Value = str | int | float | bool  # of a query parameter


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request.  template: its path in the schema of the service.  names: values of the path.  read: a body parser.

    timeout_s: for a call that may take longer than the client usually waits.
    is_repeatable: sending it twice has the effect of sending it once, so it is sent again when no answer came.
    """

    method: str
    template: str
    read: Callable[[bytes], T]
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Value] = field(default_factory=dict)
    body: Any = None  # JSON; a text is sent as TOML
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True
    timeout_s: float | None = None

    @property
    def path(self) -> str:
        """The path with its values, escaped."""
        return self.template.format(**{name: _escaped(value) for name, value in self.names.items()})


def _escaped(name: str) -> str:
    escaped = quote(name, safe="")
    return escaped.replace(".", "%2E") if name in (".", "..") else escaped  # unescaped they would mean folders
