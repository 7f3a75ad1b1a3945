"""Seasonal model: what sold in the same weeks of earlier years comes first in time, and nothing else moves."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.learning.holdout import last_weeks
from recsys.learning.model_selection import ModelChoice, select_models
from recsys.learning.recipe import Plan
from recsys.learning.validation import validation_users
from recsys.models.popularity import Popularity
from recsys.models.registry import LEARNERS
from recsys.models.seasonal import LEAST_DAYS, YEAR_DAYS, Seasonal
from recsys.testing import NOW, interactions_of, seasonal_shop

RNG = np.random.default_rng(0)
STEADY, IN_SEASON, PAST_SEASON = 0, 1, 2


def sold(*rows: tuple[int, float, int], n_items: int = 4) -> Interactions:
    """item, days ago, customers: each customer buys once."""
    item = np.concatenate([np.full(n, item, np.int32) for item, _, n in rows])
    at = np.concatenate([np.full(n, NOW - days_ago) for _, days_ago, n in rows])
    return interactions_of(np.arange(len(item), dtype=np.int32), item, n_users=len(item), n_items=n_items, at=at)


def turning_year(n_in_season: int = 60) -> Interactions:
    """An item that sells all year, one that sold after this day a year ago, one that sells until now as a year ago."""
    months = [(STEADY, 28.0 * month + 1, 40) for month in range(18)]
    return sold(
        *months, (IN_SEASON, YEAR_DAYS - 5, n_in_season), (PAST_SEASON, 5, 100), (PAST_SEASON, YEAR_DAYS + 5, 100)
    )


def test_what_sold_in_the_coming_weeks_a_year_ago_comes_first_and_what_ended_then_goes_down() -> None:
    seasonal, plain = (each.fit(turning_year(), RNG).weight for each in (Seasonal(), Popularity()))

    assert plain[PAST_SEASON] > plain[STEADY] > plain[IN_SEASON]
    assert seasonal[IN_SEASON] > seasonal[PAST_SEASON]
    assert seasonal[IN_SEASON] > seasonal[STEADY]


def test_a_difference_within_noise_moves_nothing() -> None:
    data = turning_year(n_in_season=3)
    assert Seasonal().fit(data, RNG).weight[IN_SEASON] < 1e-4
    assert Seasonal(caution=0.0).fit(data, RNG).weight[IN_SEASON] > 0.01


def test_a_log_without_an_earlier_year_leaves_best_sellers() -> None:
    data = turning_year()
    young = data.only(data.histories.at > NOW - LEAST_DAYS + 1, NOW)
    seasonal, plain = Seasonal().fit(young, RNG).weight, Popularity().fit(young, RNG).weight
    np.testing.assert_allclose(seasonal, plain / plain.sum(), rtol=1e-5)


def test_a_season_grows_with_its_item() -> None:
    months = [(STEADY, 28.0 * month + 1, 40) for month in range(18)]
    last_year = [(IN_SEASON, YEAR_DAYS + 5, 20), (IN_SEASON, YEAR_DAYS - 5, 60)]
    few, many = (sold(*months, *last_year, (IN_SEASON, 5, n)) for n in (20, 60))
    rise = [Seasonal().fit(data, RNG).weight[IN_SEASON] - _share(data)[IN_SEASON] for data in (few, many)]
    assert 1.5 * rise[0] < rise[1]


def _share(data: Interactions) -> np.ndarray:
    weight = Popularity().fit(data, RNG).weight
    return np.asarray(weight / weight.sum())


def test_the_formula_is_that_of_a_loop_over_items_and_years() -> None:
    data, learner = seasonal_shop(60), Seasonal(half_life_days=50.0, demand_days=14.0)
    user, item, at = data.histories.user, data.histories.item, data.histories.at

    def shares(since: float, until: float, half_life: float) -> tuple[np.ndarray, np.ndarray, float]:
        latest = {
            (u, i): t
            for u, i, t in sorted(zip(user, item, at, strict=True), key=lambda row: row[2])
            if since <= t < until
        }
        weights = {pair: 0.5 ** ((until - t) / half_life) for pair, t in latest.items()}
        total = sum(weights.values())
        each = [[weight for (_, i), weight in weights.items() if i == own] for own in range(data.n_items)]
        return (
            np.array([sum(w) for w in each]) / total,
            np.array([sum(x * x for x in w) for w in each]) / total**2,
            total,
        )

    now, _, total = shares(-np.inf, NOW, 50.0)
    changes = []
    for year in (1, 2):
        then = NOW - YEAR_DAYS * year
        before, noise, _ = shares(-np.inf, then, 50.0)
        after, further, _ = shares(then, then + 14, np.inf)
        gap = after - before
        certain = [max(0.0, 1 - 4 * (a + b) / g**2) if g else 0.0 for a, b, g in zip(noise, further, gap, strict=True)]
        changes.append(gap * certain * np.clip((now + 10 / total) / (before + 10 / total), 0.25, 4))
    np.testing.assert_allclose(learner.fit(data, RNG).weight, np.maximum(now + np.mean(changes, axis=0), 0), atol=1e-6)


def chosen(data: Interactions) -> ModelChoice:
    holdout = last_weeks(data, 28)
    users = validation_users(holdout, np.random.default_rng(0), 2_000)
    defaults = {name: LEARNERS[name]() for name in ("popularity", "item_neighbours", "user_neighbours")}
    plan = Plan(defaults, {}, optional={"seasonal": Seasonal()})
    return select_models(holdout, users, plan, np.random.default_rng(0), lambda _name: nullcontext())


def test_a_training_takes_it_where_the_shop_has_seasons() -> None:
    choice = chosen(seasonal_shop())
    assert choice.blend["seasonal"] > 0.3
    assert choice.verdicts["seasonal"].ndcg > 2 * choice.verdicts["popularity"].ndcg


def test_a_training_leaves_it_out_where_the_shop_has_none() -> None:
    assert "from the list" in chosen(seasonal_shop(has_seasons=False)).left_out["seasonal"]


@pytest.mark.parametrize(("days", "is_tried"), [(LEAST_DAYS + 30, True), (LEAST_DAYS + 20, False)])
def test_it_is_tried_only_with_a_log_that_is_long_enough(days: float, is_tried: bool) -> None:
    data = seasonal_shop(100)
    recent = data.only(data.histories.at > NOW - days, NOW)
    assert (chosen(recent).left_out.get("seasonal", "") != "a log of 400 days is needed to try it") == is_tried


def test_a_release_knows_it_by_the_weight_of_each_item() -> None:
    model = Seasonal().fit(turning_year(), RNG)
    histories = replace(turning_year().histories, now=NOW + 3)
    np.testing.assert_array_equal(model.score(histories.take([0, 1])), np.stack([model.weight] * 2))
