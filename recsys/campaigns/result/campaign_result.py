"""Result of a campaign on its reading date, as figures and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recsys.campaigns.result.coupons import CampaignCoupons, count_coupons, coupon_codes
from recsys.campaigns.result.design import ComparisonDesign, check_window, find_design
from recsys.campaigns.result.estimates import (
    SegmentEffect,
    conversion_effect,
    drawn_estimates,
    margin_effect,
    segment_effects,
    undrawn_estimates,
)
from recsys.campaigns.result.outcomes import ComparisonWindow, measure_outcomes
from recsys.campaigns.result.response import count_response
from recsys.campaigns.result.verdict import MISMATCH_WORDS, NO_PROOF, drawn_words, undrawn_words
from recsys.customers.kpis.log import KpiLog, read_kpi_log
from recsys.customers.people import stage_names
from recsys.customers.settings import CustomerSettings
from recsys.customers.stages import StageRule, stages_at
from recsys.data.store.base import Store
from recsys.inference.sample_ratio import MISMATCH
from recsys.inference.welch import Effect


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """What a campaign changed.  effects: money per customer, by estimate; empty after a sample-ratio mismatch.

    margin: of the money, None where costs are unknown.  cost: of all contacts.  segments: by stage at the start.
    response: customers by what became of their message.  coupons: None where none was redeemed.
    as_of_ms: up to where the log goes.  subject: of the verdict.  groups: what they are, in words.
    """

    campaign_id: str
    name: str
    goal: str
    window: ComparisonWindow
    as_of_ms: int
    n_treated: int
    n_control: int
    sample_ratio_p: float | None
    effects: Mapping[str, Effect]
    margin: Effect | None
    conversion: Effect | None
    cost: float
    segments: Sequence[SegmentEffect]
    n_segments_hidden: int
    response: Mapping[str, int | None]
    left_out: Sequence[str]
    coupons: CampaignCoupons | None = None
    subject: str = "the campaign"
    groups: tuple[str, str] = ("written to", "in the control group")

    @property
    def is_drawn(self) -> bool:
        return self.sample_ratio_p is not None

    @property
    def is_mismatch(self) -> bool:
        """Whether the sizes of the arms are not those of the draw."""
        return self.sample_ratio_p is not None and self.sample_ratio_p < MISMATCH

    @property
    def net(self) -> Effect | None:
        """Margin in all, money where margins are unknown, less the cost of contacts; None without a draw.

        Without p and relative: those of the effect do not hold for it.
        """
        effect = self.margin or self.effects.get("cuped")
        if effect is None or not self.is_drawn:
            return None
        whole = in_all(effect)
        ends = (whole.difference, whole.low, whole.high)
        net, low, high = (value - self.cost for value in ends)
        return replace(whole, difference=net, low=low, high=high, relative=np.nan, p=np.nan)

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if self.is_mismatch:
            return MISMATCH_WORDS
        return drawn_words(self.effects, self.subject) if self.is_drawn else undrawn_words(self.effects)

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types; NaN becomes null."""
        return {
            "campaign": self.campaign_id,
            "name": self.name,
            "goal": self.goal,
            "verdict": self.verdict,
            "proof": None if self.is_drawn else NO_PROOF,
            "as_of": self.as_of_ms,
            "before_from": self.window.before_ms,
            "from": self.window.start_ms,
            "to": self.window.end_ms,
            "treated": self.n_treated,
            "control": self.n_control,
            "sample_ratio": {"p": self.sample_ratio_p, "is_mismatch": self.is_mismatch} if self.is_drawn else None,
            "effects": {name: effect_json(effect, is_money=True) for name, effect in self.effects.items()},
            "margin": None if self.margin is None else effect_json(self.margin, is_money=True),
            "cost": self.cost,
            "net": None if self.net is None else effect_json(self.net, is_money=False),
            "conversion": None if self.conversion is None else effect_json(self.conversion, is_money=False),
            "response": dict(self.response),
            "segments": [
                {"segment": each.segment, **effect_json(each.effect, is_money=True)} for each in self.segments
            ],
            "segments_hidden": self.n_segments_hidden,
            "left_out": list(self.left_out),
            "coupons": None if self.coupons is None else asdict(self.coupons),
        }


