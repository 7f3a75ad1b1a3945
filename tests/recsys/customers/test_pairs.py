"""Association rules of baskets: figures by hand, order of the list, and no pair of a few customers."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from recsys.customers.pairs import BasketLines, BasketPairs, basket_lines, basket_pairs, ordered_pairs
from recsys.data.dataset.dataset import read_events
from recsys.data.entities import Item
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.errors import BadInput
from recsys.time_units import DAY_MS

NAMES = ("bread", "butter", "soap")
LABELS = {name: place for place, name in enumerate(NAMES)}


def lines_of(baskets: Sequence[Sequence[str]], n_customers: int) -> BasketLines:
    """Baskets of customers in turn."""
    rows = [(number, LABELS[name]) for number, basket in enumerate(baskets) for name in basket]
    basket, label = np.array(rows, np.int64).T
    return BasketLines(basket, basket % n_customers, label.astype(np.int32), NAMES)


# 100 baskets: 40 bread and butter, 20 bread, 10 butter, 30 soap with bread.
BASKETS = [
    *[["bread", "butter", "bread"]] * 40,
    *[["bread"]] * 20,
    *[["butter"]] * 10,
    *[["soap", "bread"]] * 30,
]


def test_support_confidence_and_lift_are_those_by_hand() -> None:
    pairs = basket_pairs(lines_of(BASKETS, 100), 20)
    assert pairs.frame().drop("lift_low", "lift_high").rows() == [
        ("bread", "soap", 30, 0.3, pytest.approx(30 / 90), 1.0, pytest.approx(30 * 100 / (90 * 30))),
        ("bread", "butter", 40, 0.4, pytest.approx(40 / 90), 0.8, pytest.approx(40 * 100 / (90 * 50))),
    ]
    assert len(basket_pairs(lines_of(BASKETS, 100), 31)) == 1
    assert len(basket_pairs(lines_of(BASKETS, 100), 101)) == 0


def test_the_interval_of_the_lift_holds_what_it_says() -> None:
    rng, n = np.random.default_rng(1), 600
    shares, lift = np.array([0.15, 0.10, 0.25, 0.50]), 0.15 / (0.25 * 0.40)  # both, only the first, only the second
    inside = []
    for both, first, second, _ in rng.multinomial(n, shares, 400):
        held = np.array([both + first, both + second], np.int64)
        pair = BasketPairs(np.zeros(1, np.int32), np.ones(1, np.int32), np.array([both], np.int64), held, n, NAMES)
        low, high = pair.lift_interval()
        inside.append(low[0] <= lift <= high[0])
    assert 0.92 < np.mean(inside) < 0.98


def test_pairs_stand_in_another_order_and_a_wrong_one_is_told() -> None:
    frame = basket_pairs(lines_of(BASKETS, 100), 20).frame()
    assert ordered_pairs(frame, "baskets")["baskets"].to_list() == [40, 30]
    with pytest.raises(BadInput, match="did you mean 'lift'"):
        ordered_pairs(frame, "lifts")


def test_a_pair_of_fewer_than_twenty_customers_is_left_out() -> None:
    assert len(basket_pairs(lines_of(BASKETS, 20), 20)) == 2
    assert len(basket_pairs(lines_of(BASKETS, 19), 20)) == 0


def test_the_order_of_lines_changes_nothing() -> None:
    lines, order = lines_of(BASKETS, 50), np.random.default_rng(0).permutation(170 + 40)
    order = order[order < len(lines.basket)]
    shuffled = BasketLines(lines.basket[order], lines.customer[order], lines.label[order], NAMES)
    assert basket_pairs(lines, 20).frame().equals(basket_pairs(shuffled, 20).frame())


def frame_of(rows: Sequence[tuple[str, str, int, float, str | None]]) -> pl.DataFrame:
    events = [
        Event(f"e{n}", user, item, Kind.PURCHASE, day * DAY_MS, 1.0, price, order)
        for n, (user, item, day, price, order) in enumerate(rows)
    ]
    return read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])


def test_a_basket_is_an_order_or_a_day_and_gifts_are_in_none() -> None:
    items = [Item(name, category=group, attributes={"type": group}) for name, group in zip("abc", "XXY", strict=True)]
    events = frame_of(
        [
            ("u", "a", 1, 2.0, None),
            ("u", "c", 1, 2.0, None),
            ("u", "a", 1, 2.0, "o-1"),
            ("v", "b", 1, 2.0, "o-1"),
            ("v", "c", 1, 0.0, "o-1"),
            ("v", "unlabelled", 1, 1.0, "o-1"),
        ]
    )
    by_item, by_type = basket_lines(events, items, "item"), basket_lines(events, items, "type")
    assert len(set(by_item.basket.tolist())) == 3
    assert (by_item.names, by_type.names) == (["a", "b", "c", "unlabelled"], ["X", "Y"])
    assert by_type.label.tolist() == [0, 1, 0, 0]
    assert basket_lines(events, items, "category").names == ["X", "Y"]


def test_an_attribute_that_no_item_has_is_refused_with_the_nearest() -> None:
    events = frame_of([("u", "a", 1, 2.0, None)])
    with pytest.raises(BadInput, match="by colour: no item has this attribute; did you mean 'color'"):
        basket_lines(events, [Item("a", attributes={"color": "red"})], "colour")
