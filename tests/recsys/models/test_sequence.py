"""Sequence model: the next items follow from the order of the last ones."""

from collections import defaultdict

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.models import sequence
from recsys.models.sequence import Sequence, item_steps
from recsys.testing import NOW, interactions_of

RNG = np.random.default_rng(0)


def rows(*histories: list[list[int]], n_items: int = 6, day: float = 1.0) -> Interactions:
    """Customers, each a list of moments, each a list of items; a moment every `day` days, the last one today."""
    events = [
        (user, item, NOW - day * (len(moments) - 1 - at))
        for user, moments in enumerate(histories)
        for at, basket in enumerate(moments)
        for item in basket
    ]
    user, item, when = (np.array(column) for column in zip(*events, strict=True))
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=len(histories), n_items=n_items, at=when
    )


def random_rows(seed: int, n_users: int = 12, n_items: int = 8) -> list[list[list[int]]]:
    rng = np.random.default_rng(seed)
    return [
        [rng.choice(n_items, rng.integers(1, 4), replace=False).tolist() for _ in range(rng.integers(1, 6))]
        for _ in range(n_users)
    ]


def test_the_steps_of_a_customer_are_their_moments_in_order() -> None:
    steps = item_steps(rows([[3], [1, 2], [3]], [[5]]).histories)

    assert steps.item.tolist() == [3, 1, 2, 3, 5]
    assert steps.step.tolist() == [0, 1, 1, 2, 0]
    assert steps.count.tolist() == [3, 1]


def test_a_following_item_scores_above_a_preceding_one() -> None:
    model = Sequence().fit(rows([[0], [1], [2]], [[0], [1], [2]]), RNG)

    scores = model.score(rows([[1]]).histories)[0]

    assert scores[2] > scores[0] > 0


def test_the_last_chosen_item_counts_most() -> None:
    model = Sequence().fit(rows([[0], [1]], [[2], [3]]), RNG)

    zero_last, two_last = (model.score(rows(moments).histories)[0] for moments in ([[2], [0]], [[0], [2]]))

    assert zero_last[1] > zero_last[3] > 0
    assert two_last[3] > two_last[1] > 0


def test_only_the_order_of_moments_counts_and_not_their_distance() -> None:
    histories = random_rows(1)
    daily, yearly = rows(*histories, n_items=8), rows(*histories, n_items=8, day=365.0)

    scores = [Sequence().fit(data, RNG).score(data.histories) for data in (daily, yearly)]

    np.testing.assert_array_equal(scores[0], scores[1])


def test_inside_one_moment_there_is_no_order() -> None:
    model = Sequence().fit(rows([[0, 1]], [[1, 0]]), RNG)

    assert model.similar(0, 1)[1] == model.similar(1, 1)[1]


def test_far_apart_is_less_than_near_and_beyond_the_window_is_nothing() -> None:
    model = Sequence(window=2).fit(rows([[0], [1], [2], [3]]), RNG)

    scores = model.score(rows([[0]]).histories)[0]

    assert scores[1] > scores[2] > scores[3] == 0


def test_only_the_last_moments_count() -> None:
    model = Sequence(max_moments=1).fit(rows([[0], [1]], [[2], [3]]), RNG)

    scores = model.score(rows([[0], [2]]).histories)[0]

    assert scores[1] == 0 < scores[3]


def test_a_returned_item_leads_nowhere() -> None:
    data = rows([[0], [1]])
    model = Sequence().fit(data, RNG)
    data.histories.weight[:] = -1.0

    assert not model.score(data.histories).any()


@pytest.mark.parametrize("block", [3, 4_096])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_votes_agree_with_a_slow_obvious_twin(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "BLOCK", block)
    histories, learner = random_rows(seed), Sequence(window=3, shrinkage=2.0)
    data = rows(*histories, n_items=8)
    known: dict[int, float] = defaultdict(lambda: learner.shrinkage)
    led: dict[tuple[int, int], float] = defaultdict(float)
    for moments in histories:
        steps = [(item, step) for step, basket in enumerate(moments) for item in sorted(basket)]
        for at, (item, step) in enumerate(steps):
            known[item] += 1
            for other, later in steps[at + 1 : at + 1 + learner.window]:
                near = learner.fade ** max(later - step - 1, 0)
                both = (1 + learner.backward) / 2
                led[item, other] += near if later > step else both
                led[other, item] += near * learner.backward if later > step else both

    model = learner.fit(data, RNG)

    for (item, other), weight in led.items():
        others, similarity = model.similar(item, 8)
        expected = weight / (known[item] ** learner.source_power * known[other] ** learner.target_power)
        if item != other:
            np.testing.assert_allclose(similarity[others == other], [expected], rtol=1e-5)