def in_all(effect: Effect) -> Effect:
    """The effect on all who were treated together."""
    n = effect.n_treated
    return replace(effect, difference=effect.difference * n, low=effect.low * n, high=effect.high * n)


def effect_json(effect: Effect, *, is_money: bool) -> dict[str, Any]:
    """The effect as JSON types, with money in all where it is money per customer."""
    fields: dict[str, Any] = {
        key: None if isinstance(value, float) and np.isnan(value) else value for key, value in asdict(effect).items()
    }
    if is_money:
        whole = effect_json(in_all(effect), is_money=False)
        fields["in_all"] = {key: whole[key] for key in ("difference", "low", "high")}
    return fields


def read_result(store: Store, file: Path | None, campaign_id: str, now_ms: int) -> CampaignResult:
    """The result of a campaign whose reading date has come.

    Raises UnknownCampaign, NotEnoughData, LogUnavailable.
    """
    reports = store.message_reports(campaign_id)
    log = read_kpi_log(store, None, file)
    design = find_design(store, campaign_id, reports, log)
    check_window(design.window, log, now_ms)
    treated = {user_id for user_id, is_own in zip(design.user_ids, design.is_treated.tolist(), strict=True) if is_own}
    response = count_response(reports, treated)
    result = compare_groups(campaign_id, design, log, response, CustomerSettings.load(file).stage_rule())
    facts = store.coupon_facts(design.window.start_ms, design.window.end_ms)
    codes, control = coupon_codes(campaign_id, design.campaign), set(design.user_ids) - treated
    return replace(result, coupons=count_coupons(facts, codes, treated, control))


def compare_groups(
    campaign_id: str, design: ComparisonDesign, log: KpiLog, response: Mapping[str, int | None], rule: StageRule
) -> CampaignResult:
    """The result of a design, from the orders of the log."""
    definition = design.campaign.definition if design.campaign is not None else None
    known = CampaignResult(
        campaign_id=campaign_id,
        name=definition.name if definition is not None else "",
        goal=definition.goal if definition is not None else "",
        window=design.window,
        as_of_ms=log.as_of_ms,
        n_treated=design.n_treated,
        n_control=design.n_control,
        sample_ratio_p=design.sample_ratio_p,
        effects={},
        margin=None,
        conversion=None,
        cost=(definition.cost_per_contact if definition is not None else 0.0) * design.n_treated,
        segments=(),
        n_segments_hidden=0,
        response=response,
        left_out=design.left_out,
    )
    return known if known.is_mismatch else _with_effects(known, design, log, rule)


def _with_effects(known: CampaignResult, design: ComparisonDesign, log: KpiLog, rule: StageRule) -> CampaignResult:
    outcomes = measure_outcomes(log.orders, design.positions, design.window)
    segments = [name or "no orders" for name in design.segments or _stages(design, log, rule)]
    by_segment, n_hidden = segment_effects(outcomes, design.is_treated, segments)
    estimates = drawn_estimates if design.is_drawn else undrawn_estimates
    return replace(
        known,
        effects=estimates(outcomes, design.is_treated),
        margin=margin_effect(outcomes, design.is_treated),
        conversion=conversion_effect(outcomes, design.is_treated),
        segments=by_segment,
        n_segments_hidden=n_hidden,
    )


def _stages(design: ComparisonDesign, log: KpiLog, rule: StageRule) -> list[str]:
    """The stage of each customer when the campaign began."""
    start_ms = design.window.start_ms
    names = (*stage_names(), "")  # MISSING is -1: the last
    stages = np.append(stages_at(log.orders.until(start_ms), start_ms, rule).stage, -1)
    return [names[code] for code in stages[design.positions].tolist()]
