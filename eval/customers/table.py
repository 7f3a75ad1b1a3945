"""Output of the back-tests of customers: tables for a terminal, and plain data."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.console import Group
from rich.table import Table

from eval.customers.results import OURS, ChanceTest, CustomerEvaluation, PooledCalibration
from eval.formatting import open_table, short

READING = (
    "AUC: the chance that somebody with the outcome has the higher score; .5 is chance. AP: average precision. Lift: "
    "share with the outcome in the top decile over that of all; LQ: lift quality, 1 is a perfect order. Brier: mean "
    "squared error of the chance, beside that of the base rate alone. ECE: how far chances are from what came, on "
    "average; noise: the ECE that right chances would have on average, by luck, with so many customers. In the last "
    "columns the AUC of each rule, and by how much ours is ahead (95 %, paired, DeLong)."
)


def rendered(evaluation: CustomerEvaluation) -> Group:
    """All tables with their explanation."""
    tasks = dict.fromkeys(test.task for test in evaluation.chances)
    tables = [_chances(task, [test for test in evaluation.chances if test.task == task]) for task in tasks]
    return Group(
        _head(evaluation),
        *(part for table in tables for part in ("", table)),
        "",
        *map(pooled_words, evaluation.pooled),
        "",
        READING,
        "",
        _values(evaluation),
        *_value_words(evaluation),
        "",
        _stages(evaluation),
        "",
        _clusters(evaluation),
        *(f"{n}: {text}" for n, text in enumerate(evaluation.descriptions, start=1) if text is not None),
        *evaluation.notes,
    )


def as_data(evaluation: CustomerEvaluation) -> dict[str, Any]:
    """Everything as JSON types, with a run id that depends on the figures."""
    data = _plain(asdict(evaluation))
    for row, test in zip(data["chances"], evaluation.chances, strict=True):
        row["date"], row["brier_base"] = day(test.at_ms), test.share * (1 - test.share)
    for row, value in zip(data["values"], evaluation.values, strict=True):
        row["date"] = day(value.at_ms)
    digest = hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
    return {"run": digest, **data}


def day(at_ms: int) -> str:
    """2017-12-04, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def ahead(test: ChanceTest, rule: str) -> str:
    """+.013 to +.032: by how much the AUC of the card is ahead of a rule's, a dash where it cannot be told."""
    low, high = test.against[rule].low, test.against[rule].high
    return "–" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}".replace("0.", ".")


def precision_words(test: ChanceTest) -> str:
    """.292, frequency .273 (+.011 to +.026); .275 of all places."""
    if test.precision_at_5 is None:
        return ""
    own = test.precision_at_5[OURS]
    rule_name, rule = next((name, each) for name, each in test.precision_at_5.items() if name != OURS)
    ahead_by = f"{rule.low:+.3f} to {rule.high:+.3f}".replace("0.", ".")
    return f"{short(own.filled, 3)}, {rule_name} {short(rule.filled, 3)} ({ahead_by}); {short(own.of_all, 3)} of all"


def pooled_words(test: PooledCalibration) -> str:
    """A sentence."""
    return (
        f"{test.task.capitalize()} within {test.horizon_days} days, over the last {test.n_moments} times "
        f"{test.horizon_days} days: ECE {short(test.ece, 3)}, noise {short(test.noise, 3)}, "
        f"chances {test.bias:+.3f} too high on average"
    )


def _plain(value: Any) -> Any:
    """The same with None for NaN."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _head(evaluation: CustomerEvaluation) -> str:
    return (
        f"{evaluation.n_customers:,} customers with {evaluation.n_orders:,} orders of {evaluation.money:,.2f} in all, "
        f"as of {day(evaluation.as_of_ms)}. Every figure was learnt from what was known on its date."
    )


def _chances(task: str, tests: Sequence[ChanceTest]) -> Table:
    rules = list(tests[0].against)
    figures = ("from", "n", "share", "AUC", "AP", "lift", "LQ", "Brier", "base", "ECE", "noise")
    has_precision = tests[0].precision_at_5 is not None
    table = open_table("days", (*figures, *(("P@5",) if has_precision else ()), *rules), title=task.capitalize())
    table.add_column("on the card")
    for test in tests:
        own, base = test.metrics[OURS], test.share * (1 - test.share)
        numbers = [short(value, 3) for value in (test.share, own.auc, own.average_precision)]
        further = own.lift_quality, own.brier, base, own.ece, own.ece_noise
        numbers += [f"{own.lift:.2f}", *(short(value, 3) for value in further)]
        precision = [precision_words(test)] if has_precision else []
        beside = [f"{short(test.against[name].rule, 3)} ({ahead(test, name)})" for name in rules]
        row = [str(test.horizon_days), day(test.at_ms), f"{test.n:,}", *numbers, *precision, *beside, test.method]
        table.add_row(*row)
    return table


def _values(evaluation: CustomerEvaluation) -> Table:
    table = open_table("from", ("n", "spent"), title="Value, money of the next 91 days")
    methods = list(evaluation.values[0].total) if evaluation.values else []
    for method in methods:
        table.add_column(f"{method}: total", justify="right")
        table.add_column("error", justify="right")
    table.add_column("80 % holds", justify="right")
    for test in evaluation.values:
        cells = [text for name in methods for text in (f"{test.total[name]:+.1%}", f"{test.error[name]:,.1f}")]
        table.add_row(day(test.at_ms), f"{test.n:,}", f"{test.spent:,.0f}", *cells, f"{test.covered:.1%}")
    return table


def _value_words(evaluation: CustomerEvaluation) -> list[str]:
    if evaluation.pooled_value is None:
        return []
    method, why = evaluation.pooled_value
    return [f"Picked over all dates: {method}, because {why}."]


def _stages(evaluation: CustomerEvaluation) -> Table:
    table = open_table("stage, 28 days ago", ("customers", "no order since"), title="Stages")
    for test in evaluation.stages:
        table.add_row(test.stage, f"{test.n:,}", f"{test.left:.1%}")
    return table


def _clusters(evaluation: CustomerEvaluation) -> Table:
    table = open_table("clusters", ("silhouette", "stability (ARI)", ""), title="Clusters")
    for number in evaluation.clusters:
        mark = "" if number.is_stable else "unstable"
        table.add_row(str(number.n_clusters), short(number.silhouette, 3), short(number.stability, 2), mark)
    return table
