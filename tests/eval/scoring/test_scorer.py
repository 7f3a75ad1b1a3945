"""A scorer compares many lists at once as each pair would be compared alone."""

import numpy as np
import pytest

from eval.scoring.scorer import PooledUsers, Scorer
from eval.stats.bootstrap import MIN_RESAMPLES, RESAMPLES, StreamedDraws
from eval.stats.paired import compare
from recsys.arrays import Doubles

N = 400
METRIC = "ndcg@10"


def scores(mean: float, seed: int = 1) -> Doubles:
    return np.random.default_rng(seed).normal(mean, 0.2, N)


def scorer_for(columns: dict[str, Doubles], baselines: dict[str, list[str]]) -> Scorer:
    return Scorer(
        users=PooledUsers([np.arange(N)], N),
        scores={name: [{METRIC: column}] for name, column in columns.items()},
        baselines=baselines,
        compared_in=METRIC,
        draws=StreamedDraws(0, MIN_RESAMPLES),
        paired_draws=StreamedDraws(0, RESAMPLES),
    )


def test_several_compared_at_once_are_judged_as_each_alone() -> None:
    champion, unjudged = scores(0.3), np.arange(N) % 5 == 0
    pairs = [(scores(0.33, seed=2), champion), (champion + 0.01, champion), (scores(0.3, seed=5), scores(0.3, seed=6))]
    pairs.append((np.where(unjudged, np.nan, champion - 0.02), np.where(unjudged, np.nan, champion)))
    columns = {f"list {at}": challenger for at, (challenger, _) in enumerate(pairs)}
    columns |= {f"baseline {at}": champion for at, (_, champion) in enumerate(pairs)}
    scorer = scorer_for(columns, {f"list {at}": [f"baseline {at}"] for at in range(len(pairs))})
    results = scorer.results(list(columns), [scorer.everybody])
    for at, (challenger, champion) in enumerate(pairs):
        comparison = results[f"list {at}"][0].against[f"baseline {at}"]
        alone = compare(challenger, champion, rng=np.random.default_rng(1))
        assert (comparison.challenger, comparison.champion) == (alone.challenger, alone.champion)
        assert (comparison.n_customers, comparison.verdict) == (alone.n_customers, alone.verdict)
        assert (comparison.low, comparison.high) == pytest.approx((alone.low, alone.high), abs=3e-3)
        assert comparison.p == pytest.approx(alone.p, abs=0.05)


def test_a_list_on_which_nobody_was_judged_is_given_no_verdict() -> None:
    nobody = np.full(N, np.nan)
    scorer = scorer_for({"list": nobody, "baseline": nobody}, {"list": ["baseline"]})
    (result,) = scorer.results(["list", "baseline"], [scorer.everybody])["list"]
    assert result.against["baseline"].verdict == "too few"
    assert np.isnan(result.metrics[METRIC].mean)
