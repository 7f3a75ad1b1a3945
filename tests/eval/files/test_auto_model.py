"""`auto` is no worse than the best single model, on planted data of several kinds."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator

from eval.files.loader import read_rows
from eval.files.model_args import model_requests
from eval.files.results import FileEvaluation, FileTerms, SeenItems
from eval.files.run import evaluate_files
from eval.metrics.accuracy import match, score
from eval.stats.paired import compare
from recsys.progress import StepLog

Row = tuple[int, int, int]  # customer, item, when
Kind = Callable[[Generator], Iterator[tuple[Row, bool]]]  # rows, and whether each is held back

N_CUSTOMERS, N_ITEMS, N_KINDS = 260, 150, 6
QUICK = "baskets"


def falling(n: int, power: float = 0.8) -> np.ndarray:
    share = np.arange(1, n + 1) ** -power
    return np.asarray(share / share.sum())


def films(rng: Generator) -> Iterator[tuple[Row, bool]]:
    """Few films each, of two kinds and of what everybody sees; a random part is held back."""
    for user in range(N_CUSTOMERS):
        own_kinds = [item for item in range(N_ITEMS) if item % N_KINDS in (user % N_KINDS, (user + 1) % N_KINDS)]
        kinds = rng.choice(own_kinds, rng.integers(4, 12), replace=False, p=falling(len(own_kinds)))
        common = rng.choice(N_ITEMS, 3, replace=False, p=falling(N_ITEMS))
        for at, item in enumerate(dict.fromkeys([*kinds.tolist(), *common.tolist()])):
            yield (user, item, 1_400_000_000), at % 4 == 1


def baskets(rng: Generator) -> Iterator[tuple[Row, bool]]:
    """Each basket holds three of six favourites, and three of what such customers buy; the last is held back."""
    for user in range(N_CUSTOMERS):
        favourites = rng.choice(N_ITEMS, 6, replace=False)
        last = int(rng.integers(5, 12))
        for visit in range(1, last + 1):
            alike = rng.choice(np.arange(user % N_KINDS, N_ITEMS, N_KINDS), 3)
            for item in {*rng.choice(favourites, 3, replace=False).tolist(), *alike.tolist()}:
                yield (user, item, visit), visit == last


def habits(rng: Generator) -> Iterator[tuple[Row, bool]]:
    """Favourites change: what was bought in the last visits is bought again, what is long ago hardly."""
    for user in range(N_CUSTOMERS):
        now = rng.choice(N_ITEMS, 8, replace=False)
        last = int(rng.integers(8, 16))
        for visit in range(1, last + 1):
            now[rng.integers(8)] = rng.choice(N_ITEMS, p=falling(N_ITEMS))
            for item in set(rng.choice(now, 4, replace=False).tolist()):
                yield (user, item, visit), visit == last


def orders(rng: Generator) -> Iterator[tuple[Row, bool]]:
    """What comes next follows from what came last; the last item is held back."""
    follows = np.random.default_rng(9).permutation(N_ITEMS)
    for user in range(2 * N_CUSTOMERS):
        chain = [int(rng.integers(N_ITEMS))]
        while len(chain) < 8:
            step = int(follows[chain[-1]]) if rng.random() < 0.7 else int(rng.choice(N_ITEMS, p=falling(N_ITEMS)))
            chain.append(step if step not in chain else int(rng.integers(N_ITEMS)))
        for at, item in enumerate(dict.fromkeys(chain), start=1):
            yield (user, item, at), item == chain[-1]


KINDS: dict[str, tuple[Kind, SeenItems, Sequence[str]]] = {
    "films": (films, "hide", ("als", "ease", "item_neighbours", "user_neighbours", "graph_walk")),
    "baskets": (baskets, "keep", ("buy_again", "tifu_knn", "user_neighbours")),
    "habits": (habits, "keep", ("buy_again", "tifu_knn", "user_neighbours")),
    "orders": (orders, "hide", ("sequence", "item_neighbours", "als", "ease")),
}


def evaluated(folder: Path, kind: str, seed: int, customers: int, optional_seconds: float) -> FileEvaluation:
    make, seen, models = KINDS[kind]
    rows = [(row, is_held) for row, is_held in make(np.random.default_rng(seed)) if row[0] < customers]
    files = [folder / "train.csv", folder / "test.csv"]
    for file, held in zip(files, (False, True), strict=True):
        kept = [f"u{user},i{item},{at}" for (user, item, at), is_held in rows if is_held is held]
        file.write_text("\n".join(["user,item,time", *kept]) + "\n")
    train, test = (read_rows(file, ()) for file in files)
    terms = FileTerms((10,), seen, 0, optional_seconds=optional_seconds)
    return evaluate_files(train, test, model_requests(["auto", *models]), terms, folder / "bundles", StepLog())


CASES = [
    (QUICK, 0, 100, 0.0),
    *(pytest.param(kind, seed, 2 * N_CUSTOMERS, 240.0, marks=pytest.mark.slow) for kind in KINDS for seed in range(5)),
]


@pytest.mark.parametrize(("kind", "seed", "customers", "optional_seconds"), CASES)
def test_what_is_chosen_by_itself_is_no_worse_than_its_best_part(
    tmp_path: Path, kind: str, seed: int, customers: int, optional_seconds: float
) -> None:
    evaluation = evaluated(tmp_path, kind, seed, customers, optional_seconds)
    reached = {
        name: score(match(replayed.lists, evaluation.users.held_back), 10)["ndcg@10"]
        for name, replayed in evaluation.lists.items()
    }
    auto = reached.pop("auto")
    best = max(reached, key=lambda name: float(reached[name].mean()))
    comparison = compare(auto, reached[best], rng=np.random.default_rng(0))
    assert comparison.verdict != "worse", (best, comparison)
    assert auto.mean() > 1.2 * reached["best-sellers"].mean()
