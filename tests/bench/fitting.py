"""How long models take to learn, on customers made up: `python -m tests.bench.fitting`.

Learning is measured without a shop around it; the time of a whole training is among the figures of `make bench`.
"""

import time
from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from scipy.sparse import csr_matrix

from recsys.data.dataset.interactions import Interactions
from recsys.models.als import Als
from recsys.models.ease import Ease
from recsys.testing import interactions_of
from tests.bench import machine
from tests.bench.budgets import Figure, show

N_USERS, N_ITEMS, N_EVENTS = 20_000, 10_000, 1_000_000
PATIENCE_S = 60.0


def shoppers(rng: np.random.Generator) -> Interactions:
    """As many customers and items as a middling shop has, item k bought 1 / (k + 20) as often as the best-seller."""
    chance = 1 / (np.arange(N_ITEMS) + 20)
    item = rng.choice(N_ITEMS, N_EVENTS, p=chance / chance.sum())
    item[:N_ITEMS] = np.arange(N_ITEMS)  # each at least once
    user = rng.integers(0, N_USERS, N_EVENTS)
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=N_USERS, n_items=N_ITEMS)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ease(data: Interactions, rounds: int) -> Figure:
    """All 10,000 items in the one regression."""
    busy = machine.quiet(PATIENCE_S)
    times = tuple(seconds(lambda: Ease().fit(data, np.random.default_rng(0))) for _ in range(rounds))
    return Figure(f"ease, {N_ITEMS:,} items", "s", times, 20.0, "at most", f"{N_USERS:,} customers", busy)


def als(data: Interactions, rounds: int) -> Figure:
    """Ours and the library's own take turns on the same pairs, with as many factors and passes."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    learner = Als(factors=64, iterations=15, alpha=2.0, regularization=20.0)
    likes = csr_matrix(data.histories.pairs().matrix())

    def plain() -> None:
        with threadpool_limits(limits=1, user_api="blas"):
            library = AlternatingLeastSquares(factors=64, iterations=15, alpha=2.0, regularization=20.0, num_threads=0)
            library.fit(likes, show_progress=False)

    busy = machine.quiet(PATIENCE_S)
    pairs = [(seconds(plain), seconds(lambda: learner.fit(data, np.random.default_rng(0)))) for _ in range(rounds)]
    ratios = tuple(ours / theirs for theirs, ours in pairs)
    detail = f"library {np.median([theirs for theirs, _ in pairs]):.1f} s"
    return Figure("als, 64 factors, 15 passes", "of plain implicit", ratios, 1.2, "at most", detail, busy)


def main(rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3) -> None:
    """Time of learning against its budget.

    Example: python -m tests.bench.fitting --rounds 5
    """
    console, data, figures = Console(width=160), shoppers(np.random.default_rng(0)), []
    for part in (als, ease):
        console.print(f"  learning {part.__name__}, {rounds} times ...")
        figures.append(part(data, rounds))
    show(figures, console)


if __name__ == "__main__":
    typer.run(main)
