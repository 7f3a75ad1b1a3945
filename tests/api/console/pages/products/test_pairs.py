"""Pairs in the console: sortable figures of the service's report, and numbers that are refused in words."""

import orjson
import pytest

from api.live import log_reports
from api.openapi.kpi_examples import KPI_EXAMPLES
from tests.api.console.conftest import HOSTILE, Browser

URL = "/console/pairs"


def test_pairs_are_counted_on_demand_and_sorted(console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []
    pair = KPI_EXAMPLES["PairsOut"]["pairs"][0]
    rare = {**pair, "first": "rare", "first_name": HOSTILE, "baskets": 60, "lift": 90.0}

    async def answer(_home: object, words: tuple[str, ...]) -> bytes:
        calls.append(words)
        return orjson.dumps({**KPI_EXAMPLES["PairsOut"], "n_pairs": 2, "pairs": [pair, rare]})

    monkeypatch.setattr(log_reports, "run_command", answer)
    assert "Counting takes some seconds" in console.get(URL).text
    assert calls == []
    text = console.get(URL, params={"count": "1", "least": "20"}).text
    assert text.index(">rare<") < text.index(">995242<")
    assert '"><img' not in text
    assert all(words in text for words in ("interval of 95 %", "of 140,882 baskets".capitalize(), "As of"))
    by_baskets = console.get(URL, params={"count": "1", "least": "20", "order": "baskets"}).text
    assert by_baskets.index(">995242<") < by_baskets.index(">rare<")
    assert calls == [("pairs", "--by=item", "--least", "20", "--order", "lift", "--limit", "5000")]


def test_a_number_that_is_none_is_told(console: Browser) -> None:
    answer = console.get(URL, params={"count": "1", "least": "many"})
    assert (answer.status_code, "type a whole number" in answer.text) == (422, True)
