"""Advocacy: a referral stays a sign, an NPS answer until a lower one, and nothing counts before it happened."""

import numpy as np

from recsys.customers.advocacy import advocated_ms, advocates
from recsys.customers.stages import NEVER
from recsys.data.facts import Fact, FactKind
from recsys.data.ids import IdMap

LATE = 10**6


def nps(at_ms: int, score: float, user_id: str = "a") -> Fact:
    return Fact(f"n{at_ms}", user_id, FactKind.SURVEY, at_ms, score, ref="nps")


def referral(at_ms: int, user_id: str = "a") -> Fact:
    return Fact(f"r{at_ms}", user_id, FactKind.REFERRAL, at_ms, ref="friend")


def test_the_first_sign_counts() -> None:
    assert advocated_ms([nps(5, 10), referral(7), nps(9, 9)], LATE) == 5
    assert advocated_ms([referral(7), nps(9, 9)], LATE) == 7
    assert advocated_ms([nps(5, 8)], LATE) == advocated_ms([], LATE) == NEVER


def test_a_lower_answer_takes_a_promoter_back_but_no_referral() -> None:
    assert advocated_ms([nps(5, 10), nps(6, 3)], LATE) == NEVER
    assert advocated_ms([nps(5, 10), nps(6, 3), nps(8, 9)], LATE) == 8
    assert advocated_ms([nps(5, 10), nps(6, 3), referral(7)], LATE) == 7


def test_later_facts_do_not_count() -> None:
    facts = [nps(5, 10), nps(20, 1)]
    assert [advocated_ms(facts, at_ms) for at_ms in (5, 6, 20, 21)] == [NEVER, 5, 5, NEVER]


def test_each_customer_has_their_own_sign() -> None:
    users = IdMap.from_ids(["a", "b", "c"])
    facts = [nps(3, 9, "b"), referral(4, "a"), nps(6, 9, "stranger")]
    np.testing.assert_array_equal(advocates(facts, users, LATE), [4, 3, NEVER])
