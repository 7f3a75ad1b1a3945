"""Movers in the console: what rose and fell, what of it is sure, beside the whole shop."""

from typing import Any

import orjson
import pytest

from api.live import log_reports
from api.openapi.kpi_examples import KPI_EXAMPLES
from tests.api.console.conftest import Browser

URL = "/console/movers"
ROW = KPI_EXAMPLES["MoversOut"]["items"][0]
ROWS: list[dict[str, Any]] = [
    {**ROW, "item_id": "riser"},
    {**ROW, "item_id": "faller", "difference": -20.0, "low": -30.0, "high": -10.0, "change": -0.5},
    {**ROW, "item_id": "chance", "is_clear": False},
]


def test_risers_and_fallers_stand_apart_and_chance_only_where_asked_for(
    console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []

    async def answer(_home: object, words: tuple[str, ...]) -> bytes:
        calls.append(words)
        return orjson.dumps({**KPI_EXAMPLES["MoversOut"], "items": ROWS})

    monkeypatch.setattr(log_reports, "run_command", answer)

    def shown(**query: str) -> set[str]:
        text = console.get(URL, params={"count": "1", "days": "14", **query}).text
        return {item_id for item_id in ("riser", "faller", "chance") if f">{item_id}<" in text}

    assert shown() == {"riser"}
    assert shown(way="fall") == {"faller"}
    assert shown(way="all", sure="0") == {"riser", "faller", "chance"}
    shown(against="year")
    assert calls == [
        ("movers", "--days", "14", "--back=14", "--limit", "2000"),
        ("movers", "--days", "14", "--back=364", "--limit", "2000"),
    ]
