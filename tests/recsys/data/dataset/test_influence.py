"""The influence limit: customers of browsers alone weigh a share of an item, and nobody else loses an event."""

import numpy as np
import polars as pl
import pytest

from recsys.arrays import Ints
from recsys.data.dataset.dataset import Dataset, build_dataset, read_events
from recsys.data.dataset.influence import IS_VOUCHED, MIN_VOUCHED, limit_influence
from recsys.data.events import BROWSER_PREFIX, EVENT_SCHEMA, Event, Kind
from recsys.models.popularity import Popularity, PopularityModel, users_by_item
from recsys.testing import NOW
from recsys.time_units import DAY_MS

RNG = np.random.default_rng(0)
SHARE = 0.3
N_ITEMS = 20


def event(name: str, user: str, item: int, days_ago: float, kind: Kind = Kind.PURCHASE) -> Event:
    return Event(f"{name}-{user}-{item}-{days_ago}", user, f"item-{item:02}", kind, int((NOW - days_ago) * DAY_MS))


def honest(n: int = 200) -> list[Event]:
    """Item 0 has most buyers, item 19 has ten."""
    return [
        event("shop", f"user-{user:03}", item, 1.0 + (user * 7 + item) % 60)
        for user in range(n)
        for item in range(N_ITEMS)
        if user % N_ITEMS >= item
    ]


def fakes(n: int, *items: int, kind: Kind = Kind.PURCHASE, prefix: str = BROWSER_PREFIX) -> list[Event]:
    return [event(prefix, f"fake-{user:04}", item, 0.0, kind) for user in range(n) for item in items]


def dataset(events: list[Event], share: float = SHARE) -> Dataset:
    frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])
    weights = {Kind.PURCHASE: 1.0, Kind.CART: 0.3, Kind.VIEW: 0.05}
    return build_dataset(frame, [], now=NOW, weight_by_kind=weights, never_show={}, unvouched_share=share)


def fitted(events: list[Event], share: float = SHARE) -> PopularityModel:
    return Popularity().fit(dataset(events, share).data, RNG)


def best(events: list[Event], share: float = SHARE) -> Ints:
    return fitted(events, share).order


def test_two_thousand_fakes_of_a_browsers_key_weigh_their_share_of_an_item() -> None:
    shop, attacked = dataset(honest()), dataset([*honest(), *fakes(2_000, 0, 19)])
    before, after = (users_by_item(data.data.histories, 28.0) for data in (shop, attacked))
    assert np.all((after - before)[[0, 19]] / after[[0, 19]] <= SHARE)
    np.testing.assert_allclose(after[1:19], before[1:19])
    assert attacked.n_unvouched > 3_000
    assert best([*honest(), *fakes(2_000, 19)], share=1.0)[0] == 19, "without the limit they lead"
    np.testing.assert_array_equal(best([*honest(), *fakes(2_000, 19)])[:10], best(honest())[:10])


@pytest.mark.parametrize("item", [0, 19], ids=["sold often", "sold seldom"])
def test_fakes_make_no_trend(item: int) -> None:
    events = [*honest(), *fakes(2_000, item)]
    assert fitted(events).trend[item] < 1.2
    assert fitted(events, share=1.0).trend[item] > 1.25


@pytest.mark.parametrize("kind", [Kind.VIEW, Kind.CART])
def test_what_nobody_vouches_for_is_worth_one_purchase(kind: Kind) -> None:
    weight = users_by_item(dataset([*honest(), *fakes(2_000, 77, kind=kind)]).data.histories, 28.0)
    assert 0.5 < weight[-1] <= 1.0


def test_a_customer_with_one_event_of_the_shop_is_vouched_for() -> None:
    known = [event(BROWSER_PREFIX, f"user-{user:03}", 19, 0.5, Kind.VIEW) for user in range(200)]
    assert dataset([*honest(), *known]).n_unvouched == 0


def test_events_of_servers_and_files_are_never_left_out() -> None:
    assert dataset([*honest(), *fakes(2_000, 19, prefix="own")]).n_unvouched == 0


def test_where_nearly_everybody_comes_from_a_browser_nothing_is_left_out() -> None:
    events = [*honest(MIN_VOUCHED - 1), *fakes(2_000, 19)]
    assert dataset(events).n_unvouched == 0


def test_visitors_known_for_longest_stay() -> None:
    old = [event(BROWSER_PREFIX, "regular", 19, days) for days in (50.0, 0.0)]
    kept = dataset([*honest(), *fakes(2_000, 19), *old])
    assert "regular" in kept.users.texts.all()


def test_events_without_the_column_are_all_vouched_for() -> None:
    frame = read_events([pl.DataFrame(fakes(9, 0), schema=EVENT_SCHEMA, orient="row")]).drop(IS_VOUCHED)
    assert limit_influence(frame, {Kind.PURCHASE: 1.0}, SHARE, now=NOW).height == 9
