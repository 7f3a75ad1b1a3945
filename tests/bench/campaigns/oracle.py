"""Oracle: Welch, CUPED and the sample-ratio test beside tea-tasting on random fixtures."""

import numpy as np
import polars as pl
import tea_tasting as tt

from recsys.inference.cuped import cuped
from recsys.inference.sample_ratio import sample_ratio_test
from recsys.inference.welch import Effect, welch

N_FIXTURES = 200


def farthest(n_fixtures: int) -> float:
    """The largest difference of any p, effect or end of an interval, relative to its size or to 1."""
    experiment = tt.Experiment(
        welch=tt.Mean("after", use_t=True, equal_var=False),
        cuped=tt.Mean("after", "before", use_t=True, equal_var=False),
        ratio=tt.SampleRatio(method="norm", correction=False),
    )
    return max(_difference(experiment, seed) for seed in range(n_fixtures))


def _difference(experiment: "tt.Experiment", seed: int) -> float:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(40, 400))
    variant = (rng.random(n) < rng.uniform(0.3, 0.7)).astype(np.int64)
    variant[:4] = 0, 0, 1, 1
    before = rng.gamma(0.6, 200, n)
    after = rng.uniform(0, 1) * before + rng.gamma(0.5, 100, n) + variant * rng.normal(0, 20)
    result = experiment.analyze(pl.DataFrame({"variant": variant, "before": before, "after": after}))
    treated = variant == 1
    arms = after[treated], after[~treated]
    ours = welch(*arms), cuped(*arms, before[treated], before[~treated])
    pairs = [
        pair for name, effect in zip(("welch", "cuped"), ours, strict=True) for pair in _pairs(effect, result[name])
    ]
    counts = int(treated.sum()), int((~treated).sum())
    pairs.append((sample_ratio_test(counts, (0.5, 0.5)), result["ratio"].pvalue))
    return max(abs(a - b) / max(abs(b), 1.0) for a, b in pairs)


def _pairs(effect: Effect, twin: "tt.metrics.MeanResult") -> list[tuple[float, float]]:
    return [
        (effect.difference, twin.effect_size),
        (effect.relative, twin.rel_effect_size),
        (effect.low, twin.effect_size_ci_lower),
        (effect.high, twin.effect_size_ci_upper),
        (effect.p, twin.pvalue),
    ]


def main(options: list[str]) -> None:
    """Prints the largest difference."""
    print(f"{N_FIXTURES} fixtures: the largest difference is {farthest(N_FIXTURES):.1e}")
