"""Outcomes of an experiment: what each customer did since their first answer in it, from the answer log and events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedItem
from recsys.data.answer_log.attribution import attribute_outcomes
from recsys.data.dataset.occasions import occasion_expression
from recsys.data.events import EVENT_SCHEMA, Kind, frame_schema
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.experiments.split import arms_of
from recsys.experiments.state import Experiment
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl

BEFORE_DAYS = 91  # of the money that CUPED takes out
ATTRIBUTION_HOURS = 24.0
MEASURES = ("money", "margin", "orders", "clicks", "dismissals", "returns")


@dataclass(frozen=True, slots=True)
class ExperimentLog:
    """The logged items of an experiment, the events of its customers, and who was left out.

    n_left_out: customers whose arm changed, as after a merge, and those who refused personalisation since.
    """

    shown: "pl.DataFrame"
    events: "pl.DataFrame"
    cost_by_item: Mapping[str, float]
    n_left_out: int


@dataclass(frozen=True, slots=True)
class ExperimentOutcomes:
    """One row for each customer who got an answer of the experiment.  is_b (N,): in arm B.

    by_measure: (N,) float64 of each of MEASURES; of margin, NaN where a cost is unknown.  before (N,): money before.
    clicks_of_a, clicks_of_b (N,): clicks credited to each team of interleaved lists.
    """

    is_b: Bools
    by_measure: Mapping[str, Doubles]
    before: Doubles
    clicks_of_a: Doubles
    clicks_of_b: Doubles


def read_log(store: Store, logs: Sequence[Path], experiment: Experiment, until_ms: int) -> ExperimentLog:
    """What was shown in the experiment, and what its customers did, until that moment.

    logs: answer logs, each of a host; an answer counts once.  Raises LogUnavailable.
    """
    import polars as pl

    rows: list[LoggedItem] = []
    for file in logs:
        with closing(AnswerLog(file)) as log:
            rows += _of_experiment(log.items_between(experiment.began_at_ms, until_ms), experiment)
    shown = pl.DataFrame(rows, schema=frame_schema(LoggedItem), orient="row")
    shown = shown.unique(["request_id", "row", "position"], keep="first", maintain_order=True)
    owners = {user_id: store.identity(user_id).owner_id for user_id in shown["user_id"].unique()}
    shown = shown.with_columns(pl.col("user_id").replace(owners))
    kept, n_left_out = _consistent(shown, store, experiment)
    since_ms = experiment.began_at_ms - BEFORE_DAYS * DAY_MS
    in_time = (pl.col("at_ms") >= since_ms) & (pl.col("at_ms") < until_ms)
    frames = [frame.filter(in_time & pl.col("user_id").is_in(kept)) for frame in (store.scan() if kept else ())]
    return ExperimentLog(
        shown.filter(pl.col("user_id").is_in(kept)),
        pl.concat([pl.DataFrame(schema=EVENT_SCHEMA), *frames]).with_columns(occasion_expression().alias("occasion")),
        {item.item_id: item.cost for item in store.items_since(0) if item.cost is not None} if kept else {},
        n_left_out,
    )


def answer_logs(home: Path, more: Sequence[Path]) -> list[Path]:
    """The answer log of the home, if it has one, and those of other hosts.  Raises BadInput for one that is not."""
    missing = [file for file in more if not file.is_file()]
    if missing:
        raise BadInput(f"--answers {missing[0]}: no such file; copy {ANSWER_LOG_FILE} from the home of the other host")
    own = home / ANSWER_LOG_FILE
    files = [*([own] if own.exists() else []), *more]
    return list({file.resolve(): file for file in files}.values())


def outcomes_at(log: ExperimentLog, experiment: Experiment, cut_ms: int) -> ExperimentOutcomes:
    """What the customers with an answer before that moment did until then, each since their first answer."""
    import polars as pl

    shown = log.shown.filter(pl.col("at_ms") < cut_ms)
    first = shown.group_by("user_id").agg(pl.col("at_ms").min().alias("first_ms")).sort("user_id")
    events = log.events.filter(pl.col("at_ms") < cut_ms).join(first, on="user_id")
    since, before = pl.col("at_ms") >= pl.col("first_ms"), pl.col("at_ms") < experiment.began_at_ms
    money = pl.col("price").fill_null(0.0) * pl.col("quantity")
    is_purchase = pl.col("kind") == int(Kind.PURCHASE)
    cost = pl.col("item_id").replace_strict(log.cost_by_item or {"": 0.0}, default=None, return_dtype=pl.Float64)
    sums = (
        events.with_columns((money - cost * pl.col("quantity")).alias("profit"))
        .group_by("user_id")
        .agg(
            money.filter(is_purchase & since).sum().alias("money"),
            pl.when((is_purchase & since & pl.col("profit").is_null()).any())
            .then(None)
            .otherwise(pl.col("profit").filter(is_purchase & since).sum())
            .alias("margin"),
            pl.col("occasion").filter(is_purchase & since).n_unique().cast(pl.Float64).alias("orders"),
            (since & (pl.col("kind") == int(Kind.DISMISS))).sum().cast(pl.Float64).alias("dismissals"),
            (since & (pl.col("kind") == int(Kind.RETURN))).sum().cast(pl.Float64).alias("returns"),
            money.filter(is_purchase & before).sum().alias("before"),
            pl.lit(1.0).alias("has_events"),
        )
    )
    table = first.join(sums, on="user_id", how="left", maintain_order="left").join(
        _clicks(shown, events), on="user_id", how="left", maintain_order="left"
    )
    return _as_arrays(table, experiment)


def _clicks(shown: "pl.DataFrame", events: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    clicks = events.filter(pl.col("kind") == int(Kind.CLICK)).select(list(EVENT_SCHEMA))
    items = [LoggedItem(*row) for row in shown.iter_rows()] if len(clicks) else []
    table = attribute_outcomes(items, [clicks], hours=ATTRIBUTION_HOURS)
    return table.group_by("user_id").agg(
        pl.col("clicked").sum().cast(pl.Float64).alias("clicks"),
        pl.col("clicked").filter(pl.col("team") == "A").sum().cast(pl.Float64).alias("clicks_of_a"),
        pl.col("clicked").filter(pl.col("team") == "B").sum().cast(pl.Float64).alias("clicks_of_b"),
    )


def _as_arrays(table: "pl.DataFrame", experiment: Experiment) -> ExperimentOutcomes:
    import polars as pl

    def column(name: str) -> Doubles:
        return np.asarray(table[name].fill_null(0.0).to_numpy(), np.float64)

    has_margin = table.select(pl.col("has_events").is_null() | pl.col("margin").is_not_null()).to_series().to_numpy()
    by_measure = {name: column(name) for name in MEASURES}
    by_measure["margin"] = np.where(has_margin, by_measure["margin"], np.nan)
    _, is_b = arms_of(experiment, table["user_id"].to_list())
    return ExperimentOutcomes(is_b, by_measure, column("before"), column("clicks_of_a"), column("clicks_of_b"))


def _of_experiment(items: Iterable[LoggedItem], experiment: Experiment) -> Iterator[LoggedItem]:
    return (item for item in items if item.experiment == experiment.id and item.user_id is not None)


def _consistent(shown: "pl.DataFrame", store: Store, experiment: Experiment) -> tuple[list[str], int]:
    """The customers whose every answer was of their own arm, and how many others there are.

    shown: each answer with the customer that it is of now.
    """
    import polars as pl

    user_ids = shown["user_id"].unique().to_list()
    refusing = {user.user_id for user in store.users() if not user.is_personal}
    logged = dict(shown.group_by("user_id").agg(pl.col("arm").unique()).iter_rows())
    in_a, in_b = arms_of(experiment, user_ids)
    own = ["A+B" if experiment.plan.interleaved else "A" if a else "B" for a in in_a]
    takes_part = in_a | in_b
    kept = [
        user_id
        for user_id, arm, is_in in zip(user_ids, own, takes_part, strict=True)
        if is_in and user_id not in refusing and set(logged[user_id]) == {arm}
    ]
    return kept, len(user_ids) - len(kept)
