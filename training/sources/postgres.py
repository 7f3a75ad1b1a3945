"""Query of PostgreSQL as an import source: rows above the watermark of the last import, by a server-side cursor."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import polars as pl

from recsys.config import spelling_hint
from recsys.data.files.table_formats import FORMATS
from recsys.errors import BadFile, BadInput, BadSettings
from recsys.redaction import redacted
from training.sources.source import SourcePart
from training.sources.state import SourceState

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

KEY = "watermark"
PAGE_BYTES, FIRST_ROWS, MAX_ROWS = 16 * 2**20, 100, 50_000
TIMES, WHOLE, FRACTIONS = (1082, 1114, 1184), (20, 21, 23), (700, 701)  # type numbers, fixed in PostgreSQL
NUMERIC, BOOLEAN = 1700, 16
OVERLAP_OF_TIMES, OVERLAP_OF_NUMBERS = "1 hour", "1000"
AS_TEXT = ("numeric", "date", "timestamp", "timestamptz", "time", "timetz", "interval", "json", "jsonb", "uuid")
DEFAULTS = {"connect_timeout": 10, "client_encoding": "utf8", "application_name": "recsys import"}
SESSION = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'"


@dataclass(frozen=True, slots=True)
class PostgresSource:
    """The rows of a query.  watermark: a column that grows with each change; without one all rows are read each time.

    The next import reads from `overlap` below the highest watermark, because rows of longer transactions appear late:
    an interval such as `1 hour`, or a number.  Rows without a watermark are read each time.
    """

    url: str = field(repr=False)
    query: str
    watermark: str | None = None
    overlap: str | None = None

    @property
    def label(self) -> str:
        return redacted(self.url, self.url)

    @property
    def identity(self) -> str:
        return f"{self.label} {self.query} {self.watermark}"

    def new_parts(self, state: SourceState, spool: Path) -> Iterator[SourcePart]:
        """One part with all rows that are new, none without any: a file, because they may not fit in memory."""
        file = spool / "rows.parquet"
        with self._connection() as connection:
            source = self._source(connection)
            rows = self._since(source, state.marks.get(KEY))
            mark = self._next_mark(connection, rows) if self.watermark else None
            n_rows = _write_rows(connection, rows, file)
        done = partial(state.save, KEY, mark) if mark is not None and mark != state.marks.get(KEY) else _nothing
        if n_rows:
            yield SourcePart(file, self.label, done)

    @contextmanager
    def _connection(self) -> "Iterator[Connection[Any]]":
        """A connection in one read-only snapshot, so that the rows and their watermark belong together."""
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
            from psycopg.types.string import TextLoader
        except ModuleNotFoundError:
            raise BadSettings(f"{self.label}: psycopg is not here; pip install 'recsys-shop[postgres]'") from None
        try:
            with psycopg.connect(**cast(dict[str, Any], {**DEFAULTS, **conninfo_to_dict(self.url)})) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                for name in AS_TEXT:
                    connection.adapters.register_loader(name, TextLoader)
                connection.execute(SESSION)
                yield connection
        except psycopg.OperationalError as error:
            raise BadFile(f"{self.label}: does not answer: {redacted(str(error), self.url)}") from None
        except psycopg.Error as error:
            raise BadInput(f"{self.label}: {redacted(str(error), self.url)}; check --query and --watermark") from None

    def _source(self, connection: "Connection[Any]") -> "Composed":
        from psycopg.sql import SQL

        # the new line ends a comment at the end of the query
        source = SQL("(\n{}\n) AS source").format(SQL(cast(Any, self.query.strip().rstrip(";"))))
        names = [name for name, _ in _columns(connection, SQL("SELECT * FROM {} LIMIT 0").format(source))]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BadInput(f"--query: two columns are called {twice[0]}; write AS and another name behind one")
        if self.watermark is not None and self.watermark not in names:
            raise BadInput(f"--watermark {self.watermark}: no such column; {spelling_hint(self.watermark, names)}")
        return source

    def _next_mark(self, connection: "Connection[Any]", rows: "Composed") -> str | None:
        """From where the next import reads; None where no row has a watermark."""
        from psycopg.sql import SQL, Identifier, Literal

        column = Identifier(self.watermark or "")
        ((_, kind),) = _columns(connection, SQL("SELECT {} FROM ({}) AS new LIMIT 0").format(column, rows))
        if kind in TIMES:
            lower = SQL("max({}) - {}::interval").format(column, Literal(self.overlap or OVERLAP_OF_TIMES))
        elif kind in (*WHOLE, *FRACTIONS, NUMERIC):
            lower = SQL("floor(max({})::numeric - {})").format(column, Literal(self.overlap or OVERLAP_OF_NUMBERS))
        else:
            raise BadInput(f"--watermark {self.watermark}: is neither a time nor a number; name a column that is")
        row = connection.execute(SQL("SELECT ({})::text FROM ({}) AS new").format(lower, rows)).fetchone()
        return row[0] if row else None

    def _since(self, source: "Composed", mark: str | None) -> "Composed":
        from psycopg.sql import SQL, Identifier, Literal

        rows: Composed = SQL("SELECT * FROM {}").format(source)
        if self.watermark is None or mark is None:
            return rows
        column = Identifier(self.watermark)
        return SQL("{} WHERE {} >= {} OR {} IS NULL").format(rows, column, Literal(mark), column)


def _nothing() -> None:
    pass


def _columns(connection: "Connection[Any]", query: "Composed") -> list[tuple[str, int]]:
    """Name and type number of each column."""
    return [(column.name, column.type_code) for column in connection.execute(query).description or ()]


def _write_rows(connection: "Connection[Any]", query: "Composed", file: Path) -> int:
    """Writes the rows as Parquet, page by page; returns how many there are."""
    pages, n_rows, n = list[Path](), 0, FIRST_ROWS
    with connection.cursor(name="recsys_import") as cursor:
        cursor.execute(query)
        schema: dict[str, Any] = {column.name: _dtype(column.type_code) for column in cursor.description or ()}
        while rows := cursor.fetchmany(n):
            page = _frame(rows, schema)
            pages.append(file.with_name(f"page-{len(pages):06}"))
            pages[-1].write_bytes(FORMATS["parquet"].encode(page))
            n_rows += len(rows)
            n = max(1, min(MAX_ROWS, PAGE_BYTES * len(rows) // max(int(page.estimated_size()), 1)))
    with file.open("wb") as out:
        FORMATS["parquet"].join(pages, schema, out)
    for each in pages:
        each.unlink()
    return n_rows


def _dtype(kind: int) -> type[pl.DataType]:
    """Decimals stay text, which is read as exactly as in a CSV."""
    if kind == BOOLEAN:
        return pl.Boolean
    return pl.Int64 if kind in WHOLE else pl.Float64 if kind in FRACTIONS else pl.String


def _frame(rows: Sequence[Sequence[Any]], schema: dict[str, Any]) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    cells = {
        name: [*map(_text, column)] if schema[name] == pl.String else column
        for name, column in zip(schema, columns, strict=True)
    }
    return pl.DataFrame(cells, schema=schema)


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return orjson.dumps(cell, default=str).decode() if isinstance(cell, list | dict) else str(cell)
