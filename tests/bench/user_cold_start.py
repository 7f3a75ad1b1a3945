"""What attributes are worth for somebody without a history: `python -m tests.bench.user_cold_start HOME [CUT]`."""

import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.threads import limit_threads

if TYPE_CHECKING:
    from recsys.arrays import Doubles
    from recsys.data.dataset.dataset import Dataset
    from recsys.data.entities import User

FIFTHS = 5


def main(home: Path, cut: str) -> None:
    """Hides each fifth of the described customers in turn, and asks for them as for strangers on the day of the cut."""
    import numpy as np
    import polars as pl

    from recsys.data.dataset.dataset import build_dataset
    from recsys.data.dataset.snapshot import read_snapshot
    from recsys.data.events import OWNED_KINDS
    from recsys.data.store.open import open_store
    from recsys.learning.recipe import read_recipe
    from recsys.time_units import DAY_MS

    snapshot, rng = read_snapshot(open_store(home, None)), np.random.default_rng(0)
    recipe = read_recipe(home / "recsys.toml", validation_days=28, seed=0)
    now = (dt.date.fromisoformat(cut) - dt.date(1970, 1, 1)).days
    is_later = pl.col("at_ms").is_between(now * DAY_MS, (now + 28) * DAY_MS, closed="left")
    later = snapshot.events.filter(is_later & pl.col("kind").is_in([int(kind) for kind in OWNED_KINDS]))
    bought = {user: items["item_id"].unique().to_list() for (user,), items in later.group_by("user_id")}
    users = [user for user in snapshot.users if user.user_id in bought]
    fifth = rng.permutation(len(users)) % FIFTHS
    reached = np.zeros((2, 0))
    for part in range(FIFTHS):
        hidden = [user for user, at in zip(users, fifth, strict=True) if at == part]
        known = snapshot.events.filter(~pl.col("user_id").is_in([user.user_id for user in hidden]))
        weights, never_show = recipe.plan.weight_by_kind, recipe.never_show
        shop = build_dataset(known, snapshot.items, now=now, weight_by_kind=weights, never_show=never_show)
        found = quality(shop, snapshot.users, hidden, [bought[user.user_id] for user in hidden])
        reached = np.concatenate((reached, found), axis=1)
    gain = reached[0] - reached[1]
    half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    print(
        f"{len(gain)} strangers, nDCG@10: segment {reached[0].mean():.4f}, best-sellers {reached[1].mean():.4f}",
        end=", ",
    )
    print(f"difference {gain.mean():+.4f} ±{half:.4f} (95 %, paired)")


def quality(shop: "Dataset", people: "Sequence[User]", hidden: "Sequence[User]", bought: list[list[str]]) -> "Doubles":
    """nDCG@10 of the segment's list and of the best-sellers for each hidden customer: (2, Q)."""
    import numpy as np

    from recsys.arrays import top_k
    from recsys.learning.user_cold_start import learn_cold_start
    from recsys.learning.validation import list_ndcg
    from recsys.models.candidates import Candidates
    from recsys.models.popularity import Popularity

    model, verdict = learn_cold_start(shop, people, np.random.default_rng(0), days=28)
    print(verdict, flush=True)
    popularity = Popularity().fit(shop.data, np.random.default_rng(0))
    plain = Candidates(popularity.order[:10], popularity.weight[popularity.order[:10]])
    lists = [plain] * len(hidden)
    for at, user in enumerate(hidden):
        if model is None:
            break
        traits = model.vocabulary.features_of(user.attributes)
        if len(traits):
            score = model.probabilities(traits)
            best = top_k(score, 10)
            lists[at] = Candidates(model.items[best], score[best])
    truth = [np.sort(shop.catalogue.ids.positions(item_ids)) for item_ids in bought]
    return np.stack((list_ndcg(lists, truth), list_ndcg([plain] * len(hidden), truth)))


if __name__ == "__main__":
    limit_threads(os.environ)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "2017-12-05")
