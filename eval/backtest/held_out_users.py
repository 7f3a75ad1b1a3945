"""Held-out users of one window: customers known before the cut, and their purchases after it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from eval.metrics.held_back import HeldBack, build_held_back
from eval.splits.time_split import TimeSplit
from eval.splits.windows import WindowSchedule
from recsys.arrays import Bools, Doubles
from recsys.data.catalogue.catalogue import is_hidden
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.entities import Item
from recsys.data.events import OWNED_KINDS
from recsys.data.ids import MISSING
from recsys.errors import NotEnoughData
from recsys.learning.recipe import Recipe
from recsys.ranking.recommender import Recommender


@dataclass(frozen=True, slots=True)
class HeldOutUsers:
    """Q customers, by id and by position in the bundle, and the T pairs of customer and item that were held back.

    is_new (T,): the customer never had the item before.  margin: the same pairs with the money earned instead of the
    money paid, None where no item carries a cost or margin.  left_out: counts by reason.
    """

    user_ids: Sequence[str]
    users: Sequence[int]
    held_back: HeldBack
    is_new: Bools
    margin: HeldBack | None
    left_out: Mapping[str, int]


def hold_out_users(
    recommender: Recommender, split: TimeSplit, snapshot: Snapshot, recipe: Recipe, schedule: WindowSchedule
) -> HeldOutUsers:
    """Customers known before the cut with their purchases after it, without items that are never shown.

    Raises NotEnoughData when no known customer bought anything.
    """
    hidden = [item.item_id for item in snapshot.items if is_hidden(item, recipe.never_show)]
    bought = split.future.filter(pl.col("kind").is_in([int(kind) for kind in OWNED_KINDS]))
    shown = bought.filter(~pl.col("item_id").is_in(hidden))
    positions = _positions(recommender, shown)
    if not positions:
        raise NotEnoughData("nobody known before the cut bought anything after it; choose an earlier cut")
    user_ids = _sample(sorted(positions, key=positions.__getitem__), schedule)
    rows = shown.filter(pl.col("user_id").is_in(user_ids))
    position = _item_positions(recommender, rows["item_id"].unique(maintain_order=True).to_list())
    money = (rows["price"] * rows["quantity"]).fill_null(0.0).to_numpy()
    held_back = _held_back(rows, user_ids, position, money)
    earned = earned_money(rows, snapshot.items)
    users = [positions[user_id] for user_id in user_ids]
    return HeldOutUsers(
        user_ids=user_ids,
        users=users,
        held_back=held_back,
        is_new=_is_new(recommender.engine.histories, users, held_back),
        margin=None if earned is None else _held_back(rows, user_ids, position, earned),
        left_out={
            "purchases of items that are never shown": bought.height - shown.height,
            "customers nobody knew before the cut": shown["user_id"].n_unique() - len(positions),
            "customers not drawn": len(positions) - len(user_ids),
            "items nobody knew before the cut, counted as missed": _n_unknown(recommender, position),
        },
    )


def only_pairs(held_out: HeldOutUsers, kept: Bools) -> HeldOutUsers:
    """The same customers with only those of the T pairs."""
    margin = None if held_out.margin is None else held_out.margin.only(kept)
    return replace(held_out, held_back=held_out.held_back.only(kept), is_new=held_out.is_new[kept], margin=margin)


def earned_money(rows: pl.DataFrame, items: Sequence[Item]) -> Doubles | None:
    """Money earned by each purchase: (price - cost) x quantity, or the share `margin` of its price; never below 0.

    From the items' cost (money per unit), else the attribute of that name, or the attribute `margin` (0 to 1); 0 where
    neither is known, None where no item carries one.  (N,)
    """
    stated = {item.item_id: item.cost for item in items if item.cost is not None}
    costs, shares = _number_by_item(items, "cost") | stated, _number_by_item(items, "margin")
    if not costs and not shares:
        return None
    price, quantity = rows["price"].fill_null(0.0).to_numpy(), rows["quantity"].to_numpy()
    cost, share = (np.array([known.get(item_id, np.nan) for item_id in rows["item_id"]]) for known in (costs, shares))
    earned: Doubles = np.where(np.isnan(cost), np.nan_to_num(share) * price, price - np.nan_to_num(cost)) * quantity
    return np.maximum(earned, 0.0)


def _positions(recommender: Recommender, bought: pl.DataFrame) -> dict[str, int]:
    """Positions in the bundle of the customers it knows and who bought something."""
    users = recommender.engine.users
    positions = {user_id: users.position(user_id) for user_id in bought["user_id"].unique().to_list()}
    return {user_id: at for user_id, at in positions.items() if at != MISSING}


def _sample(user_ids: list[str], schedule: WindowSchedule) -> list[str]:
    """At most `most_customers` of them, the same customers in every window, in the order given."""
    if len(user_ids) <= schedule.most_customers:
        return user_ids

    def hashed(user_id: str) -> bytes:
        return hashlib.blake2b(f"{schedule.seed}:{user_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()

    drawn = set(sorted(user_ids, key=hashed)[: schedule.most_customers])
    return [user_id for user_id in user_ids if user_id in drawn]


def _item_positions(recommender: Recommender, item_ids: Sequence[str]) -> dict[str, int]:
    """Positions in the catalogue; items that appear only after the cut get numbers that no model can recommend."""
    catalogue = recommender.catalogue
    beyond = (catalogue.n_items + at for at in range(len(item_ids)))
    return {item_id: at if (at := catalogue.position(item_id)) != MISSING else next(beyond) for item_id in item_ids}


def _n_unknown(recommender: Recommender, position: Mapping[str, int]) -> int:
    """How many of the items had no event before the cut, in the catalogue or not."""
    touched = np.zeros(max(recommender.catalogue.n_items, 1 + max(position.values(), default=0)), bool)
    touched[recommender.engine.histories.item] = True
    return sum(not touched[at] for at in position.values())


def _held_back(rows: pl.DataFrame, user_ids: Sequence[str], position: Mapping[str, int], value: Doubles) -> HeldBack:
    row = {user_id: at for at, user_id in enumerate(user_ids)}
    return build_held_back(
        np.array([row[user_id] for user_id in rows["user_id"]], np.int32),
        np.array([position[item_id] for item_id in rows["item_id"]], np.int32),
        value,
        n_customers=len(user_ids),
    )


def _is_new(histories: Histories, users: Sequence[int], held_back: HeldBack) -> Bools:
    """Which held-back pairs are of an item that the customer had never had.  (T,)"""
    had = histories.take(users).only(*OWNED_KINDS)
    return held_back.not_among(np.repeat(np.arange(len(users)), np.diff(had.offsets)), had.item)


def _number_by_item(items: Sequence[Item], name: str) -> dict[str, float]:
    values = ((item.item_id, item.attributes.get(name)) for item in items)
    return {
        item_id: float(value)
        for item_id, value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
