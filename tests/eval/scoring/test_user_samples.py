"""User samples: they stand for all customers, and say what was had, shown and taken."""

import numpy as np

from eval.metrics.held_back import build_held_back
from eval.metrics.ranked_lists import RankedLists
from eval.scoring.user_samples import MOST_NAMED, ItemNames, UserSample, sample_users

K = 10
NAMES = ItemNames(lambda item: f"Item {item}", lambda row: np.array([7, row, 7], np.int32))


def samples_of(hits: list[int], n_more: int = 0) -> list[UserSample]:
    """Customers whose list of items 0 to 9 holds so many hits, beside `n_more` purchases that are in no list."""
    pairs = [(row, item) for row, n in enumerate(hits) for item in (*range(n), *range(50, 50 + n_more))]
    row, item = np.array(pairs, np.int32).reshape(-1, 2).T
    held_back = build_held_back(row, item, np.zeros(len(row)), n_customers=len(hits))
    own = RankedLists.from_rows([np.arange(K, dtype=np.int32)] * len(hits), K)
    short = RankedLists.from_rows([np.array([3, 4], np.int32)] * len(hits), K)
    return sample_users({"own": own, "short": short}, held_back, NAMES, ours="own", k=K, seed=0)


def n_hits(sample: UserSample) -> int:
    return sum(item.is_hit for item in sample.lists["own"])


def test_each_sample_is_the_middle_customer_of_a_fifth() -> None:
    hits = [*[9] * 20, *[6] * 20, *[3] * 20, *[1] * 20, *[0] * 20]
    assert [n_hits(sample) for sample in samples_of(list(np.random.default_rng(0).permutation(hits)), 1)] == [
        9,
        6,
        3,
        1,
        0,
    ]


def test_where_nearly_nobody_has_a_hit_the_samples_say_so() -> None:
    assert [n_hits(sample) for sample in samples_of([5, *[0] * 99], 1)] == [0, 0, 0, 0, 0]


def test_customers_who_took_nothing_are_never_sampled_and_few_customers_are_sampled_once() -> None:
    samples = samples_of([0, 2, 0, 4])
    assert [n_hits(sample) for sample in samples] == [4, 2]
    assert samples_of([0, 0]) == []


def test_a_sample_names_what_was_had_shown_and_taken() -> None:
    (sample,) = samples_of([4], n_more=30)
    assert [(item.name, item.n) for item in sample.history] == [("Item 7", 2), ("Item 0", 1)]
    assert sample.held_back[:4] == [f"Item {item}" for item in range(4)]
    assert (sample.n_history, sample.n_held_back, len(sample.held_back)) == (2, 34, MOST_NAMED)
    assert [(item.name, item.is_hit) for item in sample.lists["short"]] == [("Item 3", True), ("Item 4", False)]
    assert [item.is_hit for item in sample.lists["own"]] == [True] * 4 + [False] * 6
