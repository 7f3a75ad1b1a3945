"""Audit: who looked at which customer in the console, who changed what, and when each key was last used.

A row names the customer until they are erased; from then on it holds the digest of their id, by which an id that
somebody asks about can still be looked up.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

AuditKind = Literal["read", "change"]

SQLITE_SCHEMA = """
CREATE TABLE audit(
    row_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, key_id TEXT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL,
    page TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_subject ON audit(subject) WHERE subject <> '';
"""
POSTGRES_SCHEMA = """
CREATE TABLE IF NOT EXISTS recsys.audit(
    row_id text COLLATE "C" PRIMARY KEY, at_ms bigint NOT NULL, key_id text NOT NULL, role text NOT NULL,
    kind text NOT NULL, page text NOT NULL, subject text COLLATE "C" NOT NULL, detail text NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_by_subject ON recsys.audit(subject) WHERE subject <> '';
"""
# `person` names who signed in over OpenID Connect; several people share the key of their role.
SQLITE_PEOPLE = """
ALTER TABLE audit ADD COLUMN person TEXT NOT NULL DEFAULT '';
CREATE TABLE key_uses(key_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
SQLITE_USES = "INSERT INTO key_uses SELECT key_id, max(at_ms) FROM audit GROUP BY key_id;"
POSTGRES_PEOPLE = """
ALTER TABLE recsys.audit ADD COLUMN IF NOT EXISTS person text NOT NULL DEFAULT '';
CREATE TABLE IF NOT EXISTS recsys.key_uses(key_id text COLLATE "C" PRIMARY KEY, at_ms bigint NOT NULL);
INSERT INTO recsys.key_uses SELECT key_id, max(at_ms) FROM recsys.audit
WHERE (SELECT max(version) FROM recsys.version) < 13 GROUP BY key_id ON CONFLICT DO NOTHING;
"""
# A subject is `id:` and an id, or `digest:` and the digest of an erased id as hex.
DIGEST_SUBJECT = "UPDATE audit SET subject = 'digest:' || $1 WHERE subject = 'id:' || $2"
_ID, _DIGEST = "id:", "digest:"
_ADD = "INSERT INTO audit VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_IS_ERASED = "SELECT 1 FROM erased WHERE digest = $1"
_COLUMNS = "SELECT row_id, at_ms, key_id, role, kind, page, subject, detail, person FROM audit"
_NEWEST = f"{_COLUMNS} ORDER BY row_id DESC LIMIT $1 OFFSET $2"
_OF_SUBJECT = f"{_COLUMNS} WHERE subject IN ($1, $2) AND subject <> '' ORDER BY row_id DESC LIMIT $3 OFFSET $4"
_NOTE_USE = """
INSERT INTO key_uses VALUES($1, $2)
ON CONFLICT(key_id) DO UPDATE SET at_ms = excluded.at_ms WHERE excluded.at_ms > key_uses.at_ms
"""
_LAST_USES = "SELECT key_id, at_ms FROM key_uses"
_OLD = "FROM audit WHERE row_id < $1"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One read of a customer, or one change.  at_ms: Unix ms.  page: a path of the console, without its query.

    key_id: of the key that somebody was signed in with.  user_id: the customer, "" where it is about none, and once
    they are erased.  digest: of the erased id, as hex, else "".  person: who it was, where an OpenID provider said so.
    """

    at_ms: int
    key_id: str
    role: str
    kind: AuditKind
    page: str
    user_id: str = ""
    detail: str = ""
    digest: str = ""
    person: str = ""

    @property
    def who(self) -> str:
        """The person, else the id of the key."""
        return self.person or self.key_id


class _Transaction(Protocol):
    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...

    def execute(self, sql: str, values: Sequence[Any] = ...) -> Any: ...


class AuditTable(ABC):
    """The part of a store that keeps the audit.  Every method raises `LogUnavailable`."""

    def add_audit(self, rows: Sequence[AuditRow]) -> None:
        """Stores them durably, all or none; of a customer who is erased only the digest."""
        with self._user_tables(len(rows)) as tables:
            for nth, row in enumerate(rows):
                row_id = f"{row.at_ms:014d}-{nth:04d}-{secrets.token_hex(6)}"
                values = row_id, row.at_ms, row.key_id, row.role, row.kind, row.page
                tables.execute(_ADD, (*values, self._subject(tables, row.user_id), row.detail, row.person))

    def audit(self, *, user_id: str = "", newest: int = 50, offset: int = 0) -> list[AuditRow]:
        """The newest rows, of that customer or of all, newest first; also those of an id that was erased."""
        if not user_id:
            rows = self._read(_NEWEST, newest, offset)
        else:
            subjects = _ID + user_id, _DIGEST + self.digest(user_id).hex()
            rows = self._read(_OF_SUBJECT, *subjects, newest, offset)
        return [_parse(*row) for row in rows]

    def note_uses(self, at_ms_by_key: Mapping[str, int]) -> None:
        """Stores when these keys were last used (Unix ms); an earlier moment than the stored one changes nothing."""
        with self._user_tables(len(at_ms_by_key)) as tables:
            for use in sorted(at_ms_by_key.items()):
                tables.execute(_NOTE_USE, use)

    def last_uses(self) -> dict[str, int]:
        """When each key was last used (Unix ms), as far as it was noted."""
        return {key_id: int(at_ms) for key_id, at_ms in self._read(_LAST_USES)}

    def count_audit(self, *, before_ms: int) -> int:
        """How many rows are older than that."""
        return int(self._read(f"SELECT count(*) {_OLD}", f"{before_ms:014d}")[0][0])

    def drop_audit_before(self, before_ms: int) -> None:
        """Deletes them."""
        self._write(f"DELETE {_OLD}", f"{before_ms:014d}")

    def _subject(self, tables: _Transaction, user_id: str) -> str:
        if not user_id:
            return ""
        digest = self.digest(user_id).hex()
        return _DIGEST + digest if tables.rows(_IS_ERASED, digest) else _ID + user_id

    @abstractmethod
    def digest(self, user_id: str) -> bytes:
        """The keyed digest of an id, by which an erased customer is known."""

    @abstractmethod
    def _user_tables(self, n_rows: int) -> AbstractContextManager[Any]:
        """A durable transaction."""

    @abstractmethod
    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows.  Raises LogUnavailable."""

    @abstractmethod
    def _write(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement durably.  Raises LogUnavailable."""


def _parse(_row_id: str, at_ms: int, key_id: str, role: str, kind: AuditKind, page: str, *rest: str) -> AuditRow:
    subject, detail, person = rest
    user_id = subject.removeprefix(_ID) if subject.startswith(_ID) else ""
    digest = subject.removeprefix(_DIGEST) if subject.startswith(_DIGEST) else ""
    return AuditRow(at_ms, key_id, role, kind, page, user_id, detail, digest, person)
