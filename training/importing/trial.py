"""Trial of an import: every line is read and checked as by the import, and nothing is stored."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from typing import Any

from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.store.identity import AppendResult

SAMPLE, DIGITS = 5, 6


@dataclass(slots=True)
class ImportTrial:
    """Takes rows in the place of a store, and keeps the first as they would be stored."""

    sample: list[dict[str, Any]] = field(default_factory=list)

    def append(self, rows: Sequence[Event] | Sequence[Fact]) -> list[AppendResult]:
        """All of them count as stored: what is stored already is not looked up."""
        self.keep(rows)
        return [True] * len(rows)

    def keep(self, rows: Sequence[Any]) -> None:
        self.sample += map(_as_read, rows[: SAMPLE - len(self.sample)])


def _as_read(row: Any) -> dict[str, Any]:
    """What is known of the row, times and kinds as people write them."""
    values = asdict(row) if is_dataclass(row) and not isinstance(row, type) else row._asdict()
    kinds = FactKind if isinstance(row, Fact) else Kind
    shown = {name.removesuffix("_ms"): _written(name, value, kinds) for name, value in values.items()}
    return {name: value for name, value in shown.items() if value not in (None, {}, [], "", False)}


def _written(name: str, value: Any, kinds: type[Kind] | type[FactKind]) -> Any:
    if name.endswith("_ms") and value is not None:
        return f"{datetime.fromtimestamp(value / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if name == "kind":
        return kinds(value).name.lower()
    return round(value, DIGITS) if isinstance(value, float) else value
