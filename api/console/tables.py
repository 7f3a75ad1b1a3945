"""Tables of the console: columns, and the order and page that the address asks for; the server sorts and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from api.console.visit import Visit

Kind = Literal["text", "number", "money", "share", "date", "moment", "whole", "words", "id"]
ROWS = 50
MAX_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column.  kind: how its values are written.  href: address of a value's page, before its urlencoded value.

    label: stands for each value, where only its link matters.
    """

    name: str
    title: str
    kind: Kind = "text"
    href: str = ""
    hint: str = ""
    is_sortable: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class TableState:
    """What the address asks for: `order`, `rev` (the other way round) and `page` (from 1)."""

    order: str
    is_reversed: bool = False
    page: int = 1
    rows: int = ROWS

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.rows

    @classmethod
    def of_visit(cls, visit: Visit, columns: Sequence[Column], default: str, *, rows: int = ROWS) -> "TableState":
        """Order and page of the address; `default` for a column that there is not."""
        order, page = visit.query("order", default), visit.query("page", "1")
        if order not in {column.name for column in columns if column.is_sortable}:
            order = default
        number = int(page) if page.isdecimal() and len(page) < 7 else 1
        return cls(order, visit.query("rev") == "1", min(max(number, 1), MAX_PAGE), rows)


@dataclass(frozen=True, slots=True)
class DataTable:
    """A page of rows.  total: of all pages, None when it is not told.  query: what else stands in the address."""

    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    state: TableState
    total: int | None
    caption: str
    query: Mapping[str, str] = field(default_factory=dict)

    def url(self, order: str = "", page: int = 1) -> str:
        """The address of the table in another order, or of another page; the same order again turns it round."""
        state = self.state
        is_reversed = state.is_reversed if not order else (order == state.order and not state.is_reversed)
        words = {**self.query, "order": order or state.order, "page": str(page)}
        return "?" + urlencode(
            {name: word for name, word in words.items() if word} | ({"rev": "1"} if is_reversed else {})
        )

    @property
    def has_more(self) -> bool:
        if self.total is None:
            return len(self.rows) == self.state.rows
        return self.state.offset + len(self.rows) < self.total


def table_page(
    visit: Visit, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], *, default: str, caption: str
) -> DataTable:
    """A table of rows that are all here, sorted and cut as the address asks; numbers fall, texts rise."""
    state = TableState.of_visit(visit, columns, default)
    kinds = {column.name: column.kind for column in columns}
    known = [row for row in rows if row.get(state.order) is not None]
    falls = (kinds[state.order] not in ("text", "words", "id")) != state.is_reversed
    known.sort(key=lambda row: row[state.order], reverse=falls)
    ordered = [*known, *(row for row in rows if row.get(state.order) is None)]
    shown = ordered[state.offset : state.offset + state.rows]
    query = {name: word for name, word in visit.request.query_params.items() if name not in ("order", "rev", "page")}
    return DataTable(columns, shown, state, len(rows), caption, query)
