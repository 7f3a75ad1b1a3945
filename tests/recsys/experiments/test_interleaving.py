"""Team-draft interleaving: fair, without repeats, and each item credited to who picked it."""

from hypothesis import given
from hypothesis import strategies as st

from recsys.experiments.interleaving import coin_flips, interleaved, team_draft

LISTS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(LISTS, LISTS, st.integers(1, 10), st.integers(0, 100))
def test_no_item_comes_twice_and_no_place_stays_empty(a: list[str], b: list[str], k: int, seed: int) -> None:
    picks = team_draft(a, b, k, coin_flips(str(seed)))
    items = [item for item, _ in picks]
    assert len(items) == len(set(items)) == min(k, len({*a, *b}))
    assert all(item in (a if team == "A" else b) for item, team in picks)


@given(LISTS, st.integers(0, 100))
def test_two_equal_rankings_keep_their_order(a: list[str], seed: int) -> None:
    assert [item for item, _ in team_draft(a, a, 8, coin_flips(str(seed)))] == a


def test_each_team_picks_first_as_often_as_the_other() -> None:
    first = [team_draft("abc", "def", 1, coin_flips("x", str(n)))[0][1] for n in range(2_000)]
    assert 900 < first.count("A") < 1_100


def test_in_each_round_both_teams_pick_once() -> None:
    picks = team_draft("abcd", "efgh", 8, coin_flips("x"))
    rounds = zip(picks[::2], picks[1::2], strict=True)
    assert all({team for _, team in pair} == {"A", "B"} for pair in rounds)


def test_the_same_customer_sees_the_same_list_again() -> None:
    a, b = (
        {"items": [{"item_id": item, "rank": 1} for item in items], "placement": "home"} for items in ("abc", "cde")
    )
    once = interleaved(a, b, coin_flips("e1", "user", "7"))
    assert once == interleaved(a, b, coin_flips("e1", "user", "7"))
    assert [item["rank"] for item in once["items"]] == [1, 2, 3]
