"""User samples of a window: some held-out customers with some of the lists made for them."""

from collections.abc import Mapping, Sequence

from eval.backtest.contenders import EvalContext, ModelLists
from eval.scoring.user_samples import ItemNames, UserSample, sample_users
from recsys.arrays import Ints
from recsys.data.events import OWNED_KINDS

UNKNOWN_ITEM = "an item that the catalogue does not have"


def sample_window_users(
    context: EvalContext, lists: Mapping[str, ModelLists], ours: str, others: Sequence[str]
) -> list[UserSample]:
    """The samples, with the lists of those names; `ours` decides which customers."""
    catalogue, users = context.recommender.catalogue, context.held_out.users
    had = context.histories.only(*OWNED_KINDS)

    def name(item: int) -> str:
        if item >= catalogue.n_items:
            return UNKNOWN_ITEM
        return catalogue.name(item) or f"item {catalogue.item_id(item)}"

    def history(row: int) -> Ints:
        return had.take([users[row]]).item

    shown = {label: lists[label].lists for label in (ours, *others)}
    items = ItemNames(name, history)
    return sample_users(shown, context.held_out.held_back, items, ours=ours, k=context.k, seed=context.seed)
