"""Document actions: entries of a stored TOML text by a form, the whole text, a preview of both, and its versions."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from starlette.responses import Response

from api.console.forms.fields import typed_version
from api.console.forms.toml_text import with_entry, without_entry
from api.console.page import Action
from api.console.visit import Visit
from recsys.client.call import Call

Entry = Callable[[Visit], dict[str, Any]]  # the entry that was typed; raises BadInput
Preview = Callable[[Visit, str, str], Awaitable[Response]]  # of a text, beside the one that the form keeps


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A TOML text of the service: `[[rules]]`, or another table of entries, on the page of that name.

    read, put, version, versions: the calls about it.  content: the attribute of an answer that `put` takes.
    """

    noun: str
    read: Callable[[], Call[Any]]
    put: Callable[..., Call[Any]]
    version: Callable[[int], Call[Any]]
    versions: Callable[[], Call[Any]]
    content: str = "toml"

    @property
    def table(self) -> str:
        return f"{self.noun}s"

    async def state(self, visit: Visit, text: str | None = None) -> dict[str, Any]:
        """What its page shows: `stored`, `versions`, `text`, where one is typed that one, and `digest`."""
        stored, versions = await visit.client.send(self.read()), await visit.client.send(self.versions())
        shown = {"text": stored.toml if text is None else text, "digest": visit.typed("digest", stored.digest)}
        return {"noun": self.noun, "stored": stored, "versions": versions.versions, **shown}

    async def restore(self, visit: Visit) -> Response:
        """Puts an earlier version into service."""
        number = typed_version(visit)
        old = await visit.client.send(self.version(number))
        await visit.client.send(self.put(getattr(old, self.content)))
        return visit.redirect(f"/{self.table}", f"The {self.table} of version {number} are in service again.")

    def actions(self, entry: Entry, preview: Preview, tried: Entry | None = None) -> dict[str, Action]:
        """The forms of its page; nothing that somebody else changed meanwhile is overwritten.

        tried: the entry that its preview tries, where that is another one.
        """

        async def put(visit: Visit, text: str, digest: str, notice: str) -> Response:
            await visit.client.send(self.put(text, if_digest=digest))
            return visit.redirect(f"/{self.table}", notice)

        async def add(visit: Visit) -> Response:
            stored = await visit.client.send(self.read())
            more = self._named(visit, stored, entry(visit))
            text = with_entry(stored.toml, self.table, more)
            return await put(visit, text, stored.digest, _notice(self.noun, more))

        async def preview_new(visit: Visit) -> Response:
            stored = await visit.client.send(self.read())
            more = self._named(visit, stored, (tried or entry)(visit))
            return await preview(visit, with_entry(stored.toml, self.table, more), stored.toml)

        async def save(visit: Visit) -> Response:
            return await put(visit, visit.typed("toml"), visit.typed("digest"), f"The {self.table} are in service.")

        async def preview_text(visit: Visit) -> Response:
            return await preview(visit, visit.typed("toml"), visit.typed("toml"))

        async def remove(visit: Visit) -> Response:
            stored, name = await visit.client.send(self.read()), visit.typed(self.noun)
            text = without_entry(stored.toml, self.table, name, self._names(stored))
            notice = f"{self.noun.capitalize()} {name} is taken away; the versions below have it still."
            return await put(visit, text, stored.digest, notice)

        runs = {"add": add, "preview-new": preview_new, "save": save, "preview": preview_text, "remove": remove}
        return {name: Action(run) for name, run in {**runs, "restore": self.restore}.items()}

    def _names(self, stored: Any) -> list[Any]:
        return [each.get("id") for each in getattr(stored, self.table)]

    def _named(self, visit: Visit, stored: Any, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry under a name that is free, where nobody typed one."""
        first, taken = entry["id"], self._names(stored)
        free = (name for n in count(1) if (name := first if n == 1 else f"{first}-{n}") not in taken)
        return entry if visit.typed("name") else {**entry, "id": next(free)}


def _notice(noun: str, entry: Mapping[str, Any]) -> str:
    """What a new entry does from now on, or from its first day on."""
    name, first, last = f"{noun.capitalize()} {entry['id']}", entry.get("from"), entry.get("until")
    if not isinstance(first, date) or first <= datetime.now(UTC).date():
        return f"{name} is in service."
    return f"{name} is saved and will hold from {first}" + (f" until {last}, this day included." if last else " on.")
