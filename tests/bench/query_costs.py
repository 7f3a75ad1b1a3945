"""What conditions, lists of the shop's own and audiences cost: `python -m tests.bench.query_costs HOME`."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.threads import limit_threads

if TYPE_CHECKING:
    from recsys.data.catalogue.attributes import AttributeColumn
    from recsys.data.catalogue.catalogue import Catalogue
    from recsys.ranking.recommender import Recommender

ROUNDS = 7
LENGTHS = (20, 100, 1_000)


def main(home: Path) -> None:
    """CPU of one thread in this process, the best of a few rounds."""
    from recsys.ranking.recommender import open_recommender
    from recsys.time_units import DAY_MS

    recommender = open_recommender(home, home / "recsys.toml")
    now = recommender.bundle.manifest.now
    conditions(recommender, now)
    own_lists(recommender, int(now * DAY_MS))
    audiences(recommender, int(now * DAY_MS))


def conditions(recommender: "Recommender", now: float) -> None:
    """Every attribute by its most frequent value or middle number, first asked of a catalogue, and asked again."""
    from recsys.data.catalogue.catalogue import Catalogue
    from recsys.ranking.filters.eligibility import passing
    from recsys.ranking.filters.parser import parse_filter

    arrays, catalogue = recommender.bundle.group("catalogue"), recommender.catalogue
    asked: list[dict[str, Any]] = [{"price": {"lt": 5}}, {"brand": catalogue.brand.words[-1]}, {"name": "x"}]
    asked += [{f"attributes.{name}": usual(catalogue, name)} for name in catalogue.attributes.names()]
    asked.append({"and": asked[3:], "not": asked[1]})
    for written in asked:
        where = parse_filter(written)
        fresh = [Catalogue.from_arrays(arrays, {}) for _ in range(ROUNDS)]
        first = min(seconds(partial(passing, where, one, now)) for one in fresh)
        again = min(seconds(partial(passing, where, fresh[0], now)) for _ in range(ROUNDS))
        print(f"{where.text:.60}: {first * 1e3:.2f} ms, then {again * 1e6:.0f} µs")


def usual(catalogue: "Catalogue", name: str) -> object:
    """What many items have of an attribute."""
    column: AttributeColumn | None = catalogue.attributes.column(name)
    assert column is not None
    if not len(column.item):
        return {"gte": float(column.number[len(column.number) // 2])}
    code, _ = Counter(column.code.tolist()).most_common(1)[0]
    return bool(code) if code < 2 else column.words[code - 2]


def own_lists(recommender: "Recommender", now_ms: int) -> None:
    """Best-sellers to be put in order for a customer."""
    from recsys.ranking.query import Query

    best = recommender.engine.popularity.order
    user = recommender.engine.users[0]
    for n in LENGTHS:
        items = [recommender.catalogue.item_id(at) for at in best[:n].tolist()]
        took = min(seconds(partial(recommender.rank, Query(now_ms, user_id=user), items)) for _ in range(ROUNDS))
        print(f"rank {n:,} items: {took * 1e3:.2f} ms")


def audiences(recommender: "Recommender", now_ms: int) -> None:
    """Of the best-seller, of the customers there are."""
    engine = recommender.engine
    item = recommender.catalogue.item_id(int(engine.popularity.order[0]))
    took = seconds(partial(recommender.audience, item, now_ms=now_ms, limit=100, has_consent=lambda _: True))
    print(f"audience of {item} among {len(engine.users):,} customers: {took:.2f} s")


def seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


if __name__ == "__main__":
    limit_threads(os.environ)
    main(Path(sys.argv[1]))
