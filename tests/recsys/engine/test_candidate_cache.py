"""The candidate cache changes how fast a list comes, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue import mask_cache
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.engine.candidate_cache import CandidateCache, CandidateKey, PrecomputedCandidates, shortened
from recsys.learning.precompute import latest_users
from recsys.models.candidates import Candidates
from recsys.ranking.candidates.sources import discover
from recsys.ranking.context.context import resolve
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.placements import find_placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM_IDS = [item.item_id for item in small_items()]
BOUGHT = Event("later", "user-004", "item-001", Kind.PURCHASE, NOW_MS + 1)
SHOWN = Event("seen", "user-004", "item-002", Kind.IMPRESSION, NOW_MS + 2)

queries = st.builds(
    Query,
    now_ms=st.just(NOW_MS),
    placement=st.sampled_from(["home", "discover"]),
    k=st.sampled_from([3, 10, 30]),
    user_id=st.sampled_from(["user-004", "user-005"]),
    recent=st.sampled_from([(), (BOUGHT,), (SHOWN,), (BOUGHT, SHOWN)]),
    exclude=st.lists(st.sampled_from(ITEM_IDS), max_size=2),
    filters=st.sampled_from(
        [
            NO_FILTERS,
            Filters(category_out=frozenset({"category-1"})),
            Filters(category_in=frozenset({"category-1"}), price_to=20.0),  # leaves too little of a list
        ]
    ),
)
changes = st.builds(
    Item, item_id=st.sampled_from(ITEM_IDS), stock=st.sampled_from([0.0, 5.0]), deleted=st.sampled_from([False, True])
)


@pytest.fixture(scope="module", name="small_shop")
def searched_among_all(small_shop: Recommender) -> Iterator[Recommender]:
    """Never scores the few items a filter leaves on their own, because that rounds differently."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_cache, "MAX_POSITIONS", -1)
        yield replace(small_shop, catalogue=replace(small_shop.catalogue))


def with_cache(shop: Recommender, capacity: int, precomputed: PrecomputedCandidates | None = None) -> Recommender:
    return replace(shop, engine=replace(shop.engine, candidate_cache=CandidateCache(capacity, precomputed)))


def searched(shop: Recommender, query: Query) -> Candidates:
    """The new items for a user as a search finds them, without the cache."""
    context = resolve(query, find_placement(shop.placements, query.placement), shop.engine, shop.catalogue)
    return discover(replace(context, candidate_key=None), query.k)


def cached_or_searched(shop: Recommender, query: Query) -> Candidates:
    context = resolve(query, find_placement(shop.placements, query.placement), shop.engine, shop.catalogue)
    return discover(context, query.k)


@given(
    steps=st.lists(queries | changes, min_size=2, max_size=12),
    capacity=st.sampled_from([0, 1, 100]),
    ready=st.booleans(),
)
def test_cached_lists_are_the_lists_a_search_finds(
    small_shop: Recommender, steps: list[Query | Item], capacity: int, ready: bool
) -> None:
    precomputed = small_shop.engine.candidate_cache.precomputed if ready else None
    shop = with_cache(small_shop, capacity, precomputed)
    for step in steps:
        if isinstance(step, Query):
            known, new = cached_or_searched(shop, step), searched(shop, step)
            assert known.items.tolist() == new.items.tolist()
            assert known.scores.tolist() == new.scores.tolist()
        else:
            shop = shop.with_catalogue(shop.catalogue.with_changes([step]))


def test_training_precomputes_the_users_who_came_last(small_shop: Recommender) -> None:
    engine = small_shop.engine
    precomputed = engine.candidate_cache.precomputed
    assert precomputed is not None
    assert precomputed.users.tolist() == [
        user for user in range(len(engine.users)) if len(engine.history_at(user).item)
    ]
    last = [engine.history_at(user).at.max() for user in precomputed.users]
    latest = latest_users(engine.histories, 3)
    assert sorted(last)[-3] <= min(engine.history_at(int(user)).at.max() for user in latest)
    assert precomputed.find(len(engine.users)) is None


def test_precomputed_lists_are_not_used_after_an_event_of_the_user(small_shop: Recommender) -> None:
    shop = with_cache(small_shop, 0, small_shop.engine.candidate_cache.precomputed)
    before, after = (Query(NOW_MS, "discover", 10, "user-004", recent=recent) for recent in ((), (BOUGHT,)))
    assert cached_or_searched(shop, after).scores.tolist() == searched(shop, after).scores.tolist()
    assert cached_or_searched(shop, after).scores.tolist() != cached_or_searched(shop, before).scores.tolist()


