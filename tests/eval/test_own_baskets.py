"""Files of baskets: the next one is foretold from a customer's own, as well by `auto` as by the best single model."""

from pathlib import Path

import numpy as np
import pytest

from eval.compare import compare
from eval.metrics import judge, score
from eval.own_files import read_rows
from eval.own_models import wanted_of
from eval.own_split import OwnEvaluation, Terms, evaluate_own
from recsys.ranking.making import Steps

N_CUSTOMERS, N_ITEMS, VISITS = 120, 80, 9
NOISE = 0.03  # nDCG that 120 next baskets of six things cannot choose by


def next_baskets(folder: Path, seed: int) -> OwnEvaluation:
    """Visits 1, 2, 3, ...; half of a basket are favourites of the customer, half what their kind of customer buys."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{user}", f"i{item}", visit)
        for user in range(N_CUSTOMERS)
        for favourites in [rng.choice(N_ITEMS, 6, replace=False)]
        for visit in range(1, VISITS + 1)
        for item in {*rng.choice(favourites, 3, replace=False), *rng.choice(np.arange(user % 4, N_ITEMS, 4), 3)}
    ]
    files = [folder / "train.csv", folder / "test.csv"]
    for file, is_last in zip(files, (False, True), strict=True):
        kept = [",".join(map(str, row)) for row in rows if (row[2] == VISITS) is is_last]
        file.write_text("\n".join(["user,item,time", *kept]) + "\n")
    train, test = (read_rows(file, ()) for file in files)
    words = ["auto", "buy_again", "tifu_knn", "user_neighbours"]
    return evaluate_own(train, test, wanted_of(words), Terms((10,), "keep", 0), folder / "bundles", Steps())


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_the_next_basket_is_foretold_no_worse_than_by_the_best_single_model(tmp_path: Path, seed: int) -> None:
    found = next_baskets(tmp_path, seed)
    settings = next(entry.settings for entry in found.entries if entry.name == "auto")
    assert settings["held_back"] == "the last visit of each customer"
    reached = {name: score(judge(one.lists, found.panel.held_back), 10)["ndcg@10"] for name, one in found.lists.items()}
    auto, rng = reached["auto"], np.random.default_rng(0)
    assert compare(auto, reached["best-sellers"], rng=rng).verdict == "better"
    best = max(("buy_again", "tifu_knn", "user_neighbours"), key=lambda name: float(reached[name].mean()))
    assert auto.mean() > reached[best].mean() - NOISE
