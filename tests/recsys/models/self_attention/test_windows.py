"""Training windows: every item but the first is a target once, behind the items that came before it."""

from itertools import pairwise

import numpy as np

from recsys.models.self_attention.windows import NO_ITEM, batches, item_sequences
from recsys.testing import NOW, interactions_of

RNG = np.random.default_rng(0)
ITEMS = [[4, 4, 1, 2, 1, 3, 0, 2, 3], [2], [3, 1]]
USER = np.repeat(np.arange(4), [9, 1, 2, 0]).astype(np.int32)
DATA = interactions_of(
    USER,
    np.concatenate(ITEMS).astype(np.int32),
    n_users=4,
    n_items=5,
    at=NOW - 20 + np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1.0]),
)
SEQUENCES = item_sequences(DATA.histories)


def test_a_sequence_holds_the_items_in_order_without_the_next_of_two_equal_ones() -> None:
    assert SEQUENCES.item.tolist() == [4, 1, 2, 1, 3, 0, 2, 3, 2, 3, 1]
    assert SEQUENCES.offsets.tolist() == [0, 8, 9, 11, 11]


def test_the_last_items_stand_at_the_right() -> None:
    assert SEQUENCES.last(3).tolist() == [[0, 2, 3], [-1, -1, 2], [-1, 3, 1], [-1, -1, -1]]


def test_every_item_but_the_first_is_a_target_once_behind_its_past() -> None:
    tokens, targets = SEQUENCES.windows(3, RNG)
    rows, places = np.nonzero(targets != NO_ITEM)
    pairs = sorted(zip(tokens[rows, places].tolist(), targets[rows, places].tolist(), strict=True))
    own = [[4, 1, 2, 1, 3, 0, 2, 3], [3, 1]]
    assert pairs == sorted(pair for items in own for pair in pairwise(items))


def test_the_last_item_of_a_judge_is_held_back() -> None:
    known = SEQUENCES.without_last(np.array([0, 2]))
    assert known.last(2).tolist() == [[0, 2], [-1, 2], [-1, 3], [-1, -1]]


def test_only_the_items_of_one_moment_change_places() -> None:
    basket = interactions_of(
        np.zeros(5, np.int32), np.arange(5, dtype=np.int32), n_users=1, n_items=5, at=NOW - np.array([3, 2, 2, 2, 1.0])
    )
    orders = {tuple(item_sequences(basket.histories).shuffled(RNG).item.tolist()) for _ in range(60)}
    assert len(orders) == 6
    assert {(order[0], order[-1]) for order in orders} == {(0, 4)}


def test_batches_hold_every_row_once_in_few_shapes() -> None:
    tokens, targets = SEQUENCES.windows(4, RNG)
    parts = list(batches(tokens, targets, 8, RNG))
    assert {part.shape for pair in parts for part in pair} <= {(2, 4), (4, 2), (8, 1)}
    found = [row[row != NO_ITEM].tolist() for part, _ in parts for row in part]
    assert sorted(filter(None, found)) == sorted(row[row != NO_ITEM].tolist() for row in tokens)
