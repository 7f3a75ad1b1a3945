"""What is remembered of a customer changes how fast an answer comes, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue import mask_cache
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.engine.candidate_cache import CandidateCache, PrecomputedCandidates, shortened
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

asks = st.builds(
    Query,
    now_ms=st.just(NOW_MS),
    placement=st.sampled_from(["home", "discover"]),
    k=st.sampled_from([3, 10, 30]),
    user_id=st.sampled_from(["user-004", "user-005"]),
    recent=st.sampled_from([(), (BOUGHT,), (SHOWN,), (BOUGHT, SHOWN)]),
    exclude=st.lists(st.sampled_from(ITEM_IDS), max_size=2),
    filters=st.sampled_from([NO_FILTERS, Filters(category_out=frozenset({"category-1"}))]),
)
changes = st.builds(
    Item, item_id=st.sampled_from(ITEM_IDS), stock=st.sampled_from([0.0, 5.0]), deleted=st.sampled_from([False, True])
)


@pytest.fixture(scope="module", name="small_shop")
def searched_among_all(small_shop: Recommender) -> Iterator[Recommender]:
    """What a filter leaves is scored alone where it is little, with another rounding: here it counts as much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_cache, "MAX_POSITIONS", -1)
        yield replace(small_shop, catalogue=replace(small_shop.catalogue))


def remembering(shop: Recommender, most: int, prepared: PrecomputedCandidates | None = None) -> Recommender:
    return replace(shop, engine=replace(shop.engine, candidate_cache=CandidateCache(most, prepared)))


def searched(shop: Recommender, ask: Query) -> Candidates:
    """The new things for a customer as nothing but a search finds them."""
    question = resolve(ask, find_placement(shop.placements, ask.placement), shop.engine, shop.catalogue)
    return discover(shop.engine, replace(question, candidate_key=None), ask.k)


def found(shop: Recommender, ask: Query) -> Candidates:
    question = resolve(ask, find_placement(shop.placements, ask.placement), shop.engine, shop.catalogue)
    return discover(shop.engine, question, ask.k)


@given(steps=st.lists(asks | changes, min_size=2, max_size=12), most=st.sampled_from([0, 1, 100]), ready=st.booleans())
def test_what_was_found_before_is_what_a_search_finds_now(
    small_shop: Recommender, steps: list[Query | Item], most: int, ready: bool
) -> None:
    prepared = small_shop.engine.candidate_cache.precomputed if ready else None
    shop = remembering(small_shop, most, prepared)
    for step in steps:
        if isinstance(step, Query):
            known, new = found(shop, step), searched(shop, step)
            assert known.items.tolist() == new.items.tolist()
            assert known.scores.tolist() == new.scores.tolist()
        else:
            shop = shop.with_catalogue(shop.catalogue.with_changes([step]))


def test_training_prepares_the_customers_who_came_last(small_shop: Recommender) -> None:
    engine = small_shop.engine
    prepared = engine.candidate_cache.precomputed
    assert prepared is not None
    assert prepared.users.tolist() == [user for user in range(len(engine.users)) if len(engine.history_at(user).item)]
    last = [engine.history_at(user).at.max() for user in prepared.users]
    latest = latest_users(engine.histories, 3)
    assert sorted(last)[-3] <= min(engine.history_at(int(user)).at.max() for user in latest)
    assert prepared.find(len(engine.users)) is None


def test_prepared_lists_are_not_asked_once_the_customer_did_something(small_shop: Recommender) -> None:
    shop = remembering(small_shop, 0, small_shop.engine.candidate_cache.precomputed)
    before, after = (Query(NOW_MS, "discover", 10, "user-004", recent=recent) for recent in ((), (BOUGHT,)))
    assert found(shop, after).scores.tolist() == searched(shop, after).scores.tolist()
    assert found(shop, after).scores.tolist() != found(shop, before).scores.tolist()


