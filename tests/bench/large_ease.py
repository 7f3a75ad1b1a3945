"""EASE beyond the memory limit: quality and CPU against the full regression: `python -m tests.bench.large_ease`."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from unittest.mock import patch

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from recsys.arrays import Ints
from recsys.data.dataset.interactions import Interactions
from recsys.learning.validation import LIST_LENGTH, ValidationUsers, candidate_lists, list_ndcg
from recsys.models.base import Learner
from recsys.models.ease import Ease
from recsys.models.item_neighbours import ItemNeighbours
from recsys.models.regression import nearest
from recsys.testing import interactions_of
from tests.bench.lookalikes import Rows, interests

JUDGES = 2_000


@dataclass(frozen=True, slots=True)
class Shop:
    """What is learnt from, and the customers who judge with what was held back."""

    data: Interactions
    judges: ValidationUsers


def shop_of(n_users: int, n_items: int) -> Shop:
    """Customers with crossing interests; a fifth of each is held back, without order in time."""
    train, test = interests(np.random.default_rng(0), n_users, n_items, n_groups=max(10, n_items // 130))
    (user, item), (judge, held) = _numbers(train), _numbers(test)
    data = interactions_of(user, item, n_users=n_users, n_items=n_items)
    first = np.unique(judge)[:JUDGES]
    before = [np.unique(part.item) for part in (data.histories.take([each]) for each in first)]
    after = [np.unique(held[judge == each]) for each in first]
    return Shop(data, ValidationUsers(data.histories.take(first), before, after))


def _numbers(rows: Rows) -> tuple[Ints, Ints]:
    user, item = np.array([(int(str(row[0])[1:]), int(str(row[1])[1:])) for row in rows], np.int32).T
    return user, item


def contenders(*, with_full: bool, n_items: int) -> Iterator[tuple[str, Learner, float]]:
    """Name, learner, and the limit of readings behind the head."""
    whole = int(4 * n_items**2 / 2**20) + 1
    if with_full:
        yield "all items in one regression", Ease(memory_mib=whole), nearest.MAX_ENTRIES
    for parts in (4, 16, 64) if with_full else (whole / 400,):
        limit = Ease(memory_mib=max(1, int(whole / parts)))
        yield f"{limit.memory_mib} MiB, items nearest to each", limit, nearest.MAX_ENTRIES
    yield f"{limit.memory_mib} MiB, only the most bought vote", limit, 0.0
    yield "item_neighbours", ItemNeighbours(), 0.0


def main(
    customers: Annotated[int, typer.Option(help="Of the shop.")] = 20_000,
    items: Annotated[int, typer.Option(help="Of the shop.")] = 40_000,
    full: Annotated[bool, typer.Option("--full", help="Also one regression of all: cubic in the items.")] = False,
) -> None:
    """Lists of new items by EASE, as a random fifth of each customer judges them.

    Example: python -m tests.bench.large_ease --customers 10000 --items 8000 --full
    """
    shop, table = shop_of(customers, items), Table("ease", "nDCG@10", "± of the first", "CPU of the fit, s")
    first = None
    for name, learner, entries in contenders(with_full=full, n_items=items):
        started = time.process_time()
        with patch.object(nearest, "MAX_ENTRIES", entries):
            model = learner.fit(shop.data, np.random.default_rng(0))
        cpu_s = time.process_time() - started
        quality = list_ndcg(candidate_lists(model, shop.judges, only_new=True, depth=LIST_LENGTH), shop.judges.new)
        first = quality if first is None else first
        difference = quality - first
        half = 1.96 * difference.std() / np.sqrt(len(difference))
        table.add_row(name, f"{quality.mean():.4f}", f"{difference.mean():+.4f} ±{half:.4f}", f"{cpu_s:.1f}")
    Console(width=120).print(len(shop.data.histories.item), "pairs", table)


if __name__ == "__main__":
    typer.run(main)
