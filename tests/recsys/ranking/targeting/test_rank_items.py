"""Item ranking: a list of the shop's own comes back whole, each item once, in the order the customer wants it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.engine.calibration import Calibration
from recsys.errors import UnknownModel, UnknownPlacement
from recsys.ranking.candidates.sources import BLEND_DEPTH, unseen_candidates
from recsys.ranking.filters.eligibility import Eligibility
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.targeting.purchase_probability import purchase_probabilities
from recsys.ranking.targeting.rank_items import Ranking
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM_IDS = [item.item_id for item in small_items()]
PLACEMENTS = ("home", "discover", "buy-again", "product", "basket", "trending", "recently-viewed", "new-arrivals")


def ids(ranking: Ranking) -> list[str]:
    return [item.item_id for item in ranking.items]


@given(
    sent=st.lists(st.sampled_from([*ITEM_IDS, "brand-new", "gone", "nobody-knows-me", "nor-me"]), max_size=30),
    placement=st.sampled_from(PLACEMENTS),
    user_id=st.none() | st.sampled_from(["user-002", "user-031", "stranger"]),
    context=st.lists(st.sampled_from(ITEM_IDS), max_size=2),
    model=st.none() | st.sampled_from(["als", "popularity", "buy_again", "user_neighbours"]),
    sinks=st.booleans(),
)
def test_every_known_item_comes_back_exactly_once(
    small_shop: Recommender,
    sent: list[str],
    placement: str,
    user_id: str | None,
    context: list[str],
    model: str | None,
    sinks: bool,
) -> None:
    changes = [Item("brand-new", "New", "category-1"), Item("gone", deleted=True), Item("item-003", stock=0)]
    recommender = small_shop.with_catalogue(small_shop.catalogue.with_changes(changes))
    query = Query(NOW_MS, placement, user_id=user_id, context_item_ids=context)

    ranking = recommender.rank(query, sent, model=model, sinks=sinks)

    assert sorted(ids(ranking)) == sorted({*sent} - {"nobody-knows-me", "nor-me"})
    assert set(ranking.unknown) == {*sent} & {"nobody-knows-me", "nor-me"}
    assert [item.rank for item in ranking.items] == list(range(1, len(ranking.items) + 1))
    unavailable = {item.item_id for item in ranking.items if item.status == "unavailable"}
    assert unavailable == {"gone", "item-003"} & {*sent}
    if sinks:
        assert {*ids(ranking)[len(ranking.items) - len(unavailable) :]} == unavailable


@pytest.fixture(scope="module")
def grown_shop(small_shop: Recommender) -> Recommender:
    """The small shop, old enough for curves: buying again is likelier than buying new items."""
    steps = np.linspace(0.01, 1, 50)
    chances = {"buy_again": Calibration(steps * 2, steps), "discover": Calibration(steps / 5, steps / 2)}
    return replace(small_shop, engine=replace(small_shop.engine, calibrations=chances))


@pytest.mark.parametrize("user_id", ["user-002", "user-007", "user-040", "stranger"])
def test_the_list_of_home_comes_back_in_its_order(
    small_shop: Recommender, grown_shop: Recommender, user_id: str
) -> None:
    query = Query(NOW_MS, "home", 12, user_id)
    for recommender in (small_shop, grown_shop):
        shown = [item.item_id for item in recommender.recommend(query).items]
        assert ids(recommender.rank(query, sorted(shown))) == shown


def test_items_that_the_customer_and_their_camp_buy_come_first(grown_shop: Recommender) -> None:
    ranking = grown_shop.rank(Query(NOW_MS, user_id="user-007"), ITEM_IDS)
    own = [item for item in ranking.items if item.source in ("buy_again", "discover")]
    assert {int(item.item_id[-3:]) % 2 for item in own[:8]} == {1}
    assert own[0].source == "buy_again"
    assert [item.score for item in own] == sorted((item.score for item in own), reverse=True)


def test_a_dismissed_item_comes_last_with_its_status(small_shop: Recommender) -> None:
    query = Query(NOW_MS, user_id="user-002")
    first = ids(small_shop.rank(query, ITEM_IDS))[0]
    waved = [Event("no", "user-002", first, Kind.DISMISS, NOW_MS)]
    ranking = small_shop.rank(Query(NOW_MS, user_id="user-002", recent=waved), ITEM_IDS)
    assert (ranking.items[-1].item_id, ranking.items[-1].status) == (first, "held_back")


def test_bought_items_are_held_back_where_only_new_items_are_shown(
    small_shop: Recommender, shop_events: list[Event]
) -> None:
    mine = {event.item_id for event in shop_events if event.user_id == "user-002" and event.kind == Kind.PURCHASE}
    ranking = small_shop.rank(Query(NOW_MS, "discover", user_id="user-002"), ITEM_IDS)
    assert {item.item_id for item in ranking.items if item.status == "held_back"} == mine
    assert {*ids(ranking)[-len(mine) :]} == mine


def test_a_probability_is_the_higher_one_of_the_blend_and_of_buying_again(grown_shop: Recommender) -> None:
    engine = grown_shop.engine
    history = engine.history_of("user-004")
    everything = np.ones(engine.n_items, bool)
    everything[history.item[history.kind == Kind.PURCHASE]] = False
    best_new = unseen_candidates(engine, history, Eligibility(everything), BLEND_DEPTH)
    items = np.arange(engine.n_items, dtype=np.int32)
    probabilities = purchase_probabilities(engine, history, best_new, items)
    again = engine.models["buy_again"].score(history)[0]
    assert probabilities.is_again[again > 0].all()
    np.testing.assert_allclose(
        probabilities.probability[again > 0], engine.calibrations["buy_again"].apply(again[again > 0], 1), atol=1e-8
    )
    assert ((probabilities.probability >= 0) & (probabilities.probability <= 1)).all()
    order = np.argsort(-again[again > 0], kind="stable")
    assert (np.diff(probabilities.probability[again > 0][order]) <= 0).all()
    alone = [purchase_probabilities(engine, history, best_new, items[at : at + 1]).probability[0] for at in items]
    np.testing.assert_allclose(alone, probabilities.probability, rtol=1e-3, atol=1e-6)


def test_an_unknown_model_or_placement_is_named(small_shop: Recommender) -> None:
    with pytest.raises(UnknownModel, match="did you mean 'als'"):
        small_shop.rank(Query(NOW_MS), ITEM_IDS, model="asl")
    with pytest.raises(UnknownPlacement):
        small_shop.rank(Query(NOW_MS, "hmoe"), ITEM_IDS)
