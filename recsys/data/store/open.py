"""Opening a store, the PostgreSQL database of a URL or the SQLite file of a home, and noticing an older log there."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from recsys.bundle import MANIFEST, Manifest
from recsys.data.lineage import Lineage, Watermark
from recsys.data.store.base import Store
from recsys.errors import BadInput, BadSettings, LogUnavailable

HIGH_WATER_FILE = "run/log-head"
_LINE = "{} {} {}"
_BYTES = 80  # always as many, so that a reader never sees half of a line


def open_store(home: Path, database_url: str | None) -> Store:
    """The PostgreSQL database of the URL, else the SQLite file `shop.db` in `home`, which is made if missing.

    A log that is older than what its home has seen of it gets a new identity.
    Raises BadSettings for a URL that cannot be used; LogUnavailable or BadFile for a file that cannot.
    """
    check = partial(notice_restore, home=home, with_releases=True)
    if not database_url:
        from recsys.data.store.sqlite import SqliteStore

        store = SqliteStore(home / "shop.db")
        check(store)
        return store
    try:
        from recsys.data.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise BadSettings("database_url is set, but psycopg is not here; pip install 'psycopg[binary]'") from None
    return PostgresStore(database_url, on_connected=check)


def notice_restore(store: Store, home: Path, *, with_releases: bool = False) -> Lineage:
    """The lineage of the log, with a new identity if the log is older than what was seen of it, else as it is.

    with_releases: counts what the releases of the home have seen, too.  Raises LogUnavailable.
    """
    seen = list(_seen(home, with_releases=with_releases))  # before the log, which only grows
    lineage = store.lineage()
    if any(mark.log_id == lineage.log_id and not lineage.covers(mark) for mark in seen):
        with suppress(LogUnavailable):  # it cannot be written now; the next call draws it
            store.draw_identity("restored", before=lineage.log_id)
        lineage = store.lineage()
    _write(home / HIGH_WATER_FILE, lineage.head)
    return lineage


def _seen(home: Path, *, with_releases: bool) -> Iterator[Watermark]:
    with suppress(OSError, ValueError):
        log_id, seq, revision = (home / HIGH_WATER_FILE).read_text("ascii").split()
        yield Watermark(log_id, int(seq), int(revision))
    for file in (home / "bundles").glob(f"*/{MANIFEST}") if with_releases else ():
        with suppress(OSError, ValidationError):
            manifest = Manifest.model_validate_json(file.read_bytes())
            yield Watermark(manifest.log_id, manifest.log_seq, manifest.item_revision)


def _write(file: Path, mark: Watermark) -> None:
    """Not durable and not whole by itself: it may miss the last moment, never be ahead of the log."""
    with suppress(OSError):  # on a full disk
        file.parent.mkdir(exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, _LINE.format(*mark).ljust(_BYTES).encode(), 0)
        finally:
            os.close(handle)


def has_store(home: Path, database_url: str | None) -> bool:
    """Whether there is one: a database is taken to exist."""
    return bool(database_url) or (home / "shop.db").exists()


def open_existing_store(home: Path, database_url: str | None) -> Store:
    """The same, but makes nothing: raises BadInput where no shop is."""
    if not has_store(home, database_url):
        raise BadInput(f"{home}: there is no shop here; check --home, or begin with `recsys import events FILE`")
    return open_store(home, database_url)
