"""Look-alikes: members of one kind find the rest of their kind; small lists are refused."""

import numpy as np
import pytest

from recsys.errors import BadInput
from recsys.learning.customers.lookalikes import find_lookalikes

RNG = np.random.default_rng(0)
KIND = np.arange(1_000) < 300
FEATURES = RNG.normal(size=(1_000, 3)) + 3.0 * KIND[:, None]


def test_members_of_a_kind_find_the_rest_of_it() -> None:
    members = KIND & (np.arange(1_000) < 100)
    alike = find_lookalikes(FEATURES, members, np.random.default_rng(0), limit=200)
    assert KIND[alike.customer].mean() > 0.97
    assert not members[alike.customer].any()
    assert (np.diff(alike.score) <= 0).all()


def test_a_random_list_has_a_held_out_auc_near_chance() -> None:
    members = RNG.random(1_000) < 0.2
    assert find_lookalikes(FEATURES, members, np.random.default_rng(0), limit=10).auc == pytest.approx(0.5, abs=0.12)


def test_a_customer_without_features_is_neither_member_nor_alike() -> None:
    features = FEATURES.copy()
    features[:10] = features[200:210] = np.nan
    alike = find_lookalikes(features, np.arange(1_000) < 100, np.random.default_rng(0), limit=1_000)
    assert set(range(200, 210)).isdisjoint(alike.customer.tolist())


def test_fewer_than_fifty_members_are_refused() -> None:
    with pytest.raises(BadInput, match="49 customers of the list"):
        find_lookalikes(FEATURES, np.arange(1_000) < 49, np.random.default_rng(0), limit=10)


def test_a_list_of_everybody_is_refused() -> None:
    with pytest.raises(BadInput, match="nobody is left"):
        find_lookalikes(FEATURES, np.ones(1_000, bool), np.random.default_rng(0), limit=10)
