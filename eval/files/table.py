"""Output of an evaluation of files: tables for the terminal, plain data, and the lists row by row."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Group
from rich.table import Table

from eval.files.file_rows import FileFacts, dropped_notes
from eval.files.model_args import AUTO
from eval.files.results import Entry, FileEvaluation
from eval.files.users import is_later
from eval.formatting import open_table, verdict_markup, verdict_table
from eval.protocol import BEST_SELLERS
from eval.replay import ReplayedLists
from eval.scoring.scorer import Result
from eval.stats.paired import Comparison
from recsys.atomic_file import open_private
from recsys.data.files.spreadsheet_csv import write_csv
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
DISCOVER = "discover"  # the placement without items that the customer had
DOUBLES_COUNT = "each counts as taken again, so leave it out where it is none"
LINES_OF_ONE_ORDER = "they are lines of one order or day, which count once"
READ_AS = {"days": "days", "visits": "each customer's visits, the last ones of all at one moment"}
PARTED_AS = {
    "weeks": "split at one moment (time)",
    "visit": "split before the last visit of each customer (visit)",
    "chance": "split at random (random)",
}


def double_notes(facts: FileFacts) -> list[str]:
    """The sentence about rows of a training file that stand in it twice, and whether they count twice."""
    is_merged = facts.weight_means != "ratings" and not facts.columns.keys().isdisjoint(("time", "order_id"))
    return facts.double_notes(LINES_OF_ONE_ORDER if is_merged else DOUBLES_COUNT)


def rendered(evaluation: FileEvaluation) -> Group:
    """The tables, one for each length, with their explanation."""
    tables = [part for k in evaluation.terms.ks for part in ("", _table(evaluation, k))]
    return Group(
        _head(evaluation), *tables, "", _judging(evaluation), _verdicts(evaluation), "", READING, *_notes(evaluation)
    )


def as_data(evaluation: FileEvaluation) -> dict[str, Any]:
    """Everything but the lists, as JSON types; an infinite setting is the text "inf"."""
    return {
        "protocol": {
            **asdict(evaluation.terms),
            "catalogue": evaluation.n_items,
            "customers": evaluation.n_customers,
            "strangers": evaluation.n_strangers,
            "held_back": evaluation.n_held_back,
            "held_back_of_unknown_items": evaluation.n_unknown_items,
            "ties": "by item id",
            "interval": "95 %, bootstrap over customers",
            "chances": "p two-sided from paired resamples; p_holm: Holm 1979 over all models against the same baseline",
            "compared_in": evaluation.terms.compared_in,
            "taken_for": PARTED_AS[evaluation.split],
            "doubt": evaluation.doubt,
            "parts": PARTS,
        },
        "train": asdict(evaluation.train),
        "test": asdict(evaluation.test),
        "models": [_entry_data(entry, evaluation.terms.compared_in) for entry in evaluation.entries],
    }


def write_lists(evaluation: FileEvaluation, path: Path) -> None:
    """model, user, item, rank (from 1), score: a row for each place of each list, as CSV."""
    with open_private(path, "wb") as file:
        for at, (name, replayed) in enumerate(evaluation.lists.items()):
            write_csv(_rows(name, replayed, evaluation), file, include_header=at == 0)


def _rows(name: str, replayed: ReplayedLists, evaluation: FileEvaluation) -> pl.DataFrame:
    customer, place = np.nonzero(replayed.lists.shown)
    ids = (evaluation.user_ids, evaluation.item_ids)
    user_ids, item_ids = (pl.Series(each, dtype=pl.String) for each in ids)
    return pl.DataFrame(
        {
            "model": pl.repeat(name, len(customer), eager=True),
            "user": user_ids.gather(customer),
            "item": item_ids.gather(replayed.lists.item[customer, place]),
            "rank": place + 1,
            "score": replayed.score[customer, place],
        }
    )


def _entry_data(entry: Entry, compared_in: str) -> dict[str, Any]:
    data = asdict(entry)
    data |= {key: _plain(data[key]) for key in ("settings", "resolved")}
    data["against"] = _against(entry.against, compared_in)
    data["parts"] = {task: _result_data(part, compared_in) for task, part in entry.parts.items()}
    data["groups"] = [
        {"family": group.slice, "name": group.name, **_result_data(group.result, compared_in)} for group in entry.groups
    ]
    return data


def _result_data(result: Result, compared_in: str) -> dict[str, Any]:
    metrics = {metric: asdict(estimate) for metric, estimate in result.metrics.items()}
    return {"customers": result.n_customers, "metrics": metrics, "against": _against(result.against, compared_in)}


def _against(against: Mapping[str, Comparison], compared_in: str) -> dict[str, dict[str, Any]]:
    return {
        baseline: {**asdict(comparison), "metric": compared_in, **comparison.outcome()}
        for baseline, comparison in against.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _head(evaluation: FileEvaluation) -> str:
    terms = evaluation.terms
    hidden = "without what each has in the training file" if terms.is_hiding else "with what each has already"
    return (
        f"{evaluation.n_customers:,} customers, {evaluation.n_held_back:,} held-back items, lists {hidden}; "
        f"all {evaluation.n_items:,} items of {evaluation.train.path} ranked; seed {terms.seed}."
    )


def _table(evaluation: FileEvaluation, k: int) -> Table:
    figures = ("nDCG", "±", *list(COLUMNS.values())[1:], "seen", "fit s", "ask s")
    table = open_table("list", figures, title=f"Lists of {k}")
    for entry in evaluation.entries:
        ndcg = entry.metrics[f"ndcg@{k}"]
        others = [_short(entry.metrics[f"{metric}@{k}"].mean) for metric in list(COLUMNS)[1:]]
        seconds = [f"{seconds:.1f}" for seconds in (entry.fit_seconds, entry.answer_seconds)]
        half = _short((ndcg.high - ndcg.low) / 2)
        table.add_row(entry.name, _short(ndcg.mean), half, *others, _short(entry.shelf[f"coverage@{k}"], 3), *seconds)
    return table


def _judging(evaluation: FileEvaluation) -> str:
    return (
        f"What each model is worth, in nDCG of lists of {evaluation.terms.k}, by paired 95 % intervals over customers; "
        "among all models, so that none is believed because many were tried (Holm):"
    )


def _verdicts(evaluation: FileEvaluation) -> Table:
    rows = (
        (entry.name, verdict_markup(baseline, comparison, comparison.words))
        for entry in evaluation.entries
        for baseline, comparison in (entry.against.items() if entry.kind != "baseline" else ())
    )
    return verdict_table(rows)


def _short(number: float, digits: int = 4) -> str:
    return f"{number:.{digits}f}".replace("0.", ".", 1) if number < 1 else f"{number:.{digits - 1}f}"


def _notes(evaluation: FileEvaluation) -> list[str]:
    """Rows left out with the reason, unknown customers and items, and the choices of `auto`."""
    notes = dropped_notes((evaluation.train, evaluation.test))
    notes += double_notes(evaluation.train)
    if evaluation.train.weight_means != "nothing":
        column = evaluation.train.columns.get("rating") or evaluation.train.columns["weight"]
        notes.append(f"Column {column!r} is read as {evaluation.train.weight_means}.")
    if evaluation.train.times_count != "moments":
        notes.append(f"Times are small whole numbers: read as {READ_AS[evaluation.train.times_count]}.")
    how = "as you say" if evaluation.terms.parting else "--parting says otherwise"
    notes.append(f"The two files are taken for {PARTED_AS[evaluation.split]}; {how}.")
    if evaluation.doubt is not None:
        notes.append(f"[yellow]{evaluation.doubt}.[/]")
    if evaluation.train.first_day is not None and not is_later(evaluation.train, evaluation.test):
        notes.append(
            "[yellow]The two files overlap in time: some of what was learnt is later than what is judged, so the "
            "figures may know the future.[/]"
        )
    if n := evaluation.n_strangers:
        notes.append(f"{n:,} customers are not in the training file; they count, with what a stranger is shown.")
    if n := evaluation.n_unknown_items:
        notes.append(f"{n:,} held-back items are not in the training file; they count as missed.")
    auto = next((entry for entry in evaluation.entries if entry.kind == AUTO), None)
    if auto is not None:
        notes += _auto_notes(auto)
    splits = {name: words for entry in evaluation.entries for name, words in entry.settings.get("parted", {}).items()}
    notes += [f"{name}: {words}." for name, words in splits.items()]
    weak = [entry.name for entry in evaluation.entries if _is_worse(entry)]
    return [*notes, *(f"[yellow]{name} does not beat the best-sellers here.[/]" for name in weak)]


def _auto_notes(auto: Entry) -> list[str]:
    """The models it blends and mixes, and the models it leaves out."""
    settings = auto.settings
    blend = ", ".join(f"{name} {weight:.2f}" for name, weight in settings["weights"].items() if weight > 0)
    verb = "blends" if settings["placement"] == DISCOVER else "blends new things from"
    few = f"in equal parts: too few ({settings['judges']:,}) to choose by in"
    how = "chosen by" if settings["judges"] >= MIN_USERS else few
    chosen = f"auto {verb} {blend}, {how} {settings['held_back']} of the training file."
    left_out = [f"auto leaves {name} out: {why}." for name, why in settings["left_out"].items()]
    return [chosen, *([] if settings["placement"] == DISCOVER else [_mix(settings)]), *left_out]


def _mix(settings: Mapping[str, Any]) -> str:
    """How the items bought again and the new items become one list: by their chances, or by the share of repeats."""
    share, best = f"{100 * settings['repeat_share']:.0f} %", settings["best_chances"]
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
