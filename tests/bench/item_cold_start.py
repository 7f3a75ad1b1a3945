"""What a thousand items put after the training cost an answer: `python -m tests.bench.item_cold_start HOME`."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.threads import limit_threads

if TYPE_CHECKING:
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import Recommender

N_NEW, N_ASKED = 1_000, 400


def main(home: Path) -> None:
    """Asks for customers and products in this process, before and after the items came."""
    from recsys.data.entities import Item
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import open_recommender
    from recsys.time_units import DAY_MS

    plain = open_recommender(home, home / "recsys.toml")
    now_ms = int(plain.bundle.manifest.now * DAY_MS)
    kinds, brands = plain.catalogue.category.words[1:], plain.catalogue.brand.words
    new = [
        Item(f"new-{at}", f"New {kinds[at % len(kinds)]}", kinds[at % len(kinds)], brands[at % len(brands)] or None)
        for at in range(N_NEW)
    ]
    grown = plain.with_catalogue(plain.catalogue.with_changes(new))
    users = plain.engine.users.texts.all()[:N_ASKED]
    sold = [plain.catalogue.item_id(at) for at in plain.engine.popularity.order[:N_ASKED].tolist()]
    for name in ("home", "discover"):
        show(name, plain, grown, [Query(now_ms, name, 10, user_id) for user_id in users])
    show("product", plain, grown, [Query(now_ms, "product", 10, context_item_ids=(item_id,)) for item_id in sold])


def show(name: str, plain: "Recommender", grown: "Recommender", asks: "list[Query]") -> None:
    """Prints both times."""
    print(f"{name}: {micros(plain, asks):.0f} µs, with {N_NEW:,} new items {micros(grown, asks):.0f} µs")


def micros(recommender: "Recommender", asks: "list[Query]") -> float:
    """CPU of an answer, the best of three rounds after a warm-up."""
    took = []
    for _ in range(4):
        started = time.process_time()
        for ask in asks:
            recommender.recommend(ask)
        took.append(time.process_time() - started)
    return min(took[1:]) / len(asks) * 1e6


if __name__ == "__main__":
    limit_threads(os.environ)
    main(Path(sys.argv[1]))
