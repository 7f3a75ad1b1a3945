"""User cold start: a user known only by attributes sees what users with the same attributes want."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.dataset.user_features import build_user_features, build_vocabulary
from recsys.data.entities import Attribute, User
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.learning.user_cold_start import MOST_CAREFUL, best_sellers, learn_cold_start
from recsys.models.segments import count_preferences, segment_preferences, segment_probabilities, shrunk_share
from recsys.progress import StepLog
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.testing import NOW, small_events, small_items, two_camps
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
N_USERS = 240
Making = Callable[[Callable[[int], Mapping[str, Attribute]]], Recommender]


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory) -> Making:
    """The small shop, in which customer u has the attributes that `attributes(u)` gives."""

    def make(attributes: Callable[[int], Mapping[str, Attribute]]) -> Recommender:
        events = small_events(N_USERS)
        frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])
        users = [User(f"user-{user:03}", attributes(user)) for user in range(N_USERS)]
        snapshot = Snapshot(frame, small_items(), log_seq=len(events), item_revision=1, users=users)
        directory: Path = tmp_path_factory.mktemp("described") / "bundle"
        recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
        return build_recommender(build_bundle(snapshot, directory, recipe, StepLog(), version="described"), (), None)

    return make


@pytest.fixture(scope="module")
def described_shop(making: Making) -> Recommender:
    """Even users, who buy even items, live in Ulm; odd ones in Bonn."""
    return making(lambda user: {"town": "Bonn" if user % 2 else "Ulm", "kids": float(user % 3)})


@pytest.fixture(scope="module")
def mixed_shop(making: Making) -> Recommender:
    """The attributes of users have nothing to do with what they buy."""
    return making(lambda user: {"town": "Bonn" if (user // 2) % 2 else "Ulm"})


def camps(answer: RecommendationList) -> set[int]:
    return {int(item.item_id[-3:]) % 2 for item in answer.items}


@pytest.mark.parametrize("placement", ["home", "discover"])
@pytest.mark.parametrize(("town", "camp"), [("Ulm", 0), ("Bonn", 1)])
def test_an_unknown_user_sees_what_users_with_their_attributes_want(
    described_shop: Recommender, placement: str, town: str, camp: int
) -> None:
    answer = described_shop.recommend(Query(NOW_MS, placement, 5, "stranger", attributes={"town": town}))

    assert camps(answer) == {camp}
    assert answer.fallback == "segment"
    assert {item.source for item in answer.items} == {"segment_popular"}
    assert {item.reason.text for item in answer.items} == {"Popular with customers like you"}


def test_attributes_that_say_nothing_leave_the_best_sellers(described_shop: Recommender) -> None:
    plain = described_shop.recommend(Query(NOW_MS, "home", 5, "stranger"))

    assert described_shop.recommend(Query(NOW_MS, "home", 5, "stranger", attributes={"town": "Rome"})) == plain
    assert plain.fallback == "popular"


def test_attributes_change_nothing_for_a_customer_with_a_history(described_shop: Recommender) -> None:
    even = Query(NOW_MS, "home", 10, "user-002")

    assert described_shop.recommend(even) == described_shop.recommend(
        Query(NOW_MS, "home", 10, "user-002", attributes={"town": "Bonn"})
    )


def test_an_unknown_users_events_win_over_their_attributes(described_shop: Recommender) -> None:
    click = Event("e", "stranger", "item-003", Kind.VIEW, NOW_MS)

    answer = described_shop.recommend(Query(NOW_MS, "home", 5, "stranger", recent=[click], attributes={"town": "Ulm"}))

    assert camps(answer) == {1}


def test_impressions_alone_are_no_history(described_shop: Recommender) -> None:
    shown = Event("seen", "stranger", "item-003", Kind.IMPRESSION, NOW_MS)

    answer = described_shop.recommend(Query(NOW_MS, "home", 5, "stranger", recent=[shown], attributes={"town": "Ulm"}))

    assert camps(answer) == {0}
    assert answer.fallback == "segment"


def test_a_segment_list_is_as_long_as_there_is_anything_to_show(described_shop: Recommender) -> None:
    answer = described_shop.recommend(Query(NOW_MS, "home", 100, "stranger", attributes={"town": "Ulm"}))

    assert len(answer.items) == len({item.item_id for item in answer.items}) == 24


def test_attributes_that_do_not_matter_hardly_move_the_best_sellers(mixed_shop: Recommender) -> None:
    decision = mixed_shop.bundle.manifest.blend["segments"]
    model = mixed_shop.engine.segments

    assert (decision["strength"], decision["trust"]) == MOST_CAREFUL
    assert "not better" in decision["why"]
    assert model is not None
    for trait in range(2):
        np.testing.assert_allclose(model.probabilities(np.array([trait])), model.share, rtol=0.01)


def test_the_manifest_says_how_far_segments_are_trusted(described_shop: Recommender) -> None:
    decision = described_shop.bundle.manifest.blend["segments"]

    assert decision["judges"] == N_USERS
    assert decision["gain"] > 0.2


def test_a_share_of_few_users_is_shrunk_towards_the_shops() -> None:
    share = np.array([0.2, 0.4])

    few, many = (shrunk_share(np.array([n, 0.0]), n, share, 100.0) for n in (1.0, 10_000.0))

    np.testing.assert_allclose(few, [(1 + 20) / 101, 40 / 101])
    np.testing.assert_allclose(many, [1, 0], atol=0.01)


def test_the_ranking_is_the_share_times_the_lifts_counted_one_by_one() -> None:
    data = two_camps()
    users = [User(f"{user:02}", {"camp": str(user % 2), "third": str(user % 3)}) for user in range(40)]
    vocabulary = build_vocabulary(users, min_users=10)
    from recsys.data.ids import IdMap

    described = build_user_features(users, vocabulary, IdMap.from_ids(user.user_id for user in users))
    items = best_sellers(data.histories)
    want = segment_preferences(data.histories, items, np.inf)
    bought = np.zeros((40, 20))
    bought[np.repeat(np.arange(40), np.diff(data.histories.offsets)), data.histories.item] = 1
    bought = bought[:, items]
    share = bought.sum(axis=0) / 40
    expected = share.copy()
    for word in ("camp=1", "third=2"):
        name, value = word.split("=")
        member = np.array([user.attributes[name] == value for user in users])
        expected *= (bought[member].sum(axis=0) + 50 * share) / (member.sum() + 50) / share

    counts = count_preferences(want, described, len(vocabulary))
    traits = vocabulary.features_of({"camp": "1", "third": "2"})

    np.testing.assert_allclose(segment_probabilities(counts.share, counts.lift(50.0)[traits], 1.0), expected, rtol=1e-5)


def test_a_shop_without_user_attributes_learns_no_segments(small_shop: Recommender) -> None:
    assert small_shop.engine.segments is None
    assert "segments" not in small_shop.bundle.manifest.blend


def test_few_users_with_attributes_give_segments_with_the_default_trust() -> None:
    from recsys.data.dataset.dataset import Dataset

    data = two_camps(n_users=40)
    from recsys.data.catalogue.catalogue import build_catalogue
    from recsys.data.ids import IdMap

    users, items = (
        IdMap.from_ids(f"{user:02}" for user in range(40)),
        IdMap.from_ids(f"{item:02}" for item in range(20)),
    )
    shop = Dataset(users, build_catalogue(items, (), {}), data)
    people = [User(f"{user:02}", {"camp": str(user % 2)}) for user in range(40)]

    model, decision = learn_cold_start(shop, people, np.random.default_rng(0), days=0.5)

    assert decision is not None
    assert decision.n_users < 30
    assert model is not None
    liked = model.items[np.argsort(-model.probabilities(model.vocabulary.features_of({"camp": "1"})))[:5]]
    assert set(liked % 2) == {1}
