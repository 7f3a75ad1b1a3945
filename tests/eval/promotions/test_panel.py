"""Panel of promotions: every week of the file counts, also without a purchase; cells that say no are off."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from eval.promotions.panel import build_panel, parse_columns
from recsys.data.events import PURCHASE
from recsys.errors import BadInput

DAY_MS = 86_400_000
MONDAY_MS = 20_451 * DAY_MS  # 2025-12-29
MAP = "item_id=sku,channel=shop,week=week,display=shelf"


def events() -> pl.DataFrame:
    units = [("a", "s1", 8)] * 3  # three lines of one basket
    rows = [("a", "s1", 0), *units, ("a", "s1", 9), ("b", "s2", 1), ("c", "s1", 1)]
    return pl.DataFrame(
        {
            "item_id": [item for item, _, _ in rows],
            "channel": [store for _, store, _ in rows],
            "at_ms": [MONDAY_MS + day * DAY_MS for _, _, day in rows],
            "kind": PURCHASE,
            "user_id": "ann",
            "order_id": None,
        },
        schema_overrides={"order_id": pl.String},
    )


def test_cells_hold_weeks_with_and_without_a_flag(tmp_path: Path) -> None:
    file = tmp_path / "flags.csv"
    file.write_text("sku,shop,week,shelf\na,s1,2,front\na,s1,1,0\nb,s2,3,No\nz,s1,1,x\n")
    panel = build_panel(events(), file, parse_columns(MAP, date(2025, 12, 29)), 10)
    cells = {
        (item, store, on): (weeks, n)
        for item, store, on, weeks, n in zip(
            panel.item.tolist(),
            panel.store.tolist(),
            panel.flags[:, 0].tolist(),
            panel.weeks.tolist(),
            panel.purchases.tolist(),
            strict=True,
        )
    }
    assert cells == {
        (0, 0, True): (1, 2),  # a in s1, week 2
        (0, 0, False): (2, 1),
        (0, 1, False): (3, 0),
        (1, 0, False): (3, 0),
        (1, 1, False): (3, 1),
    }


@pytest.mark.parametrize(
    ("text", "problem"), [("item_id=a,week=w,display=d", "name channel"), ("item_id=a,channel=c,week=w", "a flag")]
)
def test_columns_that_are_missing_are_named(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        parse_columns(text, date(2025, 12, 29))
