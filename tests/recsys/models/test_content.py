"""Content-based model: similar items, whether anybody bought them or not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recsys.data.dataset.dataset import Dataset, build_dataset, read_events
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.item_features import ItemFeatures, build_item_features, feature_words
from recsys.data.entities import Item
from recsys.data.events import Kind
from recsys.models.content import Content, ContentModel
from recsys.testing import NOW, camp_baskets, interactions_of
from recsys.time_units import DAY_MS

RNG = np.random.default_rng(0)


def learnt(items: Sequence[Item], *bought: int) -> tuple[ContentModel, Histories]:
    """A model over those items, numbered in their order, and the history of one customer."""
    user, item = np.zeros(len(bought), np.int32), np.array(bought, np.int32)
    data = interactions_of(user, item, n_users=1, n_items=len(items))
    data = replace(data, item_features=build_item_features(items, [item.item_id for item in items]))
    return Content().fit(data, RNG), data.histories


def test_the_features_of_an_item_are_all_its_words() -> None:
    item = Item(
        "a",
        name="Green Tea, 20 bags",
        category="tea",
        brand="Acme",
        attributes={"organic": True, "kosher": False, "weight": 1.5, "colour": "green", "labels": ["bio", "fair"]},
    )

    assert set(feature_words(item)) == {
        "green", "tea", "20", "bags", "category=tea", "brand=Acme", "organic", "colour=green", "labels=bio",
        "labels=fair",
    }  # fmt: skip


def test_a_feature_of_a_single_item_is_left_out() -> None:
    traits = build_item_features([Item("b", name="red tea"), Item("a", name="green tea")], ["a", "b", "c"])

    assert traits.n_features == 1
    assert traits.offsets.tolist() == [0, 1, 2, 2]


def test_the_latest_description_of_an_item_counts() -> None:
    items = [Item("a", name="tea"), Item("b", name="tea"), Item("a", name="soap"), Item("c", name="soap")]

    traits = build_item_features(items, ["a", "b", "c"])

    assert [traits.feature[traits.offsets[at] : traits.offsets[at + 1]].tolist() for at in range(3)] == [[0], [], [0]]


def test_an_item_nobody_bought_is_reached_by_its_features() -> None:
    items = [Item("a", name="green tea"), Item("b", name="black tea"), Item("c", name="soap"), Item("d", name="soap")]

    model, history = learnt(items, 0)

    scores = model.score(history)[0]
    assert scores[1] > 0 == scores[2] == scores[3]


def test_a_rare_common_feature_counts_more_than_a_frequent_one() -> None:
    items = [Item("a", name="tea organic"), Item("b", name="tea plain"), Item("c", name="soap organic")]
    usual = [Item(f"z{at}", name="tea plain") for at in range(10)]

    model, history = learnt([*items, *usual], 0)

    scores = model.score(history)[0]
    assert scores[2] > scores[1] > 0


def test_the_score_of_one_item_is_the_cosine_of_the_weighted_words() -> None:
    items = [Item("a", name="tea organic"), Item("b", name="tea plain"), Item("c", name="plain organic")]
    table = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]]) * np.log1p(3 / 2)
    table /= np.linalg.norm(table, axis=1, keepdims=True)

    model, history = learnt(items, 0)

    np.testing.assert_allclose(model.score(history)[0], table @ table[0], rtol=1e-5)
    others, likeness = model.similar(0, 2)
    assert others.tolist() == [1, 2]
    np.testing.assert_allclose(likeness, [0.5, 0.5], rtol=1e-5)


def test_without_descriptions_categories_are_the_features() -> None:
    data = camp_baskets()

    scores = Content().fit(data, RNG).score(data.histories)

    assert data.item_features is None
    assert (scores[0::2, 1::2] == 0).all()
    assert (scores[0::2, 0::2] > 0).all()


def test_features_of_categories_leave_the_unknown_one_out() -> None:
    traits = ItemFeatures.of_categories(np.array([2, 0, 1, 2], np.int32))

    assert traits.offsets.tolist() == [0, 1, 1, 2, 3]
    assert traits.feature.tolist() == [2, 1, 2]


def test_the_dataset_of_a_shop_has_the_features_of_its_items() -> None:
    shop = described_shop([Item("a", name="tea"), Item("b", name="tea")])

    assert shop.data.item_features is not None
    assert shop.data.before(NOW + 1).item_features is shop.data.item_features


def described_shop(items: Sequence[Item]) -> Dataset:
    import polars as pl

    events = pl.DataFrame(
        {
            "event_id": ["e"], "user_id": ["u"], "item_id": ["a"], "kind": [int(Kind.PURCHASE)],
            "at_ms": [int(NOW * DAY_MS)],
            "quantity": [1.0], "price": [1.0], "order_id": ["o"], "rating": [None], "discount": [None],
        },
        schema_overrides={"rating": pl.Float64, "discount": pl.Float64},
    )  # fmt: skip
    return build_dataset(read_events([events]), items, now=NOW + 1, weight_by_kind={Kind.PURCHASE: 1.0}, never_show={})
