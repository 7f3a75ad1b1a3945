"""Copy of the log: one moment of it as a SQLite file, whichever database it is in."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE
from recsys.data.lineage import IDENTITIES, NUMBERS
from recsys.data.store.open import has_store
from training.backup.manifest import LogSummary
from training.backup.sqlite_snapshot import copy_snapshot, sqlite_snapshot

LOG_FILE = "shop.db"
COUNTED = (  # tables
    "events",
    "items",
    "users",
    "forgotten",
    "erased",
    "receipts",
    "facts",
    "deleted_coupons",
    "campaigns",
    "campaign_members",
    "audit",
    "key_uses",
)
COMPANIONS = ("-wal", "-shm", "-place")
ANSWERS = "SELECT count(*) FROM shown"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LogCopy:
    """A held moment of the log; `write` copies it to a file of SQLite."""

    summary: LogSummary
    write: Callable[[Path, Report], None]


@contextmanager
def held_log(home: Path, database_url: str | None) -> Iterator[LogCopy | None]:
    """The log as it is now, until the end; None for a home without one.  Raises LogUnavailable."""
    if not has_store(home, database_url):
        yield None
    elif database_url:
        from training.backup.postgres_copy import copy_to_sqlite, postgres_snapshot

        with postgres_snapshot(database_url) as snapshot:
            yield LogCopy(
                summarize("postgres", lambda sql: snapshot.execute(sql.encode()).fetchall()),
                lambda path, report: copy_to_sqlite(snapshot, path, lambda n: report(f"log: {n:,} rows")),
            )
    else:
        with sqlite_snapshot(home / LOG_FILE) as source:
            yield LogCopy(
                summarize("sqlite", lambda sql: source.execute(sql).fetchall()),
                lambda path, report: copy_snapshot(source, path, lambda share: report(f"log: {share:.0%}")),
            )


def summarize(
    kind: Literal["sqlite", "postgres"],
    read: Callable[[str], list[tuple[Any, ...]]],
    tables: Collection[str] = COUNTED,
) -> LogSummary:
    """Identity, last numbers and rows of a log, by its answers to queries.  tables: of COUNTED, those to count."""
    ((seq, revision),) = read(NUMBERS)
    rows = {name: int(read(f"SELECT count(*) FROM {name}")[0][0]) for name in COUNTED if name in tables}
    log_ids = tuple(str(identity[0]) for identity in read(IDENTITIES))
    return LogSummary(kind=kind, log_ids=log_ids, seq=seq, revision=revision, rows=rows)


def copy_answer_log(home: Path, folder: Path, report: Report) -> int:
    """Copies the answer log into that folder, and returns its answers; 0 for a home without one."""
    if not (home / ANSWER_LOG_FILE).is_file():
        return 0
    with sqlite_snapshot(home / ANSWER_LOG_FILE) as source:
        n_answers = int(source.execute(ANSWERS).get)
        copy_snapshot(source, folder / ANSWER_LOG_FILE, lambda share: report(f"answers: {share:.0%}"))
    drop_companions(folder / ANSWER_LOG_FILE)
    return n_answers


def drop_companions(database: Path) -> None:
    """Deletes the files beside a closed database, all of which is in its file."""
    for end in COMPANIONS:
        database.with_name(database.name + end).unlink(missing_ok=True)
