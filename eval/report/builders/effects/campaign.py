"""Page builder for the result of a campaign: what it changed, for the people who paid for it."""

from collections.abc import Mapping
from datetime import datetime

from eval.report.charts import Chart, ChartRow, signed_axis
from eval.report.formatting import PER_CENT, counted, plain, signed
from eval.report.page import Page, PagePart, PageSection
from eval.report.ranking_report import Cell, EvaluationRecord, ReportTable, Role
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict
from recsys.campaigns.result.campaign_result import CampaignResult, in_all
from recsys.campaigns.result.coupons import CampaignCoupons
from recsys.campaigns.result.verdict import NO_PROOF, TITLES
from recsys.inference.welch import Effect
from recsys.time_units import minute

GLOSSARY: Mapping[str, str] = {
    "95 % interval": "Of a hundred campaigns read so, the truth lies inside for ninety-five.",
    "control group": "Customers whom chance left out of the campaign, so that only the campaign sets the groups apart.",
    "sample-ratio mismatch": "Arms whose sizes chance does not explain: somebody was lost on the way, so the arms are "
    "no longer alike. Below p = 0.001 no effect is told.",
    "Welch": "The difference of two means, where the groups may vary differently.",
    "CUPED": "The same without what each customer's money before the campaign foretells: a narrower interval.",
    "difference-in-differences": "How much more the one group changed than the other. It is the effect only where both "
    "would have changed alike without the campaign.",
}
UNDRAWN_CAVEATS = (
    f"There is {NO_PROOF.replace(':', ', so it is')}: those it wrote to were chosen, and differed before it began.",
    "Difference-in-differences and CUPED take out what was different before. What made somebody choose these customers "
    "at this time stays in them, and often pulls both the same way.",
    "The next campaign proves something with a control group: recsys campaign plan says how large.",
)
DRAWN_CAVEATS = (
    "CUPED decides: the plain difference also holds by how much the two groups differed before the campaign.",
    "Everybody who was drawn counts, whether the message arrived or not: so the arms stay alike.",
    "Money after the reading date does not count: an order that the campaign only brought forward looks earned.",
)


def build_page(result: CampaignResult, now: datetime) -> Page:
    """The whole page."""
    return Page(
        title=f"Campaign {result.name or result.campaign_id}: what did it change?",
        verdict=result.verdict,
        headline=_headline(result),
        question="What can be said?",
        answers=_answers(result),
        warnings=list(result.left_out),
        sections=_sections(result),
        caveats=DRAWN_CAVEATS if result.is_drawn else UNDRAWN_CAVEATS,
        record=_record(result, now),
        glossary=GLOSSARY,
    )


def _headline(result: CampaignResult) -> list[str]:
    sentences = []
    if (net := result.net) is not None:
        kind = "margin" if result.margin is not None else "money, before the cost of goods"
        sentences.append(
            f"In all {signed(net.difference, 0)} of {kind}, less {plain(result.cost, 0)} for contacts; the interval "
            f"goes from {signed(net.low, 0)} to {signed(net.high, 0)}."
        )
    return sentences


def _answers(result: CampaignResult) -> list[tuple[ComparisonVerdict, str, str]]:
    answers: list[tuple[ComparisonVerdict, str, str]] = []
    if result.is_drawn:
        p = f"p = {result.sample_ratio_p:.3g}"
        words = f"No: {p}. No effect is told." if result.is_mismatch else f"Yes: {p}."
        answers.append(("worse" if result.is_mismatch else "better", "Are the arms those of the draw?", words))
    else:
        answers.append(("level", "Is it proof?", f"No: {NO_PROOF}."))
    for name, effect in result.effects.items():
        whole = in_all(effect)
        verdict: ComparisonVerdict = "better" if effect.low > 0 else "worse" if effect.high < 0 else "level"
        relative = "" if effect.relative != effect.relative else f" ({signed(100 * effect.relative, 0)}{PER_CENT})"
        words = (
            f"{signed(effect.difference)} per customer{relative}, {signed(effect.low)} to {signed(effect.high)}; "
            f"{signed(whole.difference, 0)} in all."
        )
        answers.append((verdict if result.is_drawn else "level", f"{_upper(TITLES[name])}.", words))
    return answers


