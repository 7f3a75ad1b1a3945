"""Facts of a log count occasions: an order of a line for each unit moves neither shares nor prices."""

import polars as pl

from recsys.data.dataset.dataset import read_events
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.time_units import DAY_MS
from training.gate.facts import log_facts


def test_a_line_for_each_unit_moves_no_fact() -> None:
    paid = [("tea", 1.0), ("cup", 5.0), ("tea", 3.0), ("jam", 4.0)]
    whole = [
        Event("", f"u{day}", item, Kind.PURCHASE, day * DAY_MS, 1.0, price, "o")
        for day, (item, price) in enumerate(paid)
    ]
    views = [Event("", "u1", "cup", Kind.VIEW, DAY_MS, 1.0, None, None)] * 2
    logs = [[*whole, *views], [*whole, *views, *whole[:1] * 50]]
    facts = [log_facts(read_events([pl.DataFrame(log, schema=EVENT_SCHEMA, orient="row")])) for log in logs]
    assert facts == [{"top_user": 0.5, "top_item": 0.5, "paid": 3.5}] * 2
