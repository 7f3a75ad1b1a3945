"""The dates of a whole column prove the order of day and month."""

from pathlib import Path

import pytest

from recsys.data.files import date_order
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.source import open_source


def orders(folder: Path, *dates: str, **options: tuple[str, ...]) -> dict[str, str]:
    path = folder / "a.csv"
    path.write_text("".join(f"{date},2024-01-01\n" for date in ("at", *dates)))
    mapping = ColumnMapping({}, {}, **options)  # type: ignore[arg-type]
    return dict(with_date_orders(open_source(path, mapping), mapping).date_order)


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["03/02/2024", "04/02/2024", "13/02/2024"], {"at": "day first"}),
        (["03/02/2024", "2/13/2024"], {"at": "month first"}),
        (["03/02/2024", "13/02/2024", "2/13/2024"], {}),
        (["03/02/2024", "04/05/2024"], {}),
        (["2024-02-03", "soon"], {}),
    ],
)
def test_one_day_above_12_proves_the_order_of_its_column(tmp_path: Path, dates: list[str], order: object) -> None:
    assert orders(tmp_path, *dates) == order


def test_the_proof_may_stand_in_the_last_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(date_order, "ROWS", 2)
    monkeypatch.setattr(date_order, "FIRST_ROWS", 1)
    assert orders(tmp_path, *["03/02/2024"] * 7, "2/13/2024") == {"at": "month first"}


def test_with_a_format_nothing_is_proved(tmp_path: Path) -> None:
    assert orders(tmp_path, "03/02/2024", "13/02/2024", time_formats=("%m/%d/%Y",)) == {}
