"""List options: they change the order and the items of a list, and its length only as they say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.arrays import Floats
from recsys.data.events import Event, Kind
from recsys.errors import BadInput
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import load_placements
from recsys.ranking.query import ListOptions, Query, Recommendation
from recsys.ranking.recommender import Recommender
from recsys.ranking.rerank.reorder import boosted, diverse, explored, similarities
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
PLACEMENTS = sorted(load_placements(None, frozenset(SOURCES)))
ITEM_BY_ID = {item.item_id: item for item in small_items()}

few = settings(max_examples=40)
queries = st.builds(
    Query,
    st.just(NOW_MS),
    placement=st.sampled_from(PLACEMENTS),
    k=st.integers(1, 30),
    user_id=st.sampled_from([None, "stranger", *(f"user-{n:03}" for n in range(0, 60, 7))]),
    context_item_ids=st.lists(st.sampled_from(sorted(ITEM_BY_ID)), max_size=2),
    filters=st.sampled_from([Filters(), Filters(price_to=12.0), Filters(brand_out=frozenset({"brand-0"}))]),
)
some_caps = st.dictionaries(st.sampled_from(["brand", "category"]), st.integers(1, 6), max_size=2)


def shown(recommender: Recommender, query: Query, options: ListOptions | None) -> Sequence[Recommendation]:
    return recommender.recommend(replace(query, options=options)).items


def ids(items: Sequence[Recommendation]) -> list[str]:
    return [item.item_id for item in items]


def eligible_ids(recommender: Recommender, query: Query) -> set[str]:
    """Ids of the eligible items; of a placement that is not filled, of the items that its sources find."""
    context = recommender._rank(query)[0]
    if not context.placement.fills:
        return set(ids(recommender.recommend(replace(query, k=100)).items))
    return {recommender.catalogue.item_id(int(at)) for at in np.flatnonzero(context.eligible.mask)}


def has_room(item_id: str, standing: Sequence[str], max_per: Mapping[str, int]) -> bool:
    mine = ITEM_BY_ID[item_id]
    return all(
        sum(getattr(ITEM_BY_ID[other], name) == getattr(mine, name) for other in standing) < most
        for name, most in max_per.items()
    )


@few
@given(queries)
def test_empty_options_change_no_list(small_shop: Recommender, query: Query) -> None:
    assert shown(small_shop, query, ListOptions()) == small_shop.recommend(query).items


@few
@given(queries, some_caps)
def test_no_cap_is_broken_and_the_list_is_short_only_when_nothing_else_has_room(
    small_shop: Recommender, query: Query, max_per: dict[str, int]
) -> None:
    item_ids = ids(shown(small_shop, query, ListOptions(max_per)))
    for name, most in max_per.items():
        assert max(Counter(getattr(ITEM_BY_ID[item_id], name) for item_id in item_ids).values(), default=0) <= most
    assert len(set(item_ids)) == len(item_ids)
    left = eligible_ids(small_shop, query) - set(item_ids)
    assert len(item_ids) == query.k or not any(has_room(item_id, item_ids, max_per) for item_id in left)


@few
@given(queries, some_caps, st.floats(0, 1), st.none() | st.integers(0, 9), st.booleans())
def test_combined_options_keep_the_length_and_the_eligible_items(
    small_shop: Recommender, query: Query, max_per: dict[str, int], diversity: float, seed: int | None, rotate: bool
) -> None:
    item_ids = ids(shown(small_shop, query, ListOptions(max_per, None, diversity, seed, rotate)))
    eligible = eligible_ids(small_shop, query)
    assert set(item_ids) <= eligible
    assert len(set(item_ids)) == len(item_ids)
    if not max_per:
        assert len(item_ids) == min(query.k, len(eligible))


@few
@given(queries, st.floats(0, 1))
def test_a_min_score_allows_only_sources_and_no_lower_score(
    small_shop: Recommender, query: Query, least: float
) -> None:
    sources = small_shop.placements[query.placement].sources
    items = shown(small_shop, query, ListOptions(min_score=least))
    assert all(item.score >= least and item.source in sources for item in items)
    plain = [item for item in small_shop.recommend(query).items if item.source in sources and item.score >= least]
    assert ids(items)[: len(plain)] == ids(plain)


@few
@given(queries, st.integers(0, 2**53 - 1))
def test_one_seed_gives_one_list(small_shop: Recommender, query: Query, seed: int) -> None:
    assert shown(small_shop, query, ListOptions(seed=seed)) == shown(small_shop, query, ListOptions(seed=seed))


def test_other_seeds_explore_and_the_first_place_changes_least(small_shop: Recommender) -> None:
    query = Query(NOW_MS, "home", 5, "user-004")
    plain = ids(small_shop.recommend(query).items)
    lists = [ids(shown(small_shop, query, ListOptions(seed=seed))) for seed in range(200)]
    stays = [np.mean([item_ids[place] == plain[place] for item_ids in lists]) for place in range(5)]
    assert stays[0] == max(stays)
    assert 0.4 < stays[0] < 0.8
    assert len({tuple(item_ids) for item_ids in lists}) > 50


def test_the_first_of_many_is_drawn_as_often_as_the_formula_says(small_shop: Recommender) -> None:
    scored = [ScoredItem(item, 1.0, "popular", "popular") for item in range(20)]
    places = [float(place) for place in range(1, 21)]
    drawn = Counter(explored(scored, places, seed, small_shop.catalogue)[0].item for seed in range(4_000))
    weights = np.array([place**-2 for place in places])
    for item in range(4):
        expected = weights[item] / weights.sum()
        assert abs(drawn[item] / 4_000 - expected) < 4 * np.sqrt(expected / 4_000)


def slowly_diverse(n_picks: int, n: int, diversity: float, likeness: Floats) -> list[int]:
    """Maximal marginal relevance, implemented step by step."""
    chosen: list[int] = []
    while len(chosen) < min(n, n_picks):

        def worth(at: int) -> float:
            nearest = max((float(likeness[at, other]) for other in chosen), default=0.0)
            return (1 - diversity) * (1 - at / n_picks) - diversity * nearest

        left = [at for at in range(n_picks) if at not in chosen]
        chosen.append(max(left, key=lambda at: (worth(at), -at)) if chosen else 0)
    return [*chosen, *(at for at in range(n_picks) if at not in chosen)]


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(0, 99))
def test_diversity_agrees_with_a_slow_implementation(n_picks: int, n: int, diversity: float, seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(0, 5, (n_picks, n_picks)) / 4
    likeness = np.maximum(drawn, drawn.T).astype(np.float32)
    scored = [ScoredItem(item, 1.0, "popular", "popular") for item in range(n_picks)]
    items = [candidate.item for candidate in diverse(scored, n, diversity, likeness)]
    assert items == slowly_diverse(n_picks, n, diversity, likeness)


def test_a_diverse_list_is_less_alike_than_the_plain_one(small_shop: Recommender) -> None:
    def likeness(diversity: float) -> float:
        total = 0.0
        for user in range(0, 60, 5):
            items = shown(small_shop, Query(NOW_MS, "home", 6, f"user-{user:03}"), ListOptions(diversity=diversity))
            scored = [ScoredItem(small_shop.catalogue.position(item.item_id), 1.0, "", "personal") for item in items]
            total += float(np.triu(similarities(scored, small_shop.engine, small_shop.catalogue), 1).sum())
        return total

    assert likeness(0.9) < 0.9 * likeness(0.0)


@given(st.lists(st.sampled_from([0.1, 0.5, 1.0, 2.0, 10.0]), min_size=1, max_size=30))
def test_a_factor_divides_the_place_and_the_larger_factor_wins_ties(factors: list[float]) -> None:
    scored = [ScoredItem(item, 1.0, "popular", "popular") for item in range(len(factors))]
    reordered, places = boosted(scored, np.array(factors), np.zeros(len(factors)))
    assert places == sorted((at + 1) / factor for at, factor in enumerate(factors))
    assert [candidate.item for candidate in reordered] == sorted(
        range(len(factors)), key=lambda at: ((at + 1) / factors[at], -factors[at], at)
    )


def test_an_item_clicked_after_an_impression_does_not_move_down(small_shop: Recommender) -> None:
    plain = ids(small_shop.recommend(Query(NOW_MS, "home", 10, "user-004")).items)
    seen = Event("seen", "user-004", plain[0], Kind.IMPRESSION, NOW_MS - 2_000)
    clicked = Event("f", "user-004", plain[0], Kind.CLICK, NOW_MS - 1_000)
    query = Query(NOW_MS, "home", 10, "user-004", recent=[seen, clicked])
    assert shown(small_shop, query, ListOptions(rotate=True)) == small_shop.recommend(query).items


def test_impressions_before_the_training_count_once(small_shop: Recommender) -> None:
    plain = ids(small_shop.recommend(Query(NOW_MS, "home", 10, "user-004")).items)
    seen = Event("seen", "user-004", plain[0], Kind.IMPRESSION, NOW_MS - 2_000)
    alone = shown(small_shop, Query(NOW_MS, "home", 10, "user-004", recent=[seen]), ListOptions(rotate=True))
    both = shown(
        small_shop, Query(NOW_MS, "home", 10, "user-004", recent=[seen]), ListOptions(rotate=True, shown=[seen])
    )
    before = shown(small_shop, Query(NOW_MS, "home", 10, "user-004"), ListOptions(rotate=True, shown=[seen]))
    assert ids(alone) == ids(both) == ids(before)
    assert ids(alone) != plain


def test_an_attribute_that_no_item_has_is_named(small_shop: Recommender) -> None:
    with pytest.raises(BadInput, match="no item has the attribute 'flavour'"):
        small_shop.recommend(Query(NOW_MS, options=ListOptions({"flavour": 2})))
