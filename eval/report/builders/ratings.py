"""Page builder for predicted ratings: their errors in points, beside what simple averages say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eval.files.model_args import AUTO
from eval.protocol import BASELINE, GLOBAL_MEAN, ITEM_MEAN, USER_MEAN
from eval.ratings.results import RatingEvaluation
from eval.ratings.table import as_data
from eval.ratings.truth import rating_segments
from eval.report.builders.provenance import MANY_NEW, exclusions_of, file_summary, run_id
from eval.report.builders.ratings_errors import (
    absolute_errors,
    mean_estimates,
    paired_differences,
    reported_groups,
    tolerance,
)
from eval.report.builders.ratings_examples import example_table
from eval.report.builders.ratings_tables import GLOSSARY, figures_of, tables_of
from eval.report.caveats import customers_needed, few_customers_warning
from eval.report.charts import WHISKER, Chart, bar_chart, dot_charts, with_interval
from eval.report.folds import folded_groups
from eval.report.formatting import counted, distinct_digits, percent, plain
from eval.report.labels import role_of
from eval.report.page import Fold, Page, PagePart, PageSection
from eval.report.ranking_report import (
    EvaluationRecord,
    ListLabel,
    PairedDifference,
    ReportedGroup,
    ReportTable,
    Role,
    Wording,
)
from eval.report.text import hidden_groups
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict

DIGITS = 2
UNIT = "points missed, on average"
BESIDE_RULES = "Every prediction beside the simple rules"
OURS, RIVAL = "the personal prediction", "the item's average rating"
WORDING = Wording(ours=ListLabel("personal prediction", OURS, OURS), rival=ListLabel("item's average", RIVAL, RIVAL))
TITLES: Mapping[str, str] = {
    GLOBAL_MEAN: "One average for everything",
    ITEM_MEAN: "The item's average rating",
    USER_MEAN: "The customer's average rating",
    BASELINE: "Both averages together",
    "item_knn": "Items that are rated alike",
    "user_knn": "Customers who rate alike",
    "factors": "Tastes that nobody named",
}


@dataclass(frozen=True, slots=True)
class _Summary:
    """The figures of the page.

    errors: mean absolute error by prediction; near: share of the ratings that are nearly right; leads: of ours by
    baseline; leads_of_others: of the other models over the baseline; examples: some ratings.
    """

    evaluation: RatingEvaluation
    ours: str
    best_baseline: str
    errors: Mapping[str, Estimate]
    near: Mapping[str, Estimate]
    leads: Mapping[str, PairedDifference]
    leads_of_others: Mapping[str, PairedDifference]
    groups: Sequence[ReportedGroup]
    n_groups_hidden: int
    examples: ReportTable

    def role(self, name: str) -> Role:
        kinds = {entry.name: entry.kind for entry in self.evaluation.entries}
        return role_of(name, kinds[name], self.ours)

    def title(self, name: str) -> str:
        if name == self.ours:
            return f"Personal prediction ({name})"
        words = TITLES.get(name.partition(":")[0], name)
        return words if (name in TITLES and self.role(name) == "baseline") or words == name else f"{words} ({name})"


def build_page(evaluation: RatingEvaluation, now: datetime) -> Page:
    """The whole page."""
    summary, data = _summarize(evaluation), as_data(evaluation)
    rivals = [rival for rival in dict.fromkeys((ITEM_MEAN, summary.best_baseline)) if rival in summary.leads]
    return Page(
        title="How well are ratings foretold?",
        verdict=_verdict(summary),
        headline=[_headline(summary)],
        question="Is the personal prediction better?",
        answers=[_answer(rival, summary) for rival in rivals],
        warnings=_warnings(summary),
        sections=_sections(summary),
        caveats=_caveats(summary),
        record=EvaluationRecord(
            facts=_facts(summary),
            exclusions=exclusions_of(evaluation.train, evaluation.test),
            tables=tables_of(evaluation),
            figures=figures_of(evaluation),
            settings={entry.name: entry.settings for entry in evaluation.entries if entry.settings},
            data=data,
            run_id=run_id(data),
            made_at=f"{now:%Y-%m-%d %H:%M}",
        ),
        glossary=GLOSSARY,
    )


def _summarize(evaluation: RatingEvaluation) -> _Summary:
    """Ours is `auto`; where it was not evaluated, the closest model."""
    truth, seed = evaluation.truth, evaluation.seed
    errors, near = absolute_errors(evaluation), tolerance(evaluation.scale)
    means = mean_estimates(errors, truth, seed)
    is_near = {name: (values <= near).astype(float) for name, values in errors.items()}
    baselines = [entry.name for entry in evaluation.entries if entry.kind == "baseline"]
    models = [name for name in errors if name not in baselines] or [BASELINE]
    ours = AUTO if AUTO in models else min(models, key=lambda name: means[name].mean)
    rivals = [name for name in baselines if name != ours]
    gains = {name: errors[name] - errors[ours] for name in rivals}
    gains_of_others = {name: errors[BASELINE] - errors[name] for name in models if name not in (ours, BASELINE)}
    segments, n_hidden = rating_segments(truth)
    return _Summary(
        evaluation=evaluation,
        ours=ours,
        best_baseline=min(rivals, key=lambda name: means[name].mean),
        errors=means,
        near=mean_estimates(is_near, truth, seed),
        leads=paired_differences(gains, truth, seed),
        leads_of_others=paired_differences(gains_of_others, truth, seed),
        groups=reported_groups(errors[ours], errors[ITEM_MEAN], segments, truth, seed),
        n_groups_hidden=n_hidden,
        examples=example_table(evaluation, ours, errors[ours]),
    )


def _verdict(summary: _Summary) -> str:
    """Closer by so many points, further off, or nobody can tell."""
    lead = summary.leads[ITEM_MEAN]
    points = f"{plain(abs(lead.estimate.mean), 3)} points"
    ours = OURS[:1].upper() + OURS[1:]
    return {
        "better": f"{ours} comes {points} closer than {RIVAL}.",
        "worse": f"{ours} is {points} further off than {RIVAL}.",
        "level": f"Nobody can tell which is closer, {OURS} or {RIVAL}: the difference of {points} may be luck.",
        "too few": f"Too few customers to tell whether {OURS} is closer than {RIVAL}.",
    }[lead.verdict]


def _headline(summary: _Summary) -> str:
    low, high = summary.evaluation.scale
    ours, rival = (summary.errors[name].mean for name in (summary.ours, ITEM_MEAN))
    digits = max(DIGITS, distinct_digits([ours, rival], 3))
    return (
        f"On a scale from {low:g} to {high:g}, {OURS} misses what a customer gives by {plain(ours, digits)} points on "
        f"average; {RIVAL} misses it by {plain(rival, digits)} points."
    )


def _answer(rival: str, summary: _Summary) -> tuple[ComparisonVerdict, str, str]:
    lead = summary.leads[rival]
    simple = RIVAL if rival == ITEM_MEAN else f"the best simple rule, “{summary.title(rival)}”"
    middle, *ends = (plain(abs(value), 3) for value in (lead.estimate.mean, lead.estimate.low, lead.estimate.high))
    low, high = sorted(ends)
    luck = "had other customers of the same kind been asked"
    answer = {
        "better": f"Yes: by {middle} points, and very likely by {low} to {high} {luck}.",
        "worse": f"No: it is further off by {middle} points, and very likely by {low} to {high} {luck}.",
        "level": f"Cannot tell: the difference is {middle} points, and could be none {luck}.",
        "too few": f"Cannot tell: {counted(lead.n_customers, 'customer')} are too few to judge by.",
    }
    return lead.verdict, f"Closer than {simple}?", answer[lead.verdict]


def _sections(summary: _Summary) -> list[PageSection]:
    near = tolerance(summary.evaluation.scale)
    ours, rival = (round(100 * summary.near[name].mean) for name in (summary.ours, ITEM_MEAN))
    how_near = "half a point" if near == 0.5 else "one point" if near == 1 else f"{near:g} points"
    near_chart = _near_chart(summary, how_near)
    parts: list[PagePart] = [
        _error_chart(summary),
        f"Of 100 ratings, {OURS} comes within {how_near} of {ours}; {RIVAL}, of {rival}.",
        Fold(near_chart.title, [near_chart]),
    ]
    charts = dot_charts(summary.groups, WORDING, UNIT, digits=DIGITS, notes={})
    groups = folded_groups(charts, summary.groups, WORDING)
    hidden = hidden_groups(summary.n_groups_hidden)
    return [
        PageSection("found", BESIDE_RULES, parts),
        PageSection("examples", summary.examples.title, [summary.examples]),
        PageSection("groups", "For which customers, items and ratings", groups, hidden),
    ]


def _error_chart(summary: _Summary) -> Chart:
    bars = [
        (summary.title(name), summary.role(name), error, with_interval(error, DIGITS))
        for name, error in summary.errors.items()
    ]
    chart = bar_chart("found", BESIDE_RULES, f"{UNIT}: the shorter, the closer", bars, lowest_first=True)
    return replace(chart, explained=WHISKER)


def _near_chart(summary: _Summary, how_near: str) -> Chart:
    bars = [
        (summary.title(name), summary.role(name), share, percent(share.mean)) for name, share in summary.near.items()
    ]
    return bar_chart("near", f"Right to within {how_near}", "share of the ratings", bars, is_share=True)


def _warnings(summary: _Summary) -> list[str]:
    n_customers, n_new = summary.evaluation.n_customers, summary.evaluation.n_strangers
    warnings = []
    if n_new > MANY_NEW * n_customers:
        warnings.append(
            f"{n_new:,} of {n_customers:,} customers had rated nothing before: what is foretold of them is the item's "
            "average, more or less."
        )
    beaten = [summary.title(name) for name, lead in summary.leads_of_others.items() if lead.verdict != "better"]
    return [
        *warnings,
        *few_customers_warning(n_customers),
        *(f"“{title}” is no closer than both averages together." for title in beaten),
    ]


def _caveats(summary: _Summary) -> list[str]:
    lead = summary.leads[ITEM_MEAN]
    caveats = []
    if lead.verdict == "level" and lead.estimate.mean:
        needed = customers_needed(lead.estimate, lead.n_customers)
        caveats.append(f"More customers: to tell this difference from none takes about {needed:,} of them.")
    behind = [f"“{group.family}: {group.title}”" for group in summary.groups if group.lead.verdict == "worse"]
    if behind:
        caveats.append(f"More ratings for which {RIVAL} is closer: {', '.join(behind)}.")
    if summary.ours != AUTO and summary.leads_of_others:
        caveats.append("Judging again: the closest of several models was picked by these very figures.")
    return [
        *caveats,
        "People rate what they chose, and like most of it. How they would rate what they passed over no file tells.",
        "A closer prediction is not yet a better list: lists are judged apart, by what customers then choose.",
    ]


def _facts(summary: _Summary) -> dict[str, str]:
    evaluation = summary.evaluation
    return {
        "Learnt from": file_summary(evaluation.train),
        "Judged by": file_summary(evaluation.test),
        "Ratings judged": f"{len(evaluation.truth.value):,} of {evaluation.n_customers:,} customers, of whom "
        f"{evaluation.n_strangers:,} had rated nothing before; "
        f"{counted(evaluation.n_unknown_items, 'item')} new to the file",
        "The personal prediction": summary.ours,
        "Random seed": str(evaluation.seed),
    }
