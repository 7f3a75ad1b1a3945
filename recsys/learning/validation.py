"""Who judges: customers of the weeks held back, what a model would have shown them, and how good that was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Ints
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import HAD
from recsys.learning.holdout import Holdout
from recsys.metrics import ndcg
from recsys.models.base import Model, OwnItemsModel
from recsys.models.candidates import Candidates, best, ranked

BATCH = 64  # customers scored at once: 24 MB at 92,000 items
LIKELY = 2_048  # items whose scores bound the search through all
LENGTH = 10  # places of a list that count
SURE = 2.0  # standard errors: beyond them a mean difference is no noise


@dataclass(frozen=True, slots=True)
class ValidationUsers:
    """Q customers of the held-back weeks: what was known, what each had bought and what each bought then (sorted)."""

    histories: Histories
    before: Sequence[Ints]
    after: Sequence[Ints]

    def __len__(self) -> int:
        return len(self.after)

    @property
    def new(self) -> list[Ints]:
        """What each bought then and had not bought before."""
        return [np.setdiff1d(after, before) for before, after in zip(self.before, self.after, strict=True)]

    def some(self, n: int) -> "ValidationUsers":
        """The first n of them; they stand in no order that tells anything."""
        return (
            self if n >= len(self) else ValidationUsers(self.histories.take(range(n)), self.before[:n], self.after[:n])
        )


@dataclass(frozen=True, slots=True)
class Validation:
    """What may be learnt from, who judges it, and whether only things new to the customer count.

    is_light: there is so much to learn from that models with less work put into them have to do.
    """

    past: Interactions
    panel: ValidationUsers
    only_new: bool
    is_light: bool = False

    def truth(self) -> Sequence[Ints]:
        """What counts as a hit for each judge, sorted."""
        return self.panel.new if self.only_new else self.panel.after

    def quality(self, model: Model) -> Doubles:
        """nDCG@10 of the model's own lists for each judge who chose anything that counts.  (<= Q,)"""
        return list_ndcg(candidates(model, self.panel, only_new=self.only_new, depth=LENGTH), self.truth())


def validation_users(held: Holdout, rng: Generator, n: int) -> ValidationUsers:
    """Up to n customers, by chance, who have a past and chose something of what was held back."""
    chosen = rng.permutation(np.flatnonzero(held.judges))[:n]
    histories = held.past.histories.take(chosen)
    return ValidationUsers(histories, _items(histories.only(*HAD)), _items(held.later.take(chosen)))


def candidates(model: Model, panel: ValidationUsers, *, only_new: bool, depth: int) -> list[Candidates]:
    """The best of each customer up to that depth, without what they had bought if only new things count."""
    if not only_new and isinstance(model, OwnItemsModel):
        return [_own(model, panel.histories.take([user]), depth) for user in range(len(panel))]
    found: list[Candidates] = []
    allowed = np.ones(panel.histories.n_items, bool)
    likely = np.arange(min(LIKELY, len(allowed)), dtype=np.int32)
    for start in range(0, len(panel), BATCH):
        batch = range(start, min(start + BATCH, len(panel)))
        for user, scores in zip(batch, model.score(panel.histories.take(batch)), strict=True):
            allowed[panel.before[user]] = not only_new
            found.append(best(scores, allowed, depth, likely))
            allowed[panel.before[user]] = True
    return found


def _own(model: OwnItemsModel, history: Histories, depth: int) -> Candidates:
    """The same list without a score for every item of the shop."""
    items, scores = model.score_own(history)
    return ranked(items[scores > 0], scores[scores > 0], depth)


def list_ndcg(lists: Sequence[Candidates], truth: Sequence[Ints], k: int = LENGTH) -> Doubles:
    """nDCG@k of each list whose customer chose anything, in order; gains are 0 and 1.  (<= Q,)"""
    hits = np.zeros((len(truth), k), np.bool_)
    for row, part, chosen in zip(hits, lists, truth, strict=True):
        row[: len(part)] = np.isin(part.items[:k], chosen)
    n_relevant = np.array([len(chosen) for chosen in truth], np.int64)
    return ndcg(hits, n_relevant, k)[n_relevant > 0]


def is_better(one: Doubles, other: Doubles, *, by: float = 0.0, sure: float = SURE) -> bool:
    """Whether the mean of one is higher by that share, and the difference judge by judge beyond noise.  (Q,), (Q,)"""
    if not len(one) or one.mean() <= other.mean() * (1 + by):
        return False
    difference = one - other
    return bool(difference.mean() > sure * difference.std() / np.sqrt(len(difference)))


def _items(histories: Histories) -> list[Ints]:
    """The items of each customer, sorted, each once."""
    pairs = histories.pairs()
    return np.split(pairs.item, pairs.offsets[1:-1])
