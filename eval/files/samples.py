"""User samples of an evaluation of files: some customers with the list that would be served, and the best-sellers."""

from collections.abc import Mapping, Sequence

from eval.files.results import Entry, FileTerms, own_list
from eval.files.scoring import FileLists
from eval.files.users import FileUsers
from eval.protocol import BEST_SELLERS
from eval.scoring.user_samples import ItemNames, UserSample, sample_users
from recsys.arrays import Ints
from recsys.data.ids import MISSING
from recsys.ranking.recommender import Recommender

UNKNOWN_ITEM = "an item that the training file does not have"


def sample_file_users(
    lists: Mapping[str, FileLists],
    entries: Sequence[Entry],
    users: FileUsers,
    recommender: Recommender,
    names: Sequence[str],
    terms: FileTerms,
) -> list[UserSample]:
    """The samples.  recommender: knows the training file; names: of its items."""
    ours, engine = own_list(entries, terms.k), recommender.engine

    def history(row: int) -> Ints:
        user = engine.users.position(users.user_ids[row])
        return engine.histories.take([user] if user != MISSING else []).item

    items = ItemNames(lambda item: names[item] if item < len(names) else UNKNOWN_ITEM, history)
    shown = {name: lists[name].replayed.lists for name in (ours, BEST_SELLERS)}
    return sample_users(shown, users.held_back, items, ours=ours, k=terms.k, seed=terms.seed)
