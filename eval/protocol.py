"""One evaluation: cut the log in time, learn from the past, ask as of then, compare with what was bought after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from eval.baselines import best_sellers, own_frequency
from eval.compare import Comparison, compare
from eval.metrics import HeldBack, Lists, held_back_of, judge, mean, score
from eval.replay import lists_of
from eval.split import Split, split_at, split_last_days
from recsys.arrays import DAY_MS, Bools, Doubles
from recsys.data.events import HAD
from recsys.data.histories import Histories
from recsys.data.ids import MISSING
from recsys.data.shelf import is_hidden
from recsys.errors import NotEnoughData
from recsys.ranking.learn import PERSONAL
from recsys.ranking.making import Recipe, Snapshot, Steps, make_bundle
from recsys.ranking.placements import Placement
from recsys.ranking.recommender import Recommender, recommender_of

VERSION = "evaluation"
BEST_SELLERS, OWN_FREQUENCY = "best-sellers", "own frequency"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table.  means by metric; against by baseline: the paired comparison in nDCG."""

    name: str
    means: Mapping[str, float]
    against: Mapping[str, Comparison]


@dataclass(frozen=True, slots=True)
class Task:
    """One question asked of all: `all` purchases, or `new` (only what the customer had never bought before)."""

    name: str
    lines: Sequence[Line]
    n_customers: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The tasks, the window (days since 1970), and what was learnt for it."""

    tasks: Sequence[Task]
    cut: float
    until: float
    k: int
    n_customers: int
    n_items: int
    repeat_share: float
    blend: Mapping[str, float]
    steps: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """The customers asked: known before the cut, buying after it.  users are their rows in the bundle."""

    user_ids: Sequence[str]
    users: Sequence[int]
    held_back: HeldBack
    is_new: Bools


@dataclass(frozen=True, slots=True)
class Window:
    """Which weeks judge: `days` from `cut_ms` on (default: the last of the log), by lists of k, with which seed."""

    cut_ms: int | None = None
    days: float = 28.0
    k: int = 10
    seed: int = 0


def evaluate(
    snapshot: Snapshot, recipe: Recipe, file: Path | None, directory: Path, steps: Steps, window: Window
) -> Evaluation:
    """Judges every model and placement of the shop on those weeks.

    The bundle of the past is written to `directory`.  Raises NotEnoughData when nobody known bought anything.
    """
    split = _split(snapshot.events, window)
    past = replace(snapshot, events=split.past)
    bundle = make_bundle(past, directory, recipe, steps, version=VERSION, now=split.now)
    recommender = recommender_of(bundle, (), file)
    panel = panel_of(recommender, split, snapshot, recipe)
    with steps("ask"):
        tasks = [_judged_all(recommender, panel, window), _judged_new(recommender, panel, window)]
    engine = recommender.engine
    return Evaluation(
        tasks=tasks,
        cut=split.now,
        until=split.until_ms / DAY_MS,
        k=window.k,
        n_customers=len(panel.users),
        n_items=engine.n_items,
        repeat_share=float(np.mean(~panel.is_new)) if len(panel.is_new) else 0.0,
        blend=engine.blend,
        steps=steps.done,
    )


def panel_of(recommender: Recommender, split: Split, snapshot: Snapshot, recipe: Recipe) -> Panel:
    """Customers known before the cut with what they bought after it, without items that are never shown."""
    hidden = [item.item_id for item in snapshot.items if is_hidden(item, recipe.never_show)]
    bought = split.future.filter(pl.col("kind").is_in([int(kind) for kind in HAD]) & ~pl.col("item_id").is_in(hidden))
    users = recommender.engine.users
    known = {user_id: users.position(user_id) for user_id in bought["user_id"].unique().to_list()}
    user_ids = sorted((user_id for user_id, at in known.items() if at != MISSING), key=known.__getitem__)
    if not user_ids:
        raise NotEnoughData("nobody known before the cut bought anything after it; choose an earlier cut")
    row = {user_id: at for at, user_id in enumerate(user_ids)}
    bought = bought.filter(pl.col("user_id").is_in(user_ids))
    number = _numbers(recommender, bought["item_id"].unique().to_list())
    money = (bought["price"] * bought["quantity"]).fill_null(0.0).to_numpy()
    held_back = held_back_of(
        np.array([row[user_id] for user_id in bought["user_id"]], np.int32),
        np.array([number[item_id] for item_id in bought["item_id"]], np.int32),
        money,
        n_customers=len(user_ids),
    )
    positions = [known[user_id] for user_id in user_ids]
    return Panel(user_ids, positions, held_back, _is_new(recommender.engine.histories, positions, held_back))


def _split(events: pl.DataFrame, window: Window) -> Split:
    if window.cut_ms is None:
        return split_last_days(events, window.days)
    return split_at(events, window.cut_ms, window.cut_ms + round(window.days * DAY_MS))


def _numbers(recommender: Recommender, item_ids: Sequence[str]) -> dict[str, int]:
    """Positions in the catalogue; what appears only after the cut gets numbers nobody can recommend."""
    catalogue = recommender.catalogue
    unheard = (catalogue.n_items + at for at in range(len(item_ids)))
    return {item_id: at if (at := catalogue.position(item_id)) != MISSING else next(unheard) for item_id in item_ids}


def _is_new(histories: Histories, users: Sequence[int], held_back: HeldBack) -> Bools:
    """Which held-back purchases are of something the customer had never bought.  (T,)"""
    bought = histories.only(*HAD).take(users)
    stride = 1 + int(max(histories.n_items, held_back.item.max(initial=0)))
    before = np.repeat(np.arange(len(users)), np.diff(bought.offsets)) * stride + bought.item
    return ~np.isin(held_back.customer * stride + held_back.item, before)


def _judged_all(recommender: Recommender, panel: Panel, window: Window) -> Task:
    k, histories, on_sale = window.k, recommender.engine.histories, _on_sale(recommender)
    lists = {
        BEST_SELLERS: best_sellers(histories, panel.users, on_sale, k, only_new=False),
        OWN_FREQUENCY: own_frequency(histories, panel.users, on_sale, k),
    }
    for name in _models(recommender):
        lists[name] = lists_of(recommender, Placement(sources=(name,)), panel.user_ids, k)
    for name in ("buy-again", "home"):
        lists[name] = lists_of(recommender, recommender.placements[name], panel.user_ids, k)
    return _task("all", lists, panel.held_back, (BEST_SELLERS, OWN_FREQUENCY), window)


def _judged_new(recommender: Recommender, panel: Panel, window: Window) -> Task:
    k, histories, on_sale = window.k, recommender.engine.histories, _on_sale(recommender)
    lists = {BEST_SELLERS: best_sellers(histories, panel.users, on_sale, k, only_new=True)}
    for name in _models(recommender):
        lists[name] = lists_of(recommender, Placement(sources=(name,), shows="never-bought"), panel.user_ids, k)
    lists["discover"] = lists_of(recommender, recommender.placements["discover"], panel.user_ids, k)
    return _task("new", lists, panel.held_back.only(panel.is_new), (BEST_SELLERS,), window)


def _models(recommender: Recommender) -> list[str]:
    return [name for name in PERSONAL if name in recommender.engine.models]


def _on_sale(recommender: Recommender) -> Bools:
    return recommender.catalogue.on_sale(recommender.engine.histories.now)[: recommender.engine.n_items]


def _task(name: str, lists: Mapping[str, Lists], held_back: HeldBack, baselines: Sequence[str], window: Window) -> Task:
    scores = {model: score(judge(shown, held_back), window.k) for model, shown in lists.items()}
    lines = [_line(model, scores, baselines, window) for model in lists]
    return Task(name, lines, int(np.count_nonzero(np.diff(held_back.offsets))))


def _line(name: str, scores: Mapping[str, Mapping[str, Doubles]], baselines: Sequence[str], window: Window) -> Line:
    means = {metric: mean(values) for metric, values in scores[name].items()}
    ndcg = f"ndcg@{window.k}"
    against = {
        base: compare(scores[name][ndcg], scores[base][ndcg], rng=np.random.default_rng(window.seed))
        for base in baselines
        if base != name
    }
    return Line(name, means, against)
