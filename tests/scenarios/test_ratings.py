"""A shop with stars: what a customer would rate is learnt by training, asked by command and over the door."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.ranking.query import Query, to_json
from recsys.ranking.recommender import Recommender, open_recommender
from recsys.testing import NOW, small_events
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)


def stars(user: int, item: int, value: float, at_ms: int = NOW_MS - DAY_MS) -> Event:
    return Event(f"stars-{user}-{item}-{at_ms}", f"user-{user:03}", f"item-{item:03}", Kind.RATING, at_ms, rating=value)


def shop_with_stars(home: Path) -> Store:
    """Even customers give even items 5 and odd ones 1, odd customers the other way; item 0 is not rated by user 2."""
    store = open_store(home, None)
    given = [
        stars(user, item, 5.0 if (user + item) % 2 == 0 else 1.0)
        for user in range(60)
        for item in range(24)
        if (user * 7 + item * 3) % 4 and (user, item) not in {(2, 0), (2, 1)}
    ]
    store.append([*small_events(), *given])
    return store


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("stars")
    shop_with_stars(home).close()
    trained = run(home, "train")
    assert trained.exit_code == 0, trained.output
    return home


@pytest.fixture(scope="module")
def recommender(home: Path) -> Recommender:
    return open_recommender(home, None)


def test_the_command_foretells_what_a_customer_would_rate(home: Path) -> None:
    loved, hated = (float(run(home, "predict", "user-002", item).stdout) for item in ("item-000", "item-001"))
    assert loved > 4.5
    assert hated < 1.5


def test_a_stranger_gets_what_everybody_says(home: Path) -> None:
    assert 2 < float(run(home, "predict", "nobody", "item-000").stdout) < 4


def test_an_unknown_item_is_an_error_that_names_it(home: Path) -> None:
    result = run(home, "predict", "user-002", "item-999")
    assert result.exit_code == 1
    assert "item-999" in result.output


def test_each_recommended_item_says_what_rating_to_expect(recommender: Recommender) -> None:
    told = to_json(recommender.recommend(Query(NOW_MS, "home", 10, user_id="user-002")))["items"]
    for item in told:
        assert item["expected_rating"] == pytest.approx(
            recommender.expected_rating("user-002", item["item_id"]), abs=0.006
        )


def test_ratings_given_a_moment_ago_count_at_once(recommender: Recommender) -> None:
    turned = [stars(999, item, 1.0 if item % 2 == 0 else 5.0, NOW_MS) for item in range(2, 14)]
    before = recommender.expected_rating("new", "item-000")
    after = recommender.expected_rating("new", "item-000", turned)
    assert after < before - 1


def test_a_rating_overrules_an_earlier_one_of_the_same_item(recommender: Recommender) -> None:
    low = [stars(999, item, 1.0, NOW_MS) for item in (2, 4, 6)]
    high = [stars(999, item, 5.0, NOW_MS + 1) for item in (2, 4, 6)]
    corrected = recommender.expected_rating("new", "item-000", [*low, *high])
    assert corrected == recommender.expected_rating("new", "item-000", high)


def test_a_shop_without_ratings_says_nothing_of_them(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    store.append(small_events())
    store.close()
    assert run(tmp_path, "train").exit_code == 0
    plain = open_recommender(tmp_path, None)
    assert plain.rating_predictor is None
    assert "expected_rating" not in to_json(plain.recommend(Query(NOW_MS, "home", 5, user_id="user-002")))["items"][0]
    refused = run(tmp_path, "predict", "user-002", "item-000")
    assert refused.exit_code == 1
    assert "no ratings" in refused.output
