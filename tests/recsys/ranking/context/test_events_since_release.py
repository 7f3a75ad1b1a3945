"""Events since the release: they join the history as if the release had known them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.dataset.histories import Histories
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.ranking.context.context import MOST_DAYS_ON, with_recent_events
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
NOT_RETURNS = [kind for kind in Kind if kind != Kind.RETURN]  # tests of occasions have these
Row = tuple[int, float, float, int]

some_events = st.lists(
    st.builds(
        Event,
        event_id=st.just("later"),
        user_id=st.just("user-004"),
        item_id=st.sampled_from([*(item.item_id for item in small_items()[:6]), "nobody-knows-me"]),
        kind=st.sampled_from([*NOT_RETURNS, 127]),  # a newer build may know more kinds
        at_ms=st.integers(NOW_MS - DAY_MS, NOW_MS + 90 * DAY_MS) | st.just(NOW_MS),
        quantity=st.just(1.0),
        order_id=st.none() | st.sampled_from(["o1", "o2"]),
        rating=st.none() | st.sampled_from([0.0, 4.0]),
    ),
    max_size=12,
)


def rows(history: Histories) -> list[Row]:
    columns = (history.item, history.at, history.weight, history.kind)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def one_by_one(history: Histories, events: list[Event], shop: Recommender) -> list[Row]:
    """The same history, computed event by event; of an order or day the first purchase of an item counts."""
    expected = rows(history)
    bought: set[tuple[int, str | int]] = {(item, int(at)) for item, at, _, kind in expected if kind == Kind.PURCHASE}
    for event in events:
        item = shop.catalogue.position(event.item_id)
        weight = shop.engine.weight_by_kind.get(event.kind, 0.0)
        if item == MISSING or not (weight or event.kind == Kind.DISMISS):
            continue
        if event.kind == Kind.RATING:
            weight *= event.rating or 0.0
        if event.kind == Kind.PURCHASE:
            occasion = (item, event.order_id or event.at_ms // DAY_MS)
            if occasion in bought:
                continue
            bought.add(occasion)
        expected.append((item, event.at_ms / DAY_MS, float(np.float32(weight)), int(event.kind)))
    return sorted(expected, key=lambda row: row[:2])


@given(events=some_events, user=st.sampled_from(["user-004", "stranger"]))
def test_later_events_join_a_history_by_item_and_time(small_shop: Recommender, events: list[Event], user: str) -> None:
    known = small_shop.engine.history_of(user)
    history = with_recent_events(known, events, small_shop.engine, small_shop.catalogue)
    assert rows(history) == one_by_one(known, events, small_shop)
    assert history.offsets.tolist() == [0, len(history.item)]
    new_at = [at for _, at, _, _ in set(rows(history)) - set(rows(known))]
    assert history.now == max(known.now, min(max(new_at, default=0.0), small_shop.engine.histories.now + MOST_DAYS_ON))
