"""An evaluation of given files: as tables for the terminal, as plain data, and its lists row by row."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Group
from rich.table import Table

from eval.files.loader import doubles_told
from eval.files.model_args import AUTO
from eval.files.run import FileEvaluation
from eval.files.scoring import Entry
from eval.formatting import verdict_markup
from eval.protocol import BEST_SELLERS
from eval.replay import ReplayedLists
from eval.scoring.results import Result
from eval.stats.paired import Comparison
from recsys.learning.fit import MIN_USERS
from recsys.models.registry import BUY_AGAIN

COLUMNS = {"ndcg": "nDCG", "recall": "recall", "precision": "prec.", "map": "MAP", "hit": "hit"}
READING = (
    "±: half of the 95 % interval of nDCG. MAP: rewards early hits; hit: lists with at least one; seen: share of the "
    "catalogue that stands in any list. All items are ranked, none is sampled; equal scores stand in order of the "
    "item's id."
)

PARTS = {
    "repeat": "the same lists judged only by what each customer has in the training file",
    "new": "the same lists judged only by what each customer does not have there",
}
DISCOVER = "discover"  # where nothing is shown that the customer had
DOUBLES_COUNT = "each counts as taken again, so leave it out where it is none"
READ_AS = {"days": "days", "visits": "each customer's visits, the last ones of all at one moment"}


def rendered(found: FileEvaluation) -> Group:
    """The tables, one for each length, and what one must know to read them."""
    tables = [part for k in found.terms.ks for part in ("", _table(found, k))]
    return Group(_head(found), *tables, "", _judging(found), _verdicts(found), "", READING, *_notes(found))


def as_data(found: FileEvaluation) -> dict[str, Any]:
    """Everything but the lists, as JSON types; an infinite setting is the text "inf"."""
    return {
        "protocol": {
            **asdict(found.terms),
            "catalogue": found.n_items,
            "customers": found.n_customers,
            "strangers": found.n_strangers,
            "held_back": found.n_held_back,
            "held_back_of_unknown_items": found.n_unknown_items,
            "ties": "by item id",
            "interval": "95 %, bootstrap over customers",
            "chances": "p two-sided from paired resamples; p_holm: Holm 1979 over all models against the same baseline",
            "compared_in": _compared_in(found),
            "parts": PARTS,
        },
        "train": asdict(found.train),
        "test": asdict(found.test),
        "models": [_entry(entry, _compared_in(found)) for entry in found.entries],
    }


def write_lists(found: FileEvaluation, path: Path) -> None:
    """model, user, item, rank (from 1), score: a row for each place of each list, as CSV."""
    with path.open("wb") as file:
        for at, (name, shown) in enumerate(found.lists.items()):
            _rows(name, shown, found).write_csv(file, include_header=at == 0)


def _rows(name: str, shown: ReplayedLists, found: FileEvaluation) -> pl.DataFrame:
    customer, place = np.nonzero(shown.lists.shown)
    user_ids, item_ids = pl.Series(found.user_ids, dtype=pl.String), pl.Series(found.item_ids, dtype=pl.String)
    return pl.DataFrame(
        {
            "model": pl.repeat(name, len(customer), eager=True),
            "user": user_ids.gather(customer),
            "item": item_ids.gather(shown.lists.item[customer, place]),
            "rank": place + 1,
            "score": shown.score[customer, place],
        }
    )


def _compared_in(found: FileEvaluation) -> str:
    return f"ndcg@{found.terms.k}"


def _entry(entry: Entry, compared_in: str) -> dict[str, Any]:
    told = asdict(entry)
    told |= {key: _plain(told[key]) for key in ("settings", "resolved")}
    told["against"] = _against(entry.against, compared_in)
    told["parts"] = {task: _part(part, compared_in) for task, part in entry.parts.items()}
    told["groups"] = [
        {"family": group.slice, "name": group.name, **_part(group.result, compared_in)} for group in entry.groups
    ]
    return told


def _part(part: Result, compared_in: str) -> dict[str, Any]:
    told = {metric: asdict(estimate) for metric, estimate in part.metrics.items()}
    return {"customers": part.n_customers, "metrics": told, "against": _against(part.against, compared_in)}


def _against(against: Mapping[str, Comparison], compared_in: str) -> dict[str, dict[str, Any]]:
    return {
        rival: {
            **asdict(told),
            "metric": compared_in,
            "difference": told.difference,
            "verdict": told.verdict,
            "words": told.words,
        }
        for rival, told in against.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _head(found: FileEvaluation) -> str:
    terms = found.terms
    hidden = "without what each has in the training file" if terms.is_hiding else "with what each has already"
    return (
        f"{found.n_customers:,} customers, {found.n_held_back:,} held-back items, lists {hidden}; "
        f"all {found.n_items:,} items of {found.train.path} ranked; seed {terms.seed}."
    )


def _table(found: FileEvaluation, k: int) -> Table:
    table = Table(title=f"Lists of {k}", title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("list", overflow="fold")
    for heading in ("nDCG", "±", *list(COLUMNS.values())[1:], "seen", "fit s", "ask s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in found.entries:
        ndcg = entry.metrics[f"ndcg@{k}"]
        others = [_short(entry.metrics[f"{metric}@{k}"].mean) for metric in list(COLUMNS)[1:]]
        seconds = [f"{seconds:.1f}" for seconds in (entry.fit_seconds, entry.answer_seconds)]
        half = _short((ndcg.high - ndcg.low) / 2)
        table.add_row(entry.name, _short(ndcg.mean), half, *others, _short(entry.shelf[f"coverage@{k}"], 3), *seconds)
    return table


def _judging(found: FileEvaluation) -> str:
    return (
        f"What each model is worth, in nDCG of lists of {found.terms.k}, by paired 95 % intervals over customers; "
        "among all models, so that none is believed because many were tried (Holm):"
    )


def _verdicts(found: FileEvaluation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(overflow="fold", max_width=24)
    table.add_column(overflow="fold")
    for entry in found.entries:
        for rival, comparison in entry.against.items() if entry.kind != "baseline" else ():
            table.add_row(entry.name, verdict_markup(rival, comparison, comparison.words))
    return table


def _short(number: float, digits: int = 4) -> str:
    return f"{number:.{digits}f}".replace("0.", ".", 1) if number < 1 else f"{number:.{digits - 1}f}"


def _notes(found: FileEvaluation) -> list[str]:
    """What was left out and why, who is a stranger, and what `auto` chose by."""
    notes = [
        f"{facts.path}: {count:,} of {facts.rows:,} rows left out: {why}."
        for facts in (found.train, found.test)
        for why, count in facts.dropped.items()
    ]
    notes += doubles_told(found.train, DOUBLES_COUNT)
    if found.train.weight_means != "nothing":
        column = found.train.columns.get("rating") or found.train.columns["weight"]
        notes.append(f"Column {column!r} is read as {found.train.weight_means}.")
    if found.train.times_count != "moments":
        notes.append(f"Times are small whole numbers: read as {READ_AS[found.train.times_count]}.")
    if found.n_strangers:
        notes.append(
            f"{found.n_strangers:,} customers are not in the training file; they count, with what a stranger is shown."
        )
    if found.n_unknown_items:
        notes.append(f"{found.n_unknown_items:,} held-back items are not in the training file; they count as missed.")
    auto = next((entry for entry in found.entries if entry.kind == AUTO), None)
    if auto is not None:
        notes += _of_auto(auto)
    parted = {name: words for entry in found.entries for name, words in entry.settings.get("parted", {}).items()}
    notes += [f"{name}: {words}." for name, words in parted.items()]
    weak = [entry.name for entry in found.entries if _is_worse(entry)]
    return [*notes, *(f"[yellow]{name} does not beat the best-sellers here.[/]" for name in weak)]


def _of_auto(auto: Entry) -> list[str]:
    """What it blends and mixes, and what it does without."""
    told = auto.settings
    blend = ", ".join(f"{name} {weight:.2f}" for name, weight in told["weights"].items() if weight > 0)
    what = "blends" if told["placement"] == DISCOVER else "blends new things from"
    how = (
        "chosen by" if told["judges"] >= MIN_USERS else f"in equal parts: too few ({told['judges']:,}) to choose by in"
    )
    chosen = f"auto {what} {blend}, {how} {told['held_back']} of the training file."
    left_out = [f"auto leaves {name} out: {why}." for name, why in told["left_out"].items()]
    return [chosen, *([] if told["placement"] == DISCOVER else [_mix(told)]), *left_out]


def _mix(told: Mapping[str, Any]) -> str:
    """How what is bought again and what is new become one list: by their chances, or by the share of repeats."""
    share, best = f"{100 * told['repeat_share']:.0f} %", told["best_chances"]
    if not {BUY_AGAIN, DISCOVER} <= best.keys():
        return (
            f"auto gives {share} of the places to what each customer had before ({BUY_AGAIN}), the rest to new things: "
            "as they were taken in the part held back, which is too small to learn chances from."
        )
    again, new = (f"up to {100 * best[name]:.1f} %" for name in (BUY_AGAIN, DISCOVER))
    return (
        f"auto puts what each customer had before ({BUY_AGAIN}, chances {again}) beside new things "
        f"({DISCOVER}, {new}), the likelier first; {share} of what was held back was taken again."
    )


def _is_worse(entry: Entry) -> bool:
    comparison = entry.against.get(BEST_SELLERS)
    return entry.kind != "baseline" and comparison is not None and comparison.verdict == "worse"
