"""Visit of a page: who looks, with which query and form, and the ways to answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.auth.key_uses import KeyUses
from api.console.evaluations.job import EvaluationJob
from api.console.imports.job import ImportJobs
from api.console.roles import Role
from api.console.sessions import Session
from api.settings import ServerConfig
from recsys.client import AsyncClient
from recsys.data.audit import AuditKind, AuditRow
from recsys.data.store.base import Store
from recsys.data.uploads import UploadFolder
from recsys.errors import BadInput

Render = Callable[[str, Mapping[str, Any], int], Response]
Record = Callable[[AuditKind, Sequence[str], str], Awaitable[None]]

Audit = Callable[[str, int, int], Awaitable[Sequence[AuditRow]]]  # of a customer or of all (""), newest, offset


@dataclass(frozen=True, slots=True)
class ConsoleHome:
    """The shop's home, for what a console does itself: audit, keys, imports, evaluations."""

    config: ServerConfig
    store: Store
    uses: KeyUses
    uploads: UploadFolder
    jobs: ImportJobs
    evaluation: EvaluationJob


@dataclass(slots=True)
class Visit:
    """One request of somebody who is signed in and may make it.

    form: fields of a POST, else empty; an uploaded file is a starlette UploadFile.  fault: why the form was refused,
    in words, when the page is shown again.
    """

    request: Request
    session: Session
    form: Mapping[str, Any]
    _render: Render
    _record: Record
    audit: Audit
    home: ConsoleHome
    fault: str = ""

    @property
    def client(self) -> AsyncClient:
        """The service, with the key of whoever is signed in."""
        return self.session.client

    @property
    def role(self) -> Role:
        return self.session.role

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address, without blanks at its ends."""
        return self.request.query_params.get(name, default).strip()

    def typed(self, name: str, default: str = "") -> str:
        """A field of the form that was sent, else the parameter of the address of that name."""
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else self.query(name, default)

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number from 0 that was typed.  Raises BadInput."""
        text = self.typed(name)
        if not text:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 12 and int(text) <= most):
            raise BadInput(f"{name} {text!r:.40}: type a whole number from 0 to {most}, such as {default}")
        return int(text)

    def render(self, template: str, **context: Any) -> Response:
        """The page.  `sentence` and `title` replace those of the table."""
        return self._render(template, {"visit": self, **context}, 422 if self.fault else 200)

    def redirect(self, path: str, notice: str = "", **query: str) -> Response:
        """To another page of the console after a change; the notice is shown there once."""
        self.session.notice = notice
        address = f"/console{path}" + (f"?{urlencode(query)}" if query else "")
        return RedirectResponse(address, 303)

    async def note_read(self, user_ids: Sequence[str], detail: str = "") -> None:
        """Writes into the audit that these customers were shown.  detail: no personal data."""
        if user_ids:
            await self._record("read", user_ids, detail)

    async def note_change(self, detail: str, user_ids: Sequence[str] = ()) -> None:
        """Writes more about a change into the audit than its page and action, which stand there anyway."""
        await self._record("change", user_ids, detail)
