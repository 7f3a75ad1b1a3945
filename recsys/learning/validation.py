"""Validation: users of the held-back weeks, the lists a model would have given them, and the nDCG of these lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Ints, is_in_sorted
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import OWNED_KINDS
from recsys.learning.holdout import Holdout
from recsys.metrics import ndcg
from recsys.models.base import Model, OwnItemsModel
from recsys.models.candidates import Candidates, best, best_of_few

BATCH_SIZE = 64  # users scored at once: 24 MB at 92,000 items
N_LIKELY = 2_048  # items whose scores bound the search through all
LIST_LENGTH = 10  # places of a list that count
STANDARD_ERRORS = 2.0  # a mean difference beyond so many is not noise


@dataclass(frozen=True)
class ValidationUsers:
    """Q users of the held-back weeks: their histories, and what each had bought before and bought after (sorted)."""

    histories: Histories
    before: Sequence[Ints]
    after: Sequence[Ints]

    def __len__(self) -> int:
        return len(self.after)

    @cached_property
    def new(self) -> tuple[Ints, ...]:
        """What each user bought after and had not bought before, sorted."""
        pairs = zip(self.before, self.after, strict=True)
        return tuple(after[~is_in_sorted(after, before)] for before, after in pairs)

    def first(self, n: int) -> "ValidationUsers":
        """The first n of them, which is a random sample: their order is random."""
        return self if n >= len(self) else self._part(slice(0, n))

    def after_first(self, n: int) -> "ValidationUsers":
        """All but the first n of them."""
        return self._part(slice(n, None))

    def _part(self, part: slice) -> "ValidationUsers":
        users = range(len(self))[part]
        return ValidationUsers(self.histories.take(users), self.before[part], self.after[part])


@dataclass(frozen=True, slots=True)
class Validation:
    """The past to learn from, the users to validate with, and whether only items new to the user count.

    is_large: there is so much to learn from that cheaper versions of the models have to do.
    is_timeless: what is held back was drawn at random, so it is as old as what is known.
    """

    past: Interactions
    users: ValidationUsers
    only_new: bool
    is_large: bool = False
    is_timeless: bool = False

    def relevant_items(self) -> Sequence[Ints]:
        """What counts as a hit for each user, sorted."""
        return self.users.new if self.only_new else self.users.after

    def quality(self, model: Model) -> Doubles:
        """nDCG@10 of the model's own lists for each user who chose anything that counts.  (<= Q,)"""
        lists = candidate_lists(model, self.users, only_new=self.only_new, depth=LIST_LENGTH)
        return list_ndcg(lists, self.relevant_items())


def validation_users(holdout: Holdout, rng: Generator, n: int) -> ValidationUsers:
    """Up to n random users who have a past and chose something that is held back."""
    drawn = rng.permutation(np.flatnonzero(holdout.is_validation_user))[:n]
    histories = holdout.past.histories.take(drawn)
    return ValidationUsers(histories, _items(histories.only(*OWNED_KINDS)), _items(holdout.later.take(drawn)))


def candidate_lists(model: Model, users: ValidationUsers, *, only_new: bool, depth: int) -> list[Candidates]:
    """The best `depth` items for each user, without what the user had bought if only new items count."""
    if not only_new and isinstance(model, OwnItemsModel):
        return [best_of_few(*model.score_own(users.histories.take([user])), depth) for user in range(len(users))]
    lists: list[Candidates] = []
    eligible = np.ones(users.histories.n_items, bool)
    likely = np.arange(min(N_LIKELY, len(eligible)), dtype=np.int32)
    for start in range(0, len(users), BATCH_SIZE):
        batch = range(start, min(start + BATCH_SIZE, len(users)))
        for user, scores in zip(batch, model.score(users.histories.take(batch)), strict=True):
            eligible[users.before[user]] = not only_new
            lists.append(best(scores, eligible, depth, likely))
            eligible[users.before[user]] = True
    return lists


def list_ndcg(lists: Sequence[Candidates], relevant: Sequence[Ints], k: int = LIST_LENGTH) -> Doubles:
    """nDCG@k of each list whose user has relevant items (sorted), in order; gains are 0 and 1.  (<= Q,)"""
    hits = np.zeros((len(relevant), k), np.bool_)
    for row, part, items in zip(hits, lists, relevant, strict=True):
        row[: len(part)] = is_in_sorted(part.items[:k], items)
    n_relevant = np.array([len(items) for items in relevant], np.int64)
    return ndcg(hits, n_relevant, k)[n_relevant > 0]


def is_better(
    quality: Doubles, baseline: Doubles, *, min_gain: float = 0.0, standard_errors: float = STANDARD_ERRORS
) -> bool:
    """Whether the mean quality is higher by that share, and the paired difference is beyond noise.  (Q,), (Q,)"""
    if not len(quality) or quality.mean() <= baseline.mean() * (1 + min_gain):
        return False
    difference = quality - baseline
    return bool(difference.mean() > standard_errors * difference.std() / np.sqrt(len(difference)))


def _items(histories: Histories) -> list[Ints]:
    """The items of each user, sorted, each once."""
    pairs = histories.pairs()
    return np.split(pairs.item, pairs.offsets[1:-1])
