"""What attributes are worth for somebody without a history: known customers are hidden, and asked for as strangers.

python -m tests.bench.user_cold_start .demo --cut 2017-12-05
python -m tests.bench.user_cold_start FOLDER_OF_MOVIELENS_100K
"""

import datetime as dt
import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from recsys.threads import limit_threads

if TYPE_CHECKING:
    from numpy.random import Generator

    from recsys.arrays import Doubles, Ints
    from recsys.data.dataset.dataset import Dataset
    from recsys.data.dataset.snapshot import Snapshot
    from recsys.data.entities import User
    from recsys.models.popularity import Popularity

FIFTHS, DAYS, N_PAIRS, K = 5, 28, 2_000, 10
MOVIELENS = "u.data.gz"


class Lists(NamedTuple):
    """For each of Q strangers: the list by attributes, best-sellers, and the features of the attributes."""

    by_attributes: "list[Ints]"
    plain: "list[Ints]"
    features: "list[Ints]"


def read_movielens(folder: Path) -> "Snapshot":
    """Ratings as events; age, sex and occupation of each person as attributes."""
    import numpy as np
    import polars as pl

    from recsys.data.dataset.dataset import read_events
    from recsys.data.dataset.snapshot import Snapshot
    from recsys.data.entities import User
    from recsys.data.events import EVENT_SCHEMA, Event, Kind

    with gzip.open(folder / MOVIELENS) as file:
        user, item, rating, at_s = np.loadtxt(file, dtype=np.int64).T
    events = [
        Event(f"{n}", f"{row[0]}", f"{row[1]}", Kind.RATING, 1_000 * row[3], rating=float(row[2]))
        for n, row in enumerate(zip(user.tolist(), item.tolist(), rating.tolist(), at_s.tolist(), strict=True))
    ]
    people = [line.split("|") for line in (folder / "u.user").read_text().splitlines()]
    users = [User(id_, {"age": float(age), "sex": sex, "occupation": job}) for id_, age, sex, job, _ in people]
    frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])
    return Snapshot(frame, [], log_seq=len(events), item_revision=0, users=users)


def read_shop(place: Path) -> "Snapshot":
    from recsys.data.dataset.snapshot import read_snapshot
    from recsys.data.store.open import open_store

    return read_movielens(place) if (place / MOVIELENS).exists() else read_snapshot(open_store(place, None))


def main(
    place: Annotated[Path, typer.Argument(help="A home, or the folder of MovieLens 100K.")],
    cut: Annotated[str, typer.Option(help="Day: learn from what was before, judge by the four weeks after it.")] = "",
) -> None:
    """Hide each fifth of the described customers in turn, and compare their lists with best-sellers.

    Without --cut everything that a hidden customer ever chose is the right answer.

    Example: python -m tests.bench.user_cold_start .demo --cut 2017-12-05
    """
    import numpy as np
    import polars as pl

    from recsys.data.dataset.dataset import build_dataset
    from recsys.data.events import OWNED_KINDS
    from recsys.learning.recipe import read_recipe
    from recsys.time_units import DAY_MS

    snapshot, rng = read_shop(place), np.random.default_rng(0)
    recipe = read_recipe(place / "recsys.toml", validation_days=DAYS, seed=0)
    now = (dt.date.fromisoformat(cut) - dt.date(1970, 1, 1)).days if cut else snapshot.last_at
    is_later = pl.col("at_ms").is_between(now * DAY_MS, (now + DAYS) * DAY_MS, closed="left") if cut else pl.lit(True)
    later = snapshot.events.filter(is_later & pl.col("kind").is_in([int(kind) for kind in OWNED_KINDS]))
    bought = {user: items["item_id"].unique().to_list() for (user,), items in later.group_by("user_id")}
    users = [user for user in snapshot.users if user.user_id in bought]
    fifth = rng.permutation(len(users)) % FIFTHS
    quality, same = np.zeros((2, 0)), np.zeros(0)
    for part in range(FIFTHS):
        hidden = [user for user, at in zip(users, fifth, strict=True) if at == part]
        known = snapshot.events.filter(~pl.col("user_id").is_in([user.user_id for user in hidden]))
        weights, never_show = recipe.plan.weight_by_kind, recipe.never_show
        shop = build_dataset(known, snapshot.items, now=now, weight_by_kind=weights, never_show=never_show)
        lists = lists_of(shop, snapshot.users, hidden)
        quality = np.concatenate((quality, _quality(shop, lists, [bought[user.user_id] for user in hidden])), axis=1)
        same = np.concatenate((same, places_of_opposites(lists, rng)))
    _show(quality, same)


