"""Effect of promotions on purchases: Poisson regression with fixed effects of items and stores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Ints, Longs
from recsys.errors import NotEnoughData

MOST_ROUNDS = 200
TOLERANCE = 1e-8
SWEEPS = 20  # of the projection on both effects, for the standard errors
NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class PromotionPanel:
    """N cells of one item in one store under the same flags.

    item, store (N,) int32; flags (N, F): what was on; weeks (N,): how many weeks; purchases (N,): in all of them.
    names (F,): of the flags.
    """

    item: Ints
    store: Ints
    flags: Bools
    weeks: Longs
    purchases: Longs
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class FlagEffect:
    """Purchases are `factor` times as many in weeks with the flag; low to high with 95 %.

    weeks, purchases: with the flag.
    """

    name: str
    factor: float
    low: float
    high: float
    weeks: int
    purchases: int


def fit_effects(panel: PromotionPanel) -> list[FlagEffect]:
    """The factor of each flag, beside the level of each item and of each store.

    log E(purchases) = log weeks + item + store + flags @ beta.  Both effects have closed forms, given the rest (Poisson
    pseudo likelihood, Santos Silva & Tenreyro 2006); beta takes Newton steps; errors are clustered by item (Liang &
    Zeger 1986).  Raises NotEnoughData where a flag never changes within the items that were sold.
    """
    x, y = panel.flags.astype(np.float64), panel.purchases.astype(np.float64)
    beta, by_item, by_store = np.zeros(x.shape[1]), _ones(panel.item), _ones(panel.store)
    for _ in range(MOST_ROUNDS):
        base = panel.weeks * np.exp(x @ beta)
        by_item = _effect(panel.item, y, base * by_store[panel.store], len(by_item))
        by_store = _effect(panel.store, y, base * by_item[panel.item], len(by_store))
        mean = base * by_item[panel.item] * by_store[panel.store]
        centred = _projected(x, mean, (panel.item,))
        step = _solved(centred, mean, x.T @ (y - mean), panel.names)
        beta = beta + step
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    mean = panel.weeks * np.exp(x @ beta) * by_item[panel.item] * by_store[panel.store]
    error = _clustered_errors(panel, x, mean, y)
    return [
        FlagEffect(
            name,
            float(np.exp(beta[at])),
            float(np.exp(beta[at] - NORMAL_95 * error[at])),
            float(np.exp(beta[at] + NORMAL_95 * error[at])),
            int(panel.weeks[panel.flags[:, at]].sum()),
            int(panel.purchases[panel.flags[:, at]].sum()),
        )
        for at, name in enumerate(panel.names)
    ]


def _ones(codes: Ints) -> Doubles:
    return np.ones(int(codes.max(initial=-1)) + 1)


def _effect(codes: Ints, y: Doubles, expected: Doubles, n: int) -> Doubles:
    """Observed over expected of each code, 0 where nothing is expected.  (N,) -> (n,)"""
    below = np.bincount(codes, expected, n)
    return np.divide(np.bincount(codes, y, n), below, out=np.zeros(n), where=below > 0)


def _projected(x: Doubles, weight: Doubles, effects: Sequence[Ints], sweeps: int = 1) -> Doubles:
    """The columns without their weighted means within each effect, one after the other.  (N, F)"""
    rest = x.copy()
    for _ in range(sweeps):
        for codes in effects:
            total = np.bincount(codes, weight)
            for column in rest.T:
                sums = np.bincount(codes, weight * column)
                column -= np.divide(sums, total, out=np.zeros_like(total), where=total > 0)[codes]
    return rest


def _solved(centred: Doubles, weight: Doubles, gradient: Doubles, names: Sequence[str]) -> Doubles:
    information = (centred * weight[:, None]).T @ centred
    if (np.diag(information) <= 1e-9).any() or np.linalg.cond(information) > 1e12:
        raise NotEnoughData(f"{', '.join(names)}: never change on their own for an item that was sold; leave one out")
    return np.asarray(np.linalg.solve(information, gradient), np.float64)


def _clustered_errors(panel: PromotionPanel, x: Doubles, mean: Doubles, y: Doubles) -> Doubles:
    """Standard errors of beta: the sandwich, with the scores summed by item.  (F,)"""
    centred = _projected(x, mean, (panel.item, panel.store), SWEEPS)
    bread = np.linalg.inv((centred * mean[:, None]).T @ centred)
    scores = np.stack([np.bincount(panel.item, column * (y - mean)) for column in centred.T], axis=1)
    return np.asarray(np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread)), np.float64)
