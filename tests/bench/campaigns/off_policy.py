"""Bias and coverage of the off-policy estimators, on synthetic logs whose truth is known.

python -m tests.bench.campaigns off_policy --logs 1000 --answers 4000

Two kinds of customers, six items, lists of two drawn without replacement.  The second place earns more below a good
first one, and customers differ in how much they buy.  The truth is the sum over all lists.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Longs
from recsys.inference.off_policy import ESTIMATORS, LoggedChoices, effective_sample_size

N_ITEMS, PER_CUSTOMER = 6, 4
BIAS, COVERAGE = 0.01, (0.93, 0.98)
LOGGING = (1.0 / np.arange(1, N_ITEMS + 1) ** 1.5).astype(np.float64)  # weight of each item in a draw
CANDIDATE = LOGGING[[1, 3, 0, 2, 5, 4]]
CHANCE = np.array([[0.30, 0.20, 0.10, 0.15, 0.05, 0.05], [0.05, 0.25, 0.10, 0.30, 0.10, 0.02]])  # (kind, item)
LISTS = np.array(list(permutations(range(N_ITEMS), 2)))


def draw_probabilities(weights: Doubles, lists: Longs) -> Doubles:
    """Probability of each item given those above it, (N, 2) -> (N, 2).  Plackett 1975, Luce 1959."""
    chosen = weights[lists]
    left = np.column_stack((np.full(len(lists), weights.sum()), weights.sum() - chosen[:, 0]))
    probabilities: Doubles = chosen / left
    return probabilities


def mean_rewards(kind: Longs, lists: Longs) -> Doubles:
    """Mean reward of each place of lists for customers of a kind, (N,), (N, 2) -> (N, 2)."""
    first, second = CHANCE[kind, lists[:, 0]], CHANCE[kind, lists[:, 1]]
    return np.column_stack((first, 0.6 * second * (0.5 + 2.0 * first)))


def true_value(weights: Doubles) -> float:
    """Mean reward of a list drawn with these weights."""
    chance = draw_probabilities(weights, LISTS).prod(axis=1)
    return float(
        np.mean([chance @ mean_rewards(np.full(len(LISTS), kind), LISTS).sum(axis=1) for kind in range(len(CHANCE))])
    )


def synthetic_log(n_answers: int, rng: Generator) -> LoggedChoices:
    """A log of that many answers, PER_CUSTOMER to each customer, and a model of rewards that is somewhat wrong."""
    customer = np.arange(n_answers) // PER_CUSTOMER
    n_customers = int(customer[-1]) + 1
    kind = rng.integers(0, len(CHANCE), n_customers)[customer]
    eagerness = rng.uniform(0.4, 1.6, n_customers)[customer]
    logged = draw_probabilities(LOGGING, LISTS)
    drawn = rng.choice(len(LISTS), n_answers, p=logged.prod(axis=1) / logged.prod(axis=1).sum())
    lists = LISTS[drawn]
    reward = rng.random(lists.shape) < mean_rewards(kind, lists) * eagerness[:, None]
    model = 0.7 * CHANCE * np.array([1.0, 0.5])[:, None, None]  # (place, kind, item)
    left = np.ones((n_answers, N_ITEMS))
    left[np.arange(n_answers), lists[:, 0]] = 0.0
    shares = (CANDIDATE / CANDIDATE.sum(), CANDIDATE * left / (CANDIDATE * left).sum(axis=1, keepdims=True))
    return LoggedChoices(
        reward=reward.astype(float),
        logged=logged[drawn],
        candidate=draw_probabilities(CANDIDATE, lists),
        customer=customer,
        predicted=np.column_stack([model[place, kind, lists[:, place]] for place in range(2)]),
        expected=np.column_stack([(model[place][kind] * shares[place]).sum(axis=1) for place in range(2)]),
        unsupported=np.zeros(lists.shape),
    )


def bias_and_coverage(n_logs: int, n_answers: int, rng: Generator) -> dict[str, tuple[float, float]]:
    """By estimator, relative bias over all logs and the share of intervals that hold the truth."""
    truth, estimates = true_value(CANDIDATE), {name: list[tuple[float, bool]]() for name in ESTIMATORS}
    for _ in range(n_logs):
        log = synthetic_log(n_answers, rng)
        for name, estimator in ESTIMATORS.items():
            each = estimator(log)
            estimates[name].append((each.value, each.low <= truth <= each.high))
    columns = {name: np.array(rows) for name, rows in estimates.items()}
    return {name: (rows[:, 0].mean() / truth - 1.0, rows[:, 1].mean()) for name, rows in columns.items()}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=1_000)
    parser.add_argument("--answers", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=0)
    options, rng = parser.parse_args(arguments), np.random.default_rng(0)
    start = time.process_time()
    rows = bias_and_coverage(options.logs, options.answers, np.random.default_rng(options.seed))
    log = synthetic_log(options.answers, rng)
    print(f"truth {true_value(CANDIDATE):.4f} per answer; the log's own lists {true_value(LOGGING):.4f}")
    print(f"{options.answers} answers are worth {effective_sample_size(log.weights()[:, -1]):.0f} of the candidate")
    for name, (bias, coverage) in rows.items():
        is_kept = abs(bias) <= BIAS and COVERAGE[0] <= coverage <= COVERAGE[1]
        print(f"{name:6} bias {bias:+.2%}  coverage {coverage:.1%}  {'kept' if is_kept else 'MISSED'}")
    print(f"{time.process_time() - start:.1f} s of CPU")
