"""The neural sequence model on a file of ratings or purchases: quality, CPU of a fit, time of an answer.

python -m tests.bench.self_attention u.data
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import typer
from rich.console import Console

from recsys.arrays import Doubles, Ints
from recsys.data.dataset.interactions import Interactions
from recsys.metrics import ndcg
from recsys.models.base import Learner, Model
from recsys.models.self_attention.learner import SelfAttention
from recsys.models.self_attention.model import SelfAttentionModel
from recsys.models.sequence import Sequence
from recsys.testing import interactions_of
from recsys.time_units import DAY_MS

K = 10
BATCH = 64
N_ANSWERS = 300


def leave_last_out(file: Path) -> tuple[Interactions, Ints]:
    """The events before each customer's last one (the latest time, ties by item), and the item of that one.

    file: user, item, rating, Unix seconds, separated by tabs as in MovieLens 100K.
    """
    frame = pl.read_csv(file, separator="\t", has_header=False, new_columns=["user", "item", "rating", "time"])
    frame = frame.sort("user", "time", "item").with_columns(pl.col("user", "item").rank("dense").cast(pl.Int32) - 1)
    past, last = frame.filter(pl.col("user").is_last_distinct().not_()), frame.filter(pl.col("user").is_last_distinct())
    at = past["time"].to_numpy() * 1_000 / DAY_MS
    data = interactions_of(
        past["user"].to_numpy(),
        past["item"].to_numpy(),
        n_users=frame["user"].n_unique(),
        n_items=frame["item"].n_unique(),
        at=at,
        now=float(at.max()),
    )
    return data, last["item"].to_numpy()


def list_quality(model: Model, data: Interactions, last: Ints) -> Doubles:
    """nDCG@10 of every customer among all items that they have not had.  (U,)"""
    quality = np.zeros(len(last))
    for start in range(0, len(last), BATCH):
        users = np.arange(start, min(start + BATCH, len(last)))
        for user, scores in zip(users, model.score(data.histories.take(users)), strict=True):
            scores[data.histories.take([int(user)]).item] = -np.inf
            hits = np.argsort(-scores, kind="stable")[:K] == last[user]
            quality[user] = ndcg(hits[None], np.array([1]), K)[0]
    return quality


def answer_ms(model: SelfAttentionModel, data: Interactions) -> float:
    """Median CPU time of the scores of one customer."""
    times = []
    for user in np.arange(N_ANSWERS) % data.n_users:
        history = data.histories.take([int(user)])
        start = time.process_time_ns()
        model.score(history)
        times.append((time.process_time_ns() - start) / 1e6)
    return float(np.median(times))


def main(file: Path, seeds: Annotated[int, typer.Option(min=1)] = 1) -> None:
    """Both sequence models on the same held-back items.

    Example: python -m tests.bench.self_attention u.data
    """
    console, (data, last) = Console(width=120), leave_last_out(file)
    learners: list[tuple[str, Learner]] = [("sequence", Sequence()), ("self_attention", SelfAttention())]
    quality: dict[str, Doubles] = {}
    for name, learner in learners:
        start, n_seeds = time.process_time(), seeds if name == "self_attention" else 1
        models = [learner.fit(data, np.random.default_rng(seed)) for seed in range(n_seeds)]
        cpu_s = (time.process_time() - start) / n_seeds
        lists = np.stack([list_quality(model, data, last) for model in models])
        quality[name] = lists.mean(axis=0)
        console.print(f"{name}: nDCG@10 {lists.mean():.4f}, recall {(lists > 0).mean():.4f}, fit {cpu_s:.1f} s of CPU")
        if isinstance(models[0], SelfAttentionModel):
            console.print(f"  an answer {answer_ms(models[0], data):.3f} ms of CPU")
    difference = quality["self_attention"] - quality["sequence"]
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    console.print(f"self_attention - sequence: {difference.mean():+.4f} ± {half:.4f} (95 %, the same customers)")


if __name__ == "__main__":
    typer.run(main)