def lists_of(shop: "Dataset", people: "Sequence[User]", hidden: "Sequence[User]") -> Lists:
    """What strangers get with and without the attributes, with the half-life that a training would choose."""
    import numpy as np

    from recsys.arrays import top_k
    from recsys.data.dataset.user_features import build_vocabulary
    from recsys.learning.user_cold_start import learn_cold_start

    rng = np.random.default_rng(0)
    popularity = best_sellers(shop, rng)
    model, decision = learn_cold_start(
        shop, people, np.random.default_rng(0), days=DAYS, half_life_days=popularity.half_life_days
    )
    print(popularity, decision, sep="\n", flush=True)
    vocabulary = build_vocabulary(()) if model is None else model.vocabulary
    features = [vocabulary.features_of(user.attributes) for user in hidden]
    plain = popularity.fit(shop.data, rng).order[:K]
    if model is None or not len(model.items):
        return Lists([plain] * len(hidden), [plain] * len(hidden), features)
    own = [model.items[top_k(model.probabilities(each), K)] if len(each) else plain for each in features]
    return Lists(own, [plain] * len(hidden), features)


def best_sellers(shop: "Dataset", rng: "Generator") -> "Popularity":
    """The learner that a training would take."""
    from recsys.learning.half_life import with_best_half_life
    from recsys.learning.holdout import BY_CHANCE, hold_out
    from recsys.learning.validation import Validation, validation_users
    from recsys.models.popularity import Popularity

    holdout = hold_out(shop.data, DAYS, rng)
    users = validation_users(holdout, rng, 500)
    is_timeless = holdout.description == BY_CHANCE
    validation = Validation(holdout.past, users, only_new=True, is_timeless=is_timeless)
    learner, _ = with_best_half_life(Popularity(), validation, rng)
    assert isinstance(learner, Popularity)
    return learner


def _quality(shop: "Dataset", lists: Lists, bought: list[list[str]]) -> "Doubles":
    """nDCG@10 of both lists of each stranger: (2, Q)."""
    import numpy as np

    from recsys.learning.validation import list_ndcg
    from recsys.models.candidates import Candidates

    def ndcg(rows: "list[Ints]") -> "Doubles":
        return list_ndcg([Candidates(row, np.ones(len(row), np.float32)) for row in rows], truth)

    truth = [np.sort(shop.catalogue.ids.positions(item_ids)) for item_ids in bought]
    return np.stack((ndcg(lists.by_attributes), ndcg(lists.plain)))


def places_of_opposites(lists: Lists, rng: "Generator") -> "Doubles":
    """Items that the lists of two strangers have in common, for pairs of strangers without a common feature."""
    import numpy as np

    pairs = rng.integers(0, len(lists.plain), (N_PAIRS, 2))
    own, features = lists.by_attributes, lists.features
    opposite = [
        (a, b)
        for a, b in pairs.tolist()
        if min(len(features[a]), len(features[b])) and not set(features[a]) & set(features[b])
    ]
    return np.array([len(np.intersect1d(own[a], own[b])) for a, b in opposite], np.float64)


def _show(quality: "Doubles", same: "Doubles") -> None:
    import numpy as np

    gain = quality[0] - quality[1]
    half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    print(
        f"{len(gain)} strangers, nDCG@10: by attributes {quality[0].mean():.4f}, best-sellers {quality[1].mean():.4f}, "
        f"difference {gain.mean():+.4f} ±{half:.4f} (95 %, paired)"
    )
    print(f"{len(same)} pairs of opposite profiles: {same.mean():.1f} of {K} items are in both lists")


if __name__ == "__main__":
    limit_threads(os.environ)
    typer.run(main)