def _sections(result: CampaignResult) -> list[PageSection]:
    sections = []
    if result.effects:
        effects = {_upper(TITLES[name].split(":")[0]): effect for name, effect in result.effects.items()}
        if result.margin is not None:
            effects["Margin (CUPED)"] = result.margin
        words = "" if result.is_drawn else f"{NO_PROOF.capitalize()}."
        chart = _chart("money", "Money per customer", effects)
        sections.append(PageSection("money", "Money per customer", [*([words] if words else []), chart]))
    if result.segments:
        by_stage = {each.segment.replace("_", " ").capitalize(): each.effect for each in result.segments}
        hidden = counted(result.n_segments_hidden, "segment") + " of fewer than 20 customers: not shown."
        chart = _chart("stages", "Money per customer by stage, CUPED", by_stage)
        sections.append(PageSection("stages", "For whom", [chart], hidden if result.n_segments_hidden else ""))
    sections.append(PageSection("response", "Messages and orders", _response(result)))
    if result.coupons is not None:
        sections.append(PageSection("coupons", "Coupons", [_coupons(result.coupons)]))
    return sections


def _chart(name: str, title: str, effects: Mapping[str, Effect]) -> Chart:
    """Dots with whiskers on one axis, which shows 0."""
    axis = signed_axis([_estimate(effect) for effect in effects.values()])
    rows = []
    for label, effect in effects.items():
        role: Role = "ours" if effect.is_clear else "baseline"
        note = (
            f"{signed(effect.low)} to {signed(effect.high)}; {effect.n_treated:,} written to, {effect.n_control:,} not"
        )
        rows.append(ChartRow(label, role, [axis.mark("dot", role, _estimate(effect))], signed(effect.difference), note))
    legend: list[tuple[Role, str]] = [("ours", "Interval leaves 0 out"), ("baseline", "Interval holds 0")]
    unit = "difference in money per customer, with its 95 % interval"
    return Chart(name, title, unit, rows, axis.ticks(is_share=False), legend)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _estimate(effect: Effect) -> Estimate:
    return Estimate(effect.difference, effect.low, effect.high)


def _response(result: CampaignResult) -> list[PagePart]:
    rows: list[tuple[Cell, ...]] = [
        (word, "below 20" if n is None else f"{n:,}") for word, n in result.response.items() if n != 0
    ]
    parts: list[PagePart] = [ReportTable("Messages", ("message", "customers"), rows)] if rows else []
    if not rows:
        parts.append("No message of it was reported.")
    if (order := result.conversion) is not None:
        parts.append(
            f"Customers with an order in the time: {signed(100 * order.difference)} points more of those it wrote to "
            f"({signed(100 * order.low)} to {signed(100 * order.high)})."
        )
    return parts


def _coupons(coupons: CampaignCoupons) -> PagePart:
    arms = (("Written to", coupons.treated), ("Not", coupons.control))
    rows: list[tuple[Cell, ...]] = [
        (name, "below 20", "", "")
        if arm.customers is None
        else (name, f"{arm.customers:,}", f"{arm.redemptions:,}", plain(arm.money or 0.0))
        for name, arm in arms
    ]
    return ReportTable(f"Redeemed: {', '.join(coupons.codes)}", ("", "customers", "times", "money off"), rows)


def _record(result: CampaignResult, now: datetime) -> EvaluationRecord:
    window = result.window
    facts = {
        "Campaign": f"{result.campaign_id} {result.name}".strip(),
        "Money counts": f"{minute(window.start_ms)} to {minute(window.end_ms)} UTC",
        "Time before": f"{minute(window.before_ms)} to {minute(window.start_ms)} UTC",
        "Customers": f"{result.n_treated:,} {result.groups[0]}, {result.n_control:,} "
        + (result.groups[1] if result.is_drawn else "others with an event in the log"),
        "The log ends": f"{minute(result.as_of_ms)} UTC",
    }
    if result.goal:
        facts["Goal"] = result.goal
    columns = ("estimate", "difference", "low", "high", "p", "treated", "control")
    rows: list[tuple[Cell, ...]] = [
        (name, e.difference, e.low, e.high, e.p, e.n_treated, e.n_control) for name, e in result.effects.items()
    ]
    shown: list[tuple[Cell, ...]] = [
        (str(name), *(plain(float(value), 2) for value in numbers[:3]), f"{float(numbers[3]):.2g}", *numbers[4:])
        for name, *numbers in rows
    ]
    return EvaluationRecord(
        facts=facts,
        exclusions=[],
        tables=[ReportTable("Money per customer", columns, shown)] if shown else [],
        figures=ReportTable("Figures", columns, rows),
        settings={},
        data=result.to_json(),
        run_id=f"campaign-{result.campaign_id}",
        made_at=f"{now:%Y-%m-%d %H:%M}",
    )