def test_precomputed_lists_are_used_after_impressions_only(small_shop: Recommender) -> None:
    precomputed = small_shop.engine.candidate_cache.precomputed
    assert precomputed is not None
    for recent, serves in ([], True), ([SHOWN], True), ([SHOWN, BOUGHT], False), ([BOUGHT, SHOWN], False):
        query = Query(NOW_MS, "home", 10, "user-004", recent=recent)
        context = resolve(query, find_placement(small_shop.placements, "home"), small_shop.engine, small_shop.catalogue)
        assert context.candidate_key is not None
        assert (context.repeat_purchases is not None) == (context.candidate_key.user in precomputed.users) == serves


@given(steps=st.lists(queries | changes, min_size=2, max_size=12), capacity=st.sampled_from([0, 1, 100]))
def test_recommendations_from_precomputed_lists_are_the_same_as_without_them(
    small_shop: Recommender, steps: list[Query | Item], capacity: int
) -> None:
    ready = with_cache(small_shop, capacity, small_shop.engine.candidate_cache.precomputed)
    bare = with_cache(small_shop, 0)
    for step in steps:
        if isinstance(step, Query):
            for placement in (step.placement, "buy-again"):
                query = replace(step, placement=placement)
                assert ready.recommend(query) == bare.recommend(query)
        else:
            ready, bare = (shop.with_catalogue(shop.catalogue.with_changes([step])) for shop in (ready, bare))


def test_repeat_purchases_are_precomputed_with_count_and_last_day(small_shop: Recommender) -> None:
    engine = small_shop.engine
    precomputed = engine.candidate_cache.precomputed
    assert precomputed is not None
    for user in precomputed.users.tolist():
        again, history = precomputed.find_repeat_purchases(user), engine.history_at(user)
        assert again is not None
        bought = history.only(Kind.PURCHASE)
        assert set(again.candidates.items.tolist()) <= set(bought.item.tolist())
        for item, times, day in zip(again.candidates.items, again.times, again.days, strict=True):
            assert times == np.count_nonzero(bought.item == item)
            assert day == np.floor(bought.at[bought.item == item].max())
    assert precomputed.find_repeat_purchases(len(engine.users)) is None


def test_an_item_that_is_in_stock_again_is_found_again(small_shop: Recommender) -> None:
    shop = with_cache(small_shop, 100)
    query = Query(NOW_MS, "discover", 5, "user-007")
    first = shop.recommend(query).items
    gone = shop.with_catalogue(shop.catalogue.with_changes([Item(item_id=first[0].item_id, stock=0)]))
    assert first[0].item_id not in [item.item_id for item in gone.recommend(query).items]
    back = gone.with_catalogue(gone.catalogue.with_changes([Item(item_id=first[0].item_id, stock=1)]))
    assert [item.item_id for item in back.recommend(query).items] == [item.item_id for item in first]


def test_a_full_cache_drops_its_oldest_list(small_shop: Recommender) -> None:
    cache = CandidateCache(2)
    shop = replace(small_shop, engine=replace(small_shop.engine, candidate_cache=cache))
    for user in ("user-001", "user-002", "user-003"):
        shop.recommend(Query(NOW_MS, "discover", 5, user))
    assert [key.user_id for key in cache._lists] == ["user-002", "user-003"]


@given(
    scores=st.lists(st.floats(0.125, 8, width=32), max_size=30, unique=True),
    eligible=st.lists(st.booleans(), min_size=30, max_size=30),
    k=st.integers(1, 12),
    depth=st.integers(1, 20),
)
def test_a_list_is_shortened_unless_items_further_down_are_needed(
    scores: list[float], eligible: list[bool], k: int, depth: int
) -> None:
    order = np.argsort(scores)[::-1].astype(np.int32)
    kept = Candidates(order[:depth], np.array(scores, np.float32)[order[:depth]])
    result = shortened(kept, np.array(eligible), k, depth)
    best = [item for item in order.tolist() if eligible[item]][:k]
    if result is None:
        assert len(order) >= depth
        assert sum(eligible[item] for item in kept.items) < k
    else:
        assert result.items.tolist() == best
        assert result.scores.tolist() == np.array(scores, np.float32)[best].tolist()


def test_long_lists_and_ids_leave_room_for_fewer_users() -> None:
    cache, n_items = CandidateCache(10), 2_000  # of 8 bytes: two users' share
    keys = [CandidateKey(f"user-{n}", 0, "", 0) for n in range(10)]
    for key in keys:
        cache.put(key, (Candidates(np.arange(n_items, dtype=np.int32), np.zeros(n_items, np.float32)),))
    assert [key.user_id for key in keys if cache.find(key) is not None] == ["user-6", "user-7", "user-8", "user-9"]
