"""Campaign planning: losses, the customers' own money in the window before, and whether the effect can be seen."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.campaigns.contact_times import BestTimes, best_times
from recsys.campaigns.definition import CampaignDefinition
from recsys.campaigns.eligibility import CampaignEligibility, CampaignShop, find_eligible, most_contacts
from recsys.campaigns.result.earlier import EarlierLift, earlier_lift
from recsys.customers.population import MIN_GROUP
from recsys.inference.power import ALPHA, POWER, customers_in_all, customers_per_arm, detectable_lift
from recsys.time_units import DAY_MS, minute

BEFORE_DAYS = 91  # before the window: the money that CUPED adjusts by


@dataclass(frozen=True, slots=True)
class CampaignPower:
    """Whether the draw can show the stated effect.

    mean, sd: money of the eligible customers in window_days before as_of (Unix ms).  correlation: with their money in
    the BEFORE_DAYS before that.  needed: eligible customers for this control share; needed_per_arm: in two equal arms.
    detectable: the least lift that the draw shows.  None where nothing was bought, or without a control group.
    """

    window_days: float
    as_of: int
    n: int
    mean: float
    sd: float
    correlation: float
    effect: float
    needed: int | None
    needed_per_arm: int | None
    detectable: float | None
    is_enough: bool
    advice: str
    power: float = POWER
    alpha: float = ALPHA


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """What a draw would be now.  earlier: the lift that campaigns with the same goal had, None without one.

    times: when the eligible order.
    """

    definition: CampaignDefinition
    eligibility: CampaignEligibility
    power: CampaignPower
    earlier: EarlierLift | None
    times: BestTimes

    @property
    def note(self) -> str | None:
        """A start before the end of the data, which may be a mistake."""
        if self.definition.starts_ms >= self.power.as_of:
            return None
        end = minute(self.power.as_of)
        return f"it starts before the data end ({end} UTC): a rehearsal, in which nothing was sent, or a wrong date"

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON types."""
        n, share = self.eligibility.n_eligible, self.definition.control_share
        most = most_contacts(self.definition)
        treated = min(round(n * (1 - share)), n if most is None else most)
        return {
            "campaign": self.definition.to_json(),
            "audience": self.eligibility.n_audience,
            "losses": dict(self.eligibility.losses),
            "eligible": n,
            "expected_treated": treated,
            "expected_control": n - treated,
            "expected_cost": round(treated * self.definition.cost_per_contact, 2),
            "power": asdict(self.power),
            "note": self.note,
            "earlier": None if self.earlier is None else self.earlier._asdict(),
            "contact_times": self.times.to_json(),
        }


def plan_campaign(shop: CampaignShop, definition: CampaignDefinition) -> CampaignPlan:
    """Nothing is stored.  Raises BadInput."""
    salted = definition.with_salt()
    eligibility = find_eligible(shop, salted)
    power = measure_power(shop, salted, eligibility.eligible)
    times = best_times(shop.recommender.engine, np.flatnonzero(eligibility.eligible))
    return CampaignPlan(salted, eligibility, power, _earlier(shop, salted.goal), times)


def _earlier(shop: CampaignShop, goal: str) -> EarlierLift | None:
    engine, as_of_ms = shop.recommender.engine, shop.people.as_of_ms
    return earlier_lift(shop.store, engine.customer_orders.orders(), engine.users, goal, as_of_ms) if goal else None


def measure_power(shop: CampaignShop, definition: CampaignDefinition, eligible: Bools) -> CampaignPower:
    """The power of a draw among these customers."""
    as_of_ms, days = shop.people.as_of_ms, definition.window_days
    since_ms = round(as_of_ms - days * DAY_MS)
    now = money_between(shop, since_ms, as_of_ms)[eligible]
    before = money_between(shop, since_ms - BEFORE_DAYS * DAY_MS, since_ms)[eligible]
    n = len(now)
    mean, sd = (float(now.mean()), float(now.std(ddof=1))) if n > 1 else (0.0, 0.0)
    varies = n > 2 and sd > 0 and before.std() > 0
    correlation = float(np.corrcoef(now, before)[0, 1]) if varies else 0.0
    known = CampaignPower(days, as_of_ms, n, mean, sd, correlation, definition.effect, None, None, None, False, "")
    return _judged(known, definition.control_share)


def money_between(shop: CampaignShop, since_ms: int, until_ms: int) -> Doubles:
    """What each customer paid between both moments, less what was sent back; 0 for whom the release does not know.

    (N,)
    """
    orders = shop.recommender.engine.customer_orders
    money = np.zeros(len(shop.people))
    if len(orders):
        inside = (orders.at_ms >= since_ms) & (orders.at_ms < until_ms)
        customer = np.repeat(np.arange(len(orders)), np.diff(orders.user_offsets))[inside]
        money[: len(orders)] = np.bincount(customer, orders.money[inside], len(orders))
    return money


def _judged(known: CampaignPower, share: float) -> CampaignPower:
    if known.n < MIN_GROUP:
        return _with(known, advice=f"fewer than {MIN_GROUP} customers are left: widen the audience")
    if not share:
        return _with(known, advice="no control group: the result will prove nothing; set a control share such as 0.2")
    smaller = min(share, 1 - share)
    if known.n * smaller < MIN_GROUP:
        return _with(known, advice=_too_few(known.n, share))
    if known.mean <= 0 or known.sd <= 0:
        words = f"none of them ordered in the {known.window_days:g} days before {minute(known.as_of)[:10]}"
        return _with(known, advice=f"{words}, up to where the data go, so nobody can say how many are needed")
    per_arm = customers_per_arm(known.mean, known.sd, known.effect, correlation=known.correlation)
    needed = customers_in_all(known.mean, known.sd, known.effect, share, known.correlation)
    n_control = known.n * share
    detectable = detectable_lift(known.mean, known.sd, known.n - n_control, n_control, correlation=known.correlation)
    is_enough = known.n >= needed
    advice = (
        f"enough: a lift of {known.effect:.1%} is seen with a chance of {known.power:.0%} or more"
        if is_enough
        else _proposal(known, needed, per_arm, detectable)
    )
    return _with(
        known, needed=needed, needed_per_arm=per_arm, detectable=detectable, is_enough=is_enough, advice=advice
    )


def _too_few(n: int, share: float) -> str:
    small, part = ("control group", share) if share <= 0.5 else ("group that gets it", 1 - share)
    words = f"the {small} would have some {n * part:.0f} customers, and of fewer than {MIN_GROUP} no result is told"
    return f"{words}: widen the audience" + (", or draw halves" if n >= 2 * MIN_GROUP else "")


def _proposal(known: CampaignPower, needed: int, per_arm: int, detectable: float) -> str:
    words = (
        f"too small: {known.n:,} customers show a lift of {detectable:.1%} or more, not {known.effect:.1%}; "
        f"{needed:,} are needed at this control share"
    )
    half = 2 * per_arm
    if half <= known.n:
        return f"{words}, or a control share of 0.5, which needs {half:,}"
    return f"{words}, {half:,} with a control share of 0.5; widen the audience, lengthen the window or expect more"


def _with(known: CampaignPower, **changes: Any) -> CampaignPower:
    return CampaignPower(**{**asdict(known), **changes})
