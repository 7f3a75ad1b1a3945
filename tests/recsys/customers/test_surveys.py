"""Figures of surveys: values by hand, intervals that cover the truth, and nothing about small groups."""

from pathlib import Path

import numpy as np
import pytest

from recsys.customers.population import MIN_GROUP
from recsys.customers.surveys import net_promoter_score, satisfied_share, summarize_facts
from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store


def test_a_net_promoter_score_is_promoters_without_detractors() -> None:
    score = net_promoter_score({10: 4, 9: 1, 8: 2, 7: 1, 6: 1, 0: 1})
    assert score is not None
    assert (score.value, score.n) == (30.0, 10)
    assert -100 <= score.low < 30 < score.high <= 100
    assert net_promoter_score({}) is None


def test_satisfied_customers_gave_four_or_five_with_the_interval_of_wilson() -> None:
    score = satisfied_share({5: 6, 4: 2, 3: 1, 1: 1})
    assert score is not None
    assert (score.value, score.n) == (80.0, 10)
    assert (score.low, score.high) == pytest.approx((49.02, 94.33), abs=0.01)  # Newcombe 1998, by hand
    assert satisfied_share({}) is None


@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize(("promoters", "detractors"), [(0.5, 0.2), (0.3, 0.3), (0.85, 0.02), (0.1, 0.6)])
def test_the_interval_of_a_net_promoter_score_covers_the_truth_as_often_as_it_says(
    n: int, promoters: float, detractors: float
) -> None:
    shares = [promoters, 1 - promoters - detractors, detractors]
    draws = np.random.default_rng(0).multinomial(n, shares, size=2_000)
    sets, times = np.unique(draws, axis=0, return_counts=True)
    scores = [net_promoter_score({10: int(p), 8: int(passive), 3: int(d)}) for p, passive, d in sets]
    truth = 100 * (promoters - detractors)
    is_covered = [score is not None and score.low <= truth <= score.high for score in scores]
    assert 0.93 <= np.average(is_covered, weights=times) <= 0.97


def test_groups_below_twenty_customers_are_not_told(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    for n in (MIN_GROUP - 1, MIN_GROUP):
        store.add_facts(
            [Fact(f"s{n}{u}", f"{u}", FactKind.SEARCH, 5, 0, f"query {n}") for u in range(n)]
            + [Fact(f"a{n}{u}", f"{n}-{u}", FactKind.SURVEY, n, 10, None, "nps") for u in range(n)]
        )
    summary = summarize_facts(store, 0, 19)
    assert (summary.searches, summary.n_rare) == ([("query 20", 20, 20)], 1)
    assert summary.nps is None
    nps = summarize_facts(store, 0, 100).nps
    assert nps is not None
    assert (nps.value, nps.n) == (100.0, 39)
