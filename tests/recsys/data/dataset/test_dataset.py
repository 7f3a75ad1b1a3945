"""A dataset numbers customers and items by rank, weighs events by kind, and finds baskets by order."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.dataset import Dataset, build_dataset, number_baskets, read_events, without_trailing_outliers
from recsys.data.entities import Item
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS

NOW = 1_000.0
WEIGHTS = {Kind.PURCHASE: 1.0, Kind.VIEW: 0.1, Kind.RETURN: -1.0, Kind.RATING: 1.0, Kind.IMPRESSION: 0.0}


def at(days_ago: float) -> int:
    return round((NOW - days_ago) * DAY_MS)


def dataset(events: list[Event], items: list[Item] | None = None, **hidden: list[str]) -> Dataset:
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    never_show = {key: frozenset(values) for key, values in hidden.items()}
    return build_dataset(read_events([frame]), items or [], now=NOW, weight_by_kind=WEIGHTS, never_show=never_show)


def bought(event_id: str, user: str, item: str, days_ago: float = 1, order: str | None = None) -> Event:
    return Event(event_id, user, item, Kind.PURCHASE, at(days_ago), 2.0, 3.0, order)


def test_customers_and_items_are_numbered_by_rank_and_repeats_stay_rows() -> None:
    built = dataset([bought("1", "zoe", "tea", 3), bought("2", "ann", "tea"), bought("3", "zoe", "tea", 1)])
    assert [built.users[0], built.users[1]] == ["ann", "zoe"]
    histories = built.data.histories
    assert histories.offsets.tolist() == [0, 1, 3]
    assert histories.at[1:].tolist() == [NOW - 3, NOW - 1]
    assert built.data.value.tolist() == [6.0, 6.0, 6.0]


def test_an_event_takes_few_bytes_however_long_its_ids_are() -> None:
    names = [f"{'a long id ' * 9}{n}" for n in range(4)]
    log = [bought(str(n), names[n % 4], names[n % 3], order=names[n % 4]) for n in range(300)]
    events = read_events([pl.DataFrame([event], schema=EVENT_SCHEMA, orient="row") for event in log])
    assert events.estimated_size() <= 55 * len(events)
    assert events["user_id"].to_list() == [names[n % 4] for n in range(300)]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["é", "z", "a", None]), st.integers(0, 2)), min_size=1))
def test_baskets_are_numbered_by_customer_then_order(rows: list[tuple[int, str | None, int]]) -> None:
    events = [bought(str(n), f"u{user}", "tea", days_ago, order) for n, (user, order, days_ago) in enumerate(rows)]
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    at = pl.when(pl.col("order_id").is_null()).then("at_ms").otherwise(0).alias("at")
    number = frame.select(pl.struct("user_id", "order_id", at).rank("dense").cast(pl.Int32)).to_series()
    slow = frame.select(pl.when(pl.col("order_id").is_null()).then(-number).otherwise(number)).to_series()
    assert number_baskets(read_events([frame])).tolist() == slow.to_list()


def test_later_events_and_kinds_of_weight_0_are_left_out() -> None:
    later = bought("2", "ann", "tea", -1)
    shown = Event("3", "ann", "milk", Kind.IMPRESSION, at(1))
    built = dataset([bought("1", "ann", "tea"), later, shown])
    assert len(built.data.histories.item) == 1
    assert built.catalogue.n_items == 1


def test_items_never_shown_are_never_learnt_from() -> None:
    items = [Item("petrol", attributes={"department": "FUEL"}), Item("tea", category="drinks")]
    built = dataset([bought("1", "ann", "petrol"), bought("2", "ann", "tea")], items, department=["FUEL"])
    assert built.catalogue.ids.texts.all() == ["tea"]


def test_described_items_without_events_take_part_unless_deleted() -> None:
    built = dataset([bought("1", "ann", "tea")], [Item("new"), Item("old", deleted=True)])
    assert built.catalogue.ids.texts.all() == ["new", "tea"]


def test_a_deleted_item_with_events_keeps_its_number_and_is_not_on_sale() -> None:
    built = dataset([bought("1", "ann", "tea"), bought("2", "ann", "milk")], [Item("tea", deleted=True)])
    assert built.catalogue.on_sale(NOW).tolist() == [True, False]


def test_weights_follow_the_kind_and_ratings_their_stars() -> None:
    rated = Event("1", "ann", "a", Kind.RATING, at(1), rating=4.0)
    returned = Event("2", "ann", "b", Kind.RETURN, at(1))
    viewed = Event("3", "ann", "c", Kind.VIEW, at(1))
    np.testing.assert_allclose(dataset([rated, returned, viewed]).data.histories.weight, [4.0, -1.0, 0.1])


def test_a_basket_is_an_order_or_without_orders_one_moment() -> None:
    events = [
        bought("1", "ann", "a", 5, "o1"),
        bought("2", "ann", "b", 4, "o1"),
        bought("3", "ann", "c", 4),
        bought("4", "ann", "d", 4),
        bought("5", "ann", "e", 3),
        bought("6", "bob", "f", 4),
    ]
    basket = dataset(events).data.basket.tolist()
    assert basket[0] == basket[1]
    assert basket[2] == basket[3]
    assert len({basket[0], basket[2], basket[4], basket[5]}) == 4


def test_a_log_without_anything_to_learn_says_what_to_do() -> None:
    with pytest.raises(NotEnoughData, match="import"):
        dataset([bought("1", "ann", "tea", -1)])
    with pytest.raises(NotEnoughData, match="import"):
        read_events([])


def test_interactions_before_a_moment_hold_what_was_known_then() -> None:
    data = dataset([bought("1", "ann", "tea", 9), bought("2", "ann", "tea", 2), bought("3", "bob", "tea", 3)]).data
    past = data.before(NOW - 5)
    assert past.histories.now == NOW - 5
    assert past.histories.offsets.tolist() == [0, 1, 1]
    assert len(past.basket) == len(past.value) == 1


def test_a_click_years_after_all_others_does_not_move_the_end_of_the_log() -> None:
    events = [bought(str(n), "ann", "tea", 100 - n / 10) for n in range(300)]
    late = [bought("late", "ann", "milk", -900), bought("later", "bob", "milk", -901)]
    cut, n_late = without_trailing_outliers(
        read_events([pl.DataFrame([*events, *late], schema=EVENT_SCHEMA, orient="row")])
    )
    assert n_late == 2
    assert cut["at_ms"].max() == events[-1].at_ms
    assert len(cut) == 302


@pytest.mark.parametrize("n_late", [0, 40])
def test_a_log_that_goes_on_ends_where_it_ends(n_late: int) -> None:
    events = [bought(str(n), "ann", "tea", 400 - n) for n in range(300)]
    season = [bought(f"s{n}", "ann", "tea", 20 - n / 10) for n in range(n_late)]
    frame = read_events([pl.DataFrame([*events, *season], schema=EVENT_SCHEMA, orient="row")])
    cut, late = without_trailing_outliers(frame)
    assert late == 0
    assert cut.equals(frame)


def test_the_price_of_an_item_that_has_none_is_what_was_paid_lately() -> None:
    paid = [(9.0, 30), (2.0, 3), (2.5, 2)] + [(99.0, 1)] * 9 + [(2.0, 10 + day) for day in range(7)]
    order = "nine lines of one order are one purchase"
    events = [
        bought(f"e{at}", f"u{ago}", "milk", ago)._replace(price=price, order_id=order)
        for at, (price, ago) in enumerate(paid)
    ]
    priced = bought("t", "u1", "wine")._replace(price=5.0)
    catalogue = dataset(
        [*events, priced, bought("n", "u1", "bag")._replace(price=None)], [Item("wine", price=7.0), Item("new")]
    ).catalogue

    def price(catalogue: Catalogue, item_id: str) -> float:
        return float(catalogue.price[catalogue.position(item_id)])

    assert price(catalogue, "milk") == 2.0
    assert price(catalogue, "wine") == 7.0
    assert np.isnan([price(catalogue, "bag"), price(catalogue, "new")]).all()
    changed = catalogue.with_changes([Item("milk", stock=3.0), Item("wine", price=8.0), Item("newer")])
    assert (price(changed, "milk"), price(changed, "wine")) == (2.0, 8.0)
    assert np.isnan(price(changed, "newer"))
