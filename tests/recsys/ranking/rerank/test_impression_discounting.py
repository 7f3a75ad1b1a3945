"""Impression discounting: recently shown items move down, whatever reports them, and no impression counts twice."""

import math
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recsys.data.answer_log.recent_lists import RecentList
from recsys.data.events import Event, Kind
from recsys.ranking.query import ListOptions, Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rerank.impression_discounting import recently_shown
from recsys.time_units import DAY_MS
from tests.recsys.ranking.rerank.test_list_options import ITEM_BY_ID, NOW_MS, eligible_ids, few, ids, queries, shown

NAMES = sorted(ITEM_BY_ID)[:4]
HOME = Query(NOW_MS, "home", 10, "user-004")


def rotated(
    small_shop: Recommender, query: Query, *answers: RecentList, shown_before: Sequence[Event] = ()
) -> list[str]:
    return ids(shown(small_shop, query, ListOptions(rotate=True, shown=shown_before, answers=answers)))


def impression(item_id: str, at_ms: int, request_id: str | None = None) -> Event:
    return Event(f"{item_id} {at_ms} {request_id}", "u", item_id, Kind.IMPRESSION, at_ms, request_id=request_id)


@few
@given(queries)
def test_the_next_list_holds_other_items_as_long_as_there_are_any(small_shop: Recommender, query: Query) -> None:
    first = rotated(small_shop, query)
    second = rotated(small_shop, query, RecentList("r", NOW_MS, tuple(first)))
    n_eligible = len(eligible_ids(small_shop, query))
    assert len(second) == len(first) == min(query.k, n_eligible)
    assert len(set(second) - set(first)) == min(query.k, n_eligible - len(first))


@few
@given(queries, st.integers(2, 6))
def test_repeated_lists_keep_their_length(small_shop: Recommender, query: Query, n: int) -> None:
    eligible, answers = eligible_ids(small_shop, query), list[RecentList]()
    for number in range(n):
        item_ids = rotated(small_shop, query, *answers)
        assert len(set(item_ids)) == len(item_ids) == min(query.k, len(eligible))
        assert set(item_ids) <= eligible
        answers.append(RecentList(f"r{number}", NOW_MS, tuple(item_ids)))


def test_a_shown_item_rises_again_day_by_day(small_shop: Recommender) -> None:
    plain = ids(small_shop.recommend(HOME).items)

    def place(days: float) -> int:
        answer = RecentList("r", NOW_MS - round(days * DAY_MS), (plain[0],))
        return [*rotated(small_shop, HOME, answer), plain[0]].index(plain[0])

    assert [place(days) for days in (0, 1, 2, 3, 30)] == [10, 9, 4, 2, 0]  # of equal places the higher one stays


def test_an_item_clicked_after_the_list_was_sent_does_not_move_down(small_shop: Recommender) -> None:
    plain = ids(small_shop.recommend(HOME).items)
    clicked = Event("c", "user-004", plain[0], Kind.CLICK, NOW_MS - 1_000)
    given_before = RecentList("r", NOW_MS - 2_000, tuple(plain))
    item_ids = rotated(small_shop, replace(HOME, recent=[clicked]), given_before)
    assert item_ids[0] == plain[0]
    assert set(plain[1:]).isdisjoint(item_ids)


def test_of_a_reported_list_only_the_reported_impressions_count(small_shop: Recommender) -> None:
    plain = ids(small_shop.recommend(HOME).items)
    seen = [impression(item_id, NOW_MS, "r") for item_id in plain[:2]]
    item_ids = rotated(small_shop, HOME, RecentList("r", NOW_MS, tuple(plain)), shown_before=seen)
    assert item_ids[:8] == plain[2:]
    assert set(plain[:2]).isdisjoint(item_ids)


events = st.builds(
    impression, st.sampled_from(NAMES), st.integers(0, 5).map(lambda n: NOW_MS - n * 7_200_000), st.sampled_from("abc")
).flatmap(lambda event: st.sampled_from([event, event._replace(request_id=None), event._replace(kind=Kind.CLICK)]))
answered = st.builds(
    RecentList,
    st.sampled_from("abcdefgh"),
    st.integers(0, 5).map(lambda n: NOW_MS - n * 7_200_000),
    st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
)


def counted_slowly(happened: Sequence[Event], answers: Sequence[RecentList], item_id: str) -> float:
    """How often an item was shown, counted impression by impression."""
    clicks = [event.at_ms for event in happened if event.kind == Kind.CLICK and event.item_id == item_id]
    seen = [event for event in happened if event.kind == Kind.IMPRESSION]
    reported_ids = {event.request_id for event in seen if event.request_id is not None}

    def worth(times: Sequence[int]) -> float:
        return math.fsum(0.5 ** ((NOW_MS - at) / DAY_MS) for at in times if all(at >= click for click in clicks))

    named = [event.at_ms for event in seen if event.item_id == item_id and event.request_id is not None]
    unnamed = [event.at_ms for event in seen if event.item_id == item_id and event.request_id is None]
    ours = [answer.at_ms for answer in answers if item_id in answer.items and answer.request_id not in reported_ids]
    return worth(named) + max(worth(unnamed), worth(ours))


@given(st.lists(events, max_size=8), st.lists(answered, max_size=5, unique_by=lambda answer: answer.request_id))
def test_the_count_agrees_with_a_slow_implementation(
    small_shop: Recommender, happened: list[Event], answers: list[RecentList]
) -> None:
    happened = [event._replace(event_id=f"e{n}") for n, event in enumerate(happened)]
    catalogue = small_shop.catalogue
    counts = recently_shown(Query(NOW_MS), ListOptions(rotate=True, shown=happened, answers=answers), catalogue)
    for item_id in NAMES:
        assert abs(counts.get(catalogue.position(item_id), 0.0) - counted_slowly(happened, answers, item_id)) < 1e-9
