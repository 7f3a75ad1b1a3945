"""Opening a store: the PostgreSQL database of a URL, else the SQLite file of a home."""

from pathlib import Path

from recsys.data.store.base import Store
from recsys.errors import BadSettings


def open_store(home: Path, database_url: str | None) -> Store:
    """The PostgreSQL database of the URL, else the SQLite file `shop.db` in `home`, which is made if missing.

    Raises BadSettings for a URL that cannot be used; LogUnavailable or BadFile for a file that cannot.
    """
    if not database_url:
        from recsys.data.store.sqlite import SqliteStore

        return SqliteStore(home / "shop.db")
    try:
        from recsys.data.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise BadSettings("database_url is set, but psycopg is not here; pip install 'recsys[postgres]'") from None
    return PostgresStore(database_url)
