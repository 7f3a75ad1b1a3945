"""Effect of promotions: known factors are found again beside levels of items and stores."""

import numpy as np
import pytest

from eval.promotions.effect import PromotionPanel, fit_effects
from recsys.errors import NotEnoughData


def panel(rng: np.random.Generator, factors: tuple[float, float] = (1.8, 2.2)) -> PromotionPanel:
    """40 items in 10 stores, each with and without both flags; promoted items sell more anyway."""
    item, store, first, second = (each.ravel() for each in np.meshgrid(*map(np.arange, (40, 10, 2, 2)), indexing="ij"))
    weeks = rng.integers(5, 20, len(item)) + 5 * first * (item % 7)
    level = np.exp(rng.normal(0, 1, 40) + 0.3 * (np.arange(40) % 7))[item] * np.exp(rng.normal(0, 0.5, 10))[store]
    mean = weeks * level * factors[0] ** first * factors[1] ** second
    flags = np.stack([first, second], axis=1).astype(bool)
    return PromotionPanel(
        item.astype(np.int32), store.astype(np.int32), flags, weeks, rng.poisson(mean), ("display", "mailer")
    )


def dummy_regression(data: PromotionPanel) -> np.ndarray:
    """The slow obvious twin: Newton steps of a Poisson regression with a column for each item and store."""
    n_items, n_stores = int(data.item.max()) + 1, int(data.store.max()) + 1
    x = np.column_stack([data.flags, np.eye(n_items)[data.item], np.eye(n_stores)[data.store][:, 1:]])
    beta = np.zeros(x.shape[1])
    beta[2 : 2 + n_items] = np.log(data.purchases.sum() / data.weeks.sum())
    for _ in range(60):
        mean = data.weeks * np.exp(np.clip(x @ beta, -20, 20))
        beta += np.clip(np.linalg.solve((x * mean[:, None]).T @ x + 1e-12, x.T @ (data.purchases - mean)), -1, 1)
    return np.exp(beta[:2])


def test_known_factors_lie_in_narrow_intervals() -> None:
    display, mailer = fit_effects(panel(np.random.default_rng(0)))
    assert display.low < 1.8 < display.high
    assert mailer.low < 2.2 < mailer.high
    assert (display.high - display.low, mailer.high - mailer.low) < (0.2, 0.2)


def test_a_regression_with_a_column_for_each_item_and_store_says_the_same() -> None:
    data = panel(np.random.default_rng(1))
    np.testing.assert_allclose([each.factor for each in fit_effects(data)], dummy_regression(data), rtol=1e-6)


def test_a_flag_that_never_changes_within_an_item_is_refused() -> None:
    data = panel(np.random.default_rng(2))
    always = np.stack([data.item % 2 == 0, data.flags[:, 1]], axis=1)
    with pytest.raises(NotEnoughData, match="never change on their own"):
        fit_effects(PromotionPanel(data.item, data.store, always, data.weeks, data.purchases, data.names))
