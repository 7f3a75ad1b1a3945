"""What the seasonal model is worth, in made-up shops of two and a half years: `python -m tests.bench.seasons`."""

import time
from contextlib import nullcontext

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from recsys.learning.holdout import last_weeks
from recsys.learning.model_selection import ModelChoice, select_models
from recsys.learning.recipe import Plan
from recsys.learning.validation import validation_users
from recsys.models.registry import DISCOVER_MODELS, LEARNERS
from recsys.testing import seasonal_shop

DAYS = 28
MAX_USERS = 2_000
DATA_SEEDS = (0, 1, 2)


def choice_of(*, has_seasons: bool, with_seasonal: bool, seed: int, n_users: int) -> ModelChoice:
    """What a training chooses from the usual models, with or without the seasonal one; judged by the last weeks."""
    rng = np.random.default_rng(0)
    holdout = last_weeks(seasonal_shop(n_users, has_seasons=has_seasons, seed=seed), DAYS)
    optional = {"seasonal": LEARNERS["seasonal"]()} if with_seasonal else {}
    plan = Plan({name: LEARNERS[name]() for name in DISCOVER_MODELS}, {}, optional=optional)
    return select_models(holdout, validation_users(holdout, rng, MAX_USERS), plan, rng, lambda _name: nullcontext())


def main(customers: int = 400) -> None:
    """Lists of new items in the last four weeks, with and without the seasonal model."""
    table = Table("shop", "seed", "without it", "with it", "seasonal alone", "best-sellers", "its weight", "CPU, s")
    for has_seasons in (True, False):
        for seed in DATA_SEEDS:
            started = time.process_time()
            plain, wide = (
                choice_of(has_seasons=has_seasons, with_seasonal=each, seed=seed, n_users=customers)
                for each in (False, True)
            )
            table.add_row(
                "seasons" if has_seasons else "no seasons",
                str(seed),
                f"{_chosen_ndcg(plain):.4f}",
                f"{_chosen_ndcg(wide):.4f}",
                *(f"{wide.verdicts[name].ndcg:.4f}" for name in ("seasonal", "popularity")),
                f"{wide.blend.get('seasonal', 0):.2f}" if "seasonal" in wide.blend else wide.left_out["seasonal"],
                f"{time.process_time() - started:.0f}",
            )
    Console(width=160).print(table)


def _chosen_ndcg(choice: ModelChoice) -> float:
    """nDCG@10 of the chosen list."""
    verdict = choice.verdicts["popularity"]
    return verdict.ndcg - verdict.difference


if __name__ == "__main__":
    typer.run(main)