def test_prepared_lists_serve_a_customer_who_was_only_shown_something(small_shop: Recommender) -> None:
    prepared = small_shop.engine.candidate_cache.precomputed
    assert prepared is not None
    for recent, serves in ([], True), ([SHOWN], True), ([SHOWN, BOUGHT], False), ([BOUGHT, SHOWN], False):
        ask = Query(NOW_MS, "home", 10, "user-004", recent=recent)
        question = resolve(ask, find_placement(small_shop.placements, "home"), small_shop.engine, small_shop.catalogue)
        assert question.candidate_key is not None
        assert (question.repeat_purchases is not None) == (question.candidate_key.user in prepared.users) == serves


@given(steps=st.lists(asks | changes, min_size=2, max_size=12))
def test_an_answer_made_of_what_training_prepared_is_the_answer_without_it(
    small_shop: Recommender, steps: list[Query | Item]
) -> None:
    ready = remembering(small_shop, 0, small_shop.engine.candidate_cache.precomputed)
    bare = remembering(small_shop, 0)
    for step in steps:
        if isinstance(step, Query):
            for placement in (step.placement, "buy-again"):
                ask = replace(step, placement=placement)
                assert ready.recommend(ask) == bare.recommend(ask)
        else:
            ready, bare = (shop.with_catalogue(shop.catalogue.with_changes([step])) for shop in (ready, bare))


def test_what_is_bought_again_is_prepared_with_how_often_and_when_last(small_shop: Recommender) -> None:
    engine = small_shop.engine
    prepared = engine.candidate_cache.precomputed
    assert prepared is not None
    for user in prepared.users.tolist():
        again, history = prepared.find_repeat_purchases(user), engine.history_at(user)
        assert again is not None
        bought = history.only(Kind.PURCHASE)
        assert set(again.candidates.items.tolist()) <= set(bought.item.tolist())
        for item, times, day in zip(again.candidates.items, again.times, again.days, strict=True):
            assert times == np.count_nonzero(bought.item == item)
            assert day == np.floor(bought.at[bought.item == item].max())
    assert prepared.find_repeat_purchases(len(engine.users)) is None


def test_an_item_that_comes_back_is_found_again(small_shop: Recommender) -> None:
    shop = remembering(small_shop, 100)
    ask = Query(NOW_MS, "discover", 5, "user-007")
    first = shop.recommend(ask).items
    gone = shop.with_catalogue(shop.catalogue.with_changes([Item(item_id=first[0].item_id, stock=0)]))
    assert first[0].item_id not in [item.item_id for item in gone.recommend(ask).items]
    back = gone.with_catalogue(gone.catalogue.with_changes([Item(item_id=first[0].item_id, stock=1)]))
    assert [item.item_id for item in back.recommend(ask).items] == [item.item_id for item in first]


def test_the_oldest_makes_room(small_shop: Recommender) -> None:
    remembered = CandidateCache(2)
    shop = replace(small_shop, engine=replace(small_shop.engine, candidate_cache=remembered))
    for user in ("user-001", "user-002", "user-003"):
        shop.recommend(Query(NOW_MS, "discover", 5, user))
    assert [taste.user_id for taste in remembered._lists] == ["user-002", "user-003"]


@given(
    scores=st.lists(st.floats(0.125, 8, width=32), max_size=30, unique=True),
    allowed=st.lists(st.booleans(), min_size=30, max_size=30),
    k=st.integers(1, 12),
    depth=st.integers(1, 20),
)
def test_a_list_serves_as_long_as_nothing_further_down_could_stand_in_it(
    scores: list[float], allowed: list[bool], k: int, depth: int
) -> None:
    order = np.argsort(scores)[::-1].astype(np.int32)
    kept = Candidates(order[:depth], np.array(scores, np.float32)[order[:depth]])
    told = shortened(kept, np.array(allowed), k, depth)
    best = [item for item in order.tolist() if allowed[item]][:k]
    if told is None:
        assert len(order) >= depth
        assert sum(allowed[item] for item in kept.items) < k
    else:
        assert told.items.tolist() == best
        assert told.scores.tolist() == np.array(scores, np.float32)[best].tolist()
