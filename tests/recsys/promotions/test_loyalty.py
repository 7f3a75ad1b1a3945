"""Loyalty: the newest fact counts; points earned and spent; near the next tier; small groups are not told."""

from recsys.customers.history.loyalty import LoyaltyState, loyalty_states
from recsys.data.facts import Fact, FactKind
from recsys.promotions.loyalty import NearTier, loyalty_report, near_tiers


def fact(user: str, at: int, balance: float | None, tier: str | None = None) -> Fact:
    return Fact(f"{user}-{at}", user, FactKind.LOYALTY, at, balance, tier, "club")


MEMBERS = [fact(f"s{n:02}", 1, 10.0 + n, "silver") for n in range(20)] + [
    fact(f"g{n:02}", 1, 100.0 + n, "gold") for n in range(20)
]


def test_the_newest_fact_of_a_customer_counts_in_whatever_order_it_comes() -> None:
    states = loyalty_states([fact("a", 2, 5.0, "gold"), fact("a", 1, 9.0, "silver")])
    assert states == {"a": LoyaltyState("club", 5.0, "gold", 2)}


def test_rises_are_earned_and_falls_are_spent() -> None:
    flows = [*MEMBERS, fact("s00", 2, 4.0, "silver"), fact("s00", 3, 24.0, "silver")]
    report = loyalty_report(flows, share=0.5, within=0)
    before = sum(each.value or 0 for each in MEMBERS)
    assert (report.members, report.share) == (40, 0.5)
    assert (report.earned, report.spent) == (before + 20, 6.0)
    assert [(tier.tier, tier.customers) for tier in report.tiers] == [("gold", 20), ("silver", 20)]


def test_those_within_so_many_points_of_a_higher_tier_are_near_it() -> None:
    states = loyalty_states([*MEMBERS, fact("close", 1, 95.0, "silver"), fact("none", 1, 4.0)])
    assert near_tiers(states, 6.0) == [NearTier("close", 95.0, "gold", 5.0), NearTier("none", 4.0, "silver", 6.0)]


def test_a_programme_of_few_is_not_told() -> None:
    report = loyalty_report(MEMBERS[:19], share=0.2, within=1e9)
    assert (report.members, report.share, report.earned, report.tiers[0].customers) == (None, None, None, None)
    assert report.near == ()
    assert near_tiers(loyalty_states(MEMBERS[:19]), 1e9) == []
