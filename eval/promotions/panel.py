"""Panel of promotions: a file of displays, mailers or other flags by item, store and week, joined with purchases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from eval.promotions.effect import PromotionPanel
from recsys.data.dataset.occasions import first_lines
from recsys.data.events import PURCHASE
from recsys.data.files.readers import open_table
from recsys.errors import BadInput, NotEnoughData

KEYS: Final = ("item_id", "channel", "week")
NO: Final = ("", "0", "false", "no", "none", "nan")  # cells that say that a flag is off
CHUNK_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class FlagColumns:
    """The columns of a file by target: item_id, channel (the store) and week, and at least one flag by its name.

    first_day: of week 1; weeks are counted from 1.
    """

    columns: Mapping[str, str]
    first_day: date

    @property
    def flags(self) -> list[str]:
        return [name for name in self.columns if name not in KEYS]


def parse_columns(text: str, first_day: date) -> FlagColumns:
    """The columns of `item_id=COLUMN,channel=COLUMN,week=COLUMN,NAME=COLUMN`.  Raises BadInput."""
    pairs = dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
    columns = FlagColumns({key.strip(): value.strip() for key, value in pairs.items()}, first_day)
    missing = [key for key in KEYS if key not in columns.columns]
    if missing or not columns.flags:
        raise BadInput(
            f"--map {text}: name {', '.join([*missing, *([] if columns.flags else ['a flag, such as display'])])}"
        )
    return columns


def build_panel(events: pl.DataFrame, file: Path, columns: FlagColumns, most_items: int) -> PromotionPanel:
    """Every week of the file for the items that were bought most often and every store of the file.

    A purchase is a line of a receipt: units of one are no choices of their own.  Items that no promotion names are left
    out.  Raises BadFile, BadInput, NotEnoughData.
    """
    bought = _purchases(events, columns)
    items = bought.group_by("item_id").agg(pl.col("n").sum()).sort(["n", "item_id"], descending=[True, False])
    flags = _read_flags(file, columns, items["item_id"].to_list())
    if not len(flags):
        raise NotEnoughData(f"{file}: names no item that was bought; check the columns of --map")
    known = set(flags["item_id"].unique().to_list())
    kept = [item_id for item_id in items["item_id"].to_list() if item_id in known][:most_items]
    flags = flags.filter(pl.col("item_id").is_in(kept))
    stores, weeks = flags["channel"].unique().sort().to_list(), flags["week"].unique()
    sold = bought.filter(
        pl.col("item_id").is_in(kept) & pl.col("channel").is_in(stores) & pl.col("week").is_in(weeks.implode())
    )
    return _panel(flags, sold, kept, stores, len(weeks), columns.flags)


def _purchases(events: pl.DataFrame, columns: FlagColumns) -> pl.DataFrame:
    if events["channel"].null_count() == len(events):
        raise BadInput("no event says its store; import them with --map channel=COLUMN")
    week_ms, first_ms = 7 * 86_400_000, (columns.first_day - date(1970, 1, 1)).days * 86_400_000
    lines = first_lines(events.filter((pl.col("kind") == PURCHASE) & pl.col("channel").is_not_null()))
    week = (pl.col("at_ms") - first_ms).floordiv(week_ms).cast(pl.Int32) + 1
    ids = [pl.col(name).cast(pl.String) for name in ("item_id", "channel")]
    return lines.select(*ids, week.alias("week")).group_by("item_id", "channel", "week").agg(pl.len().alias("n"))


def _read_flags(file: Path, columns: FlagColumns, item_ids: Sequence[str]) -> pl.DataFrame:
    """The lines with a flag of some value, for those items; of the same cell all flags hold together."""
    table = open_table(file)
    for column in columns.columns.values():
        if column not in table.columns:
            raise BadInput(f"{file}: has no column {column!r}; it has {', '.join(table.columns)}")
    is_on = [
        (~pl.col(columns.columns[name]).cast(pl.String).str.strip_chars().str.to_lowercase().is_in(NO))
        .fill_null(value=False)
        .alias(name)
        for name in columns.flags
    ]
    keys = [pl.col(columns.columns[name]).cast(pl.String).alias(name) for name in ("item_id", "channel")]
    week = pl.col(columns.columns["week"]).cast(pl.Int32, strict=False).alias("week")
    wanted = pl.Series(item_ids, dtype=pl.String)
    parts = [
        chunk.rows.lazy().select(*keys, week, *is_on).filter(pl.col("item_id").is_in(wanted.implode())).collect()
        for chunk in table.chunks(CHUNK_ROWS)
    ]
    every = pl.concat(parts) if parts else pl.DataFrame(schema={"item_id": pl.String})
    if not len(every):
        return every
    return every.drop_nulls("week").group_by(*KEYS).agg(pl.col(name).any() for name in columns.flags)


def _panel(
    flags: pl.DataFrame, sold: pl.DataFrame, items: Sequence[str], stores: Sequence[str], n_weeks: int, names: list[str]
) -> PromotionPanel:
    """Cells with flags and with sales, and the weeks of each item and store without any line."""
    every = flags.join(sold, on=list(KEYS), how="full", coalesce=True)
    every = every.with_columns(pl.col("n").fill_null(0), *(pl.col(name).fill_null(value=False) for name in names))
    pair = ["item_id", "channel"]
    cells = every.group_by(*pair, *names).agg(pl.col("n").sum(), pl.len().alias("weeks"))
    grid = pl.DataFrame({"item_id": list(items)}).join(pl.DataFrame({"channel": list(stores)}), how="cross")
    seen = cells.group_by(*pair).agg(pl.col("weeks").sum())
    rest = (
        grid.join(seen, on=pair, how="left")
        .select(
            *pair,
            *(pl.lit(value=False).alias(name) for name in names),
            pl.lit(0, pl.UInt32).alias("n"),
            (n_weeks - pl.col("weeks").fill_null(0).cast(pl.Int64)).alias("weeks"),
        )
        .filter(pl.col("weeks") > 0)
    )
    cells = pl.concat([cells.cast({"n": pl.Int64, "weeks": pl.Int64}), rest.cast({"n": pl.Int64})])
    cells = cells.group_by(*pair, *names).agg(pl.col("n").sum(), pl.col("weeks").sum()).sort(*pair, *names)
    place = {name: at for at, name in enumerate(items)}, {name: at for at, name in enumerate(stores)}
    codes = [
        np.array([known[name] for name in cells[column].to_list()], np.int32)
        for column, known in zip(pair, place, strict=True)
    ]
    return PromotionPanel(
        codes[0],
        codes[1],
        cells.select(names).to_numpy().astype(bool),
        cells["weeks"].to_numpy().astype(np.int64),
        cells["n"].to_numpy().astype(np.int64),
        names,
    )
