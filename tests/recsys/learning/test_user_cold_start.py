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
from recsys.learning.user_cold_start import best_sellers, learn_cold_start
from recsys.models.segments import SegmentsModel, SegmentStatistics, segment_preferences, segment_statistics
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
    assert (answer.fallback, answer.attributes) == ("segment", "used")
    assert {item.source for item in answer.items} == {"segment_popular"}
    assert {item.reason.text for item in answer.items} == {"Popular with customers like you"}


def test_attributes_that_no_customer_has_leave_the_best_sellers(described_shop: Recommender) -> None:
    plain = described_shop.recommend(Query(NOW_MS, "home", 5, "stranger"))
    answer = described_shop.recommend(Query(NOW_MS, "home", 5, "stranger", attributes={"town": "Rome"}))

    assert answer.items == plain.items
    assert (answer.attributes, plain.attributes) == ("unknown", None)
    assert plain.fallback == "popular"


@pytest.mark.parametrize(
    ("town", "words"), [("Ulm", "By the attributes of the customer: town=Ulm."), ("Rome", "Too few known customers")]
)
def test_an_explanation_says_what_the_attributes_did(described_shop: Recommender, town: str, words: str) -> None:
    query = Query(NOW_MS, "home", 3, "stranger", attributes={"town": town}, explain=True)

    explanations = [item.explanation for item in described_shop.recommend(query).items]

    assert all(explanation is not None and words in explanation.text for explanation in explanations)


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


def test_an_answer_says_that_attributes_tell_nothing(mixed_shop: Recommender) -> None:
    plain = mixed_shop.recommend(Query(NOW_MS, "home", 5, "stranger"))
    query = Query(NOW_MS, "home", 5, "stranger", attributes={"town": "Ulm"}, explain=True)

    answer = mixed_shop.recommend(query)

    assert [item.item_id for item in answer.items] == [item.item_id for item in plain.items]
    assert (answer.fallback, answer.attributes) == ("popular", "no_effect")
    explanation = answer.items[0].explanation
    assert explanation is not None
    assert "The attributes tell nothing" in explanation.text
    assert "no better than best-sellers" in mixed_shop.bundle.manifest.blend["segments"]["why"]


def test_the_manifest_says_how_much_better_lists_by_attributes_are(described_shop: Recommender) -> None:
    decision = described_shop.bundle.manifest.blend["segments"]

    assert decision["is_used"]
    assert decision["judges"] == N_USERS
    assert decision["ndcg_at_10"] > 1.2 * decision["best_sellers"]
    assert decision["difference"] > 2 * decision["standard_error"]


def test_the_effect_of_one_feature_is_shrunk_like_a_share_with_average_users_added() -> None:
    share, n = np.array([0.2, 0.4]), 25.0
    buyers = np.array([20.0, 1.0])

    effect = SegmentStatistics(share, np.array([[n]]), (buyers - n * share)[None]).effects(100.0, 1)

    np.testing.assert_allclose(share + effect[0], (buyers + 100 * share) / (n + 100), rtol=1e-6)


def test_a_segment_of_an_older_release_wants_what_it_wanted() -> None:
    vocabulary = build_vocabulary([User(f"{user}", {"town": "Ulm"}) for user in range(30)])
    share, lift = np.array([0.4, 0.2]), np.log(np.array([[0.5, 3.0]])).astype(np.float32)
    new = SegmentsModel(vocabulary, np.array([1, 0], np.int32), share, lift)
    stored = {**new.arrays(), "lift": lift, "trust": np.asarray(0.5)}
    del stored["effect"]

    older = SegmentsModel.from_arrays(stored)

    np.testing.assert_allclose(older.probabilities(np.array([0])), share * np.array([0.5, 3.0]) ** 0.5, rtol=1e-6)
    assert SegmentsModel.specs(stored).keys() == stored.keys()


def test_effects_of_features_are_a_ridge_regression_counted_one_by_one() -> None:
    data = two_camps()
    users = [User(f"{user:02}", {"camp": str(user % 2), "third": str(user % 3)}) for user in range(40)]
    vocabulary = build_vocabulary(users, min_users=10)
    from recsys.data.ids import IdMap

    described = build_user_features(users, vocabulary, IdMap.from_ids(user.user_id for user in users))
    items = best_sellers(data.histories, np.inf)
    want = segment_preferences(data.histories, items, np.inf)
    bought = np.zeros((40, 20))
    bought[np.repeat(np.arange(40), np.diff(data.histories.offsets)), data.histories.item] = 1
    bought = bought[:, items]
    share = bought.sum(axis=0) / 40
    member = np.array(
        [[user.attributes[word[:5].strip("=")] == word[-1] for word in vocabulary.words.texts.all()] for user in users]
    )
    square = member.T.astype(float) @ member + 50 * np.eye(len(vocabulary))
    expected = np.linalg.solve(square, member.T @ (bought - share))

    statistics = segment_statistics(want, described, len(vocabulary))

    np.testing.assert_allclose(statistics.share, share)
    np.testing.assert_allclose(statistics.effects(50.0, 500), expected, atol=1e-6)
    one_direction = statistics.effects(50.0, 1)
    assert np.linalg.matrix_rank(one_direction, tol=1e-5) == 1
    assert 0 < np.linalg.norm(one_direction) < np.linalg.norm(expected)


def test_a_shop_without_user_attributes_learns_no_segments(small_shop: Recommender) -> None:
    assert small_shop.engine.segments is None
    assert "segments" not in small_shop.bundle.manifest.blend


def test_few_users_with_attributes_are_too_few_to_learn_segments_from() -> None:
    from recsys.data.dataset.dataset import Dataset

    data = two_camps(n_users=40)
    from recsys.data.catalogue.catalogue import build_catalogue
    from recsys.data.ids import IdMap

    users, items = (
        IdMap.from_ids(f"{user:02}" for user in range(40)),
        IdMap.from_ids(f"{item:02}" for item in range(20)),
    )
    shop = Dataset(users, build_catalogue(items, (), {}), data)
    people = [User(f"{user:02}", {"camp": str(user // 20)}) for user in range(25)]

    model, decision = learn_cold_start(shop, people, np.random.default_rng(0), days=0.5, half_life_days=28)

    assert decision is not None
    assert not decision.is_used
    assert "30 are needed" in decision.why
    assert model is not None
    assert len(model.items) == 0
