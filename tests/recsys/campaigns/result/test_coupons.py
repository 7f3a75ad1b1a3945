"""Coupons of a campaign: redeemed by arm in its time; few customers and other codes are not told."""

from recsys.campaigns.result.coupons import ArmCoupons, CampaignCoupons, count_coupons, coupon_codes
from recsys.data.facts import Fact, FactKind
from tests.recsys.campaigns.conftest import define

CODES = ("TEA", "c1")
TREATED, CONTROL = {f"t{n}" for n in range(30)}, {f"c{n}" for n in range(30)}


def coupon(user: str, code: str = "TEA", what: str = "redeemed", money: float | None = 2.0) -> Fact:
    return Fact(f"{user}-{code}-{what}-{money}", user, FactKind.COUPON, 5, money, what, code)


def test_redemptions_count_by_arm_and_a_few_customers_are_hidden() -> None:
    many = [coupon(f"t{n}") for n in range(20)] + [coupon("t0", "c1", money=None)]
    few = [coupon("c0"), coupon("nobody"), coupon("t29", what="given"), coupon("t28", "OTHER")]
    assert count_coupons([*many, *few], CODES, TREATED, CONTROL) == CampaignCoupons(
        CODES, ArmCoupons(20, 21, 40.0), ArmCoupons(None, None, None)
    )
    nobody = count_coupons(many, CODES, TREATED, CONTROL)
    assert nobody is not None
    assert nobody.control == ArmCoupons(0, 0, 0.0)
    assert count_coupons(few[2:], CODES, TREATED, CONTROL) is None


def test_the_codes_are_those_of_the_offer_and_the_id() -> None:
    assert coupon_codes("18", None) == ("18",)
    offered = define(offer={"coupon": "TEA", "promotion": "tea-10"})
    campaign = type("Planned", (), {"definition": offered})()
    assert coupon_codes("c1", campaign) == ("TEA", "tea-10", "c1")
