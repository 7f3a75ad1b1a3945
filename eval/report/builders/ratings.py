"""The page of predicted ratings: how far off they are, in points, beside what anybody could say without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.files.model_args import AUTO
from eval.ratings.run import BASELINE, GLOBAL_MEAN, ITEM_MEAN, USER_MEAN, RatingEvaluation
from eval.ratings.table import as_data
from eval.report.builders.provenance import STRANGE, exclusions_of, file_told, run_id
from eval.report.builders.ratings_errors import RatingGroup, crowds_of, errors_of, leads, leads_within, near_of, spans
from eval.report.builders.ratings_tables import GLOSSARY, figures_of, tables_of
from eval.report.charts import Chart, ChartRow, axis_of
from eval.report.formatting import apart, counted, percent, plain, roughly
from eval.report.page import Page, PageSection
from eval.report.story import PairedDifference, Role, Side, Span, Wording
from eval.report.text import group_note
from eval.stats.paired import ComparisonVerdict

__all__ = ["run_id", "told_of"]

FEW = 300  # customers in all, below which the page warns
DIGITS = 2
OURS, RIVAL = "the personal prediction", "the item's average rating"
WORDING = Wording(ours=Side("personal prediction", OURS, OURS), rival=Side("item's average", RIVAL, RIVAL))
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
class _Finding:
    """What the page speaks of: missed by how many points, and nearly right how often; leads of ours by rival."""

    whole: RatingEvaluation
    ours: str
    simple: str
    missed: Mapping[str, Span]
    near: Mapping[str, Span]
    leads: Mapping[str, PairedDifference]
    others: Mapping[str, PairedDifference]
    groups: Sequence[tuple[RatingGroup, Span, Span, PairedDifference]]
    n_hidden: int

    def role(self, name: str) -> Role:
        kinds = {entry.name: entry.kind for entry in self.whole.entries}
        return "ours" if name == self.ours else "baseline" if kinds[name] == "baseline" else "model"

    def title(self, name: str) -> str:
        if name == self.ours:
            return f"Personal prediction ({name})"
        words = TITLES.get(name.partition(":")[0], name)
        return words if (name in TITLES and self.role(name) == "baseline") or words == name else f"{words} ({name})"


def told_of(found: RatingEvaluation, now: datetime) -> Page:
    """The whole page."""
    story, data = _found(found), as_data(found)
    name = run_id(data)
    return Page(
        title="How well are ratings foretold?",
        headline=_headline(story),
        question="Is the personal prediction better?",
        answers=[_answer(rival, story) for rival in dict.fromkeys((ITEM_MEAN, story.simple)) if rival in story.leads],
        warnings=_warnings(story),
        sections=_sections(story),
        doubts=_doubts(story),
        facts=_facts(story),
        exclusions=exclusions_of(found.train, found.test),
        tables=tables_of(found),
        figures=figures_of(found),
        data={"run": name, **data},
        run_id=name,
        made_at=f"{now:%Y-%m-%d %H:%M}",
        glossary=GLOSSARY,
        settings={entry.name: entry.settings for entry in found.entries if entry.settings},
    )


def _found(found: RatingEvaluation) -> _Finding:
    """Every figure of the page.  Ours is `auto`; where nobody asked for it, what was closest."""
    errors, near, seed = errors_of(found), near_of(found.scale), found.seed
    names = list(errors)
    missed = dict(zip(names, spans(list(errors.values()), found.truth, seed), strict=True))
    right = spans([(one <= near).astype(float) for one in errors.values()], found.truth, seed)
    baselines = [entry.name for entry in found.entries if entry.kind == "baseline"]
    models = [name for name in names if name not in baselines] or [BASELINE]
    ours = AUTO if AUTO in models else min(models, key=lambda name: missed[name].mean)
    rivals = [name for name in baselines if name != ours]
    told = leads([errors[name] - errors[ours] for name in rivals], found.truth, seed)
    others = [name for name in models if name not in (ours, BASELINE)]
    beside = leads([errors[BASELINE] - errors[name] for name in others], found.truth, seed) if others else []
    crowds, n_hidden = crowds_of(found.truth)
    within = leads_within(errors[ITEM_MEAN] - errors[ours], crowds, found.truth, seed)
    both = [errors[ours], errors[ITEM_MEAN]]
    groups = []
    for crowd, lead in zip(crowds, within, strict=True):
        mine, theirs = spans(both, found.truth, seed, crowd.members)
        groups.append((crowd, mine, theirs, lead))
    return _Finding(
        whole=found,
        ours=ours,
        simple=min(rivals, key=lambda name: missed[name].mean),
        missed=missed,
        near=dict(zip(names, right, strict=True)),
        leads=dict(zip(rivals, told, strict=True)),
        others=dict(zip(others, beside, strict=True)),
        groups=groups,
        n_hidden=n_hidden,
    )


def _headline(story: _Finding) -> str:
    low, high = story.whole.scale
    ours, rival = (story.missed[name].mean for name in (story.ours, ITEM_MEAN))
    return (
        f"On a scale from {low:g} to {high:g}, {OURS} misses what a customer gives by {_points(ours, ours, rival)} on "
        f"average; {RIVAL} misses it by {_points(rival, ours, rival)}."
    )


def _points(value: float, *beside: float) -> str:
    return f"{plain(value, max(DIGITS, apart([value, *beside], 3)))} points"


def _answer(rival: str, story: _Finding) -> tuple[ComparisonVerdict, str, str]:
    """The verdict in a word, the question, the answer."""
    lead = story.leads[rival]
    question = "Closer than the item's average rating?" if rival == ITEM_MEAN else None
    question = question or f"Closer than the best simple rule, “{story.title(rival)}”?"
    middle, *ends = (plain(abs(value), 3) for value in (lead.span.mean, lead.span.low, lead.span.high))
    low, high = sorted(ends)
    luck = "had other customers of the same kind been asked"
    answer = {
        "better": f"Yes: by {middle} points, and very likely by {low} to {high} {luck}.",
        "worse": f"No: it is further off by {middle} points, and very likely by {low} to {high} {luck}.",
        "level": f"Cannot tell: the difference is {middle} points, and could be none {luck}.",
        "too few": f"Cannot tell: {counted(lead.n_customers, 'customer')} are too few to judge by.",
    }
    return lead.verdict, question, answer[lead.verdict]


def _sections(story: _Finding) -> list[PageSection]:
    near = near_of(story.whole.scale)
    ours, rival = (round(100 * story.near[name].mean) for name in (story.ours, ITEM_MEAN))
    how_near = "half a point" if near == 0.5 else "one point" if near == 1 else f"{near:g} points"
    said = f"Of 100 ratings, {OURS} comes within {how_near} of {ours}; {RIVAL}, of {rival}."
    found: list[str | Chart] = [
        "The shorter the bar, the closer. The thin line on it shows how far luck alone may have moved it.",
        _bars("found", "How far off", "points missed, on average", story, is_share=False),
        said,
        _bars("near", f"Right to within {how_near}", "share of the ratings", story, is_share=True),
    ]
    hidden = f"{counted(story.n_hidden, 'more group')} of fewer than 20 customers: not shown." if story.n_hidden else ""
    return [
        PageSection("found", "Every prediction beside the simple rules", found),
        PageSection("groups", "For which customers, items and ratings", _groups(story), hidden),
    ]


def _bars(name: str, title: str, unit: str, story: _Finding, *, is_share: bool) -> Chart:
    by_name = story.near if is_share else story.missed
    ordered = sorted(by_name.items(), key=lambda one: -one[1].mean if is_share else one[1].mean)
    axis = axis_of(list(by_name.values()))
    rows = [
        ChartRow(
            story.title(one),
            story.role(one),
            [axis.mark("bar", story.role(one), span)],
            percent(span.mean) if is_share else _with_ends(span),
        )
        for one, span in ordered
    ]
    return Chart(name, title, unit, rows, axis.ticks(is_share=is_share), _summary(rows))


def _with_ends(span: Span) -> str:
    return f"{plain(span.mean, DIGITS)} ({plain(span.low, DIGITS)} to {plain(span.high, DIGITS)})"


def _groups(story: _Finding) -> list[Chart]:
    """Dots with whiskers: the personal prediction beside the item's average, for each kind of rating."""
    axis = axis_of([span for _, ours, rival, _ in story.groups for span in (ours, rival)])
    legend: list[tuple[Role, str]] = [("ours", "Personal prediction"), ("baseline", "Item's average")]
    charts = []
    for at, family in enumerate(dict.fromkeys(crowd.family for crowd, *_ in story.groups)):
        rows = [
            ChartRow(
                crowd.title,
                "ours",
                [axis.mark("dot", "baseline", rival), axis.mark("dot", "ours", ours)],
                f"{plain(ours.mean, DIGITS)} against {plain(rival.mean, DIGITS)}",
                group_note(lead.n_customers, lead.verdict, WORDING),
            )
            for crowd, ours, rival, lead in story.groups
            if crowd.family == family
        ]
        ticks = axis.ticks(is_share=False)
        charts.append(Chart(f"groups-{at}", family, "points missed, on average", rows, ticks, _summary(rows), legend))
    return charts


def _summary(rows: Sequence[ChartRow]) -> str:
    return "; ".join(f"{row.title}: {row.figures}" for row in rows)


def _warnings(story: _Finding) -> list[str]:
    found = story.whole
    told = []
    if found.n_strangers > STRANGE * found.n_customers:
        told.append(
            f"{found.n_strangers:,} of {found.n_customers:,} customers had rated nothing before: what is foretold of "
            "them is the item's average, more or less."
        )
    if found.n_customers < FEW:
        told.append(f"Only {counted(found.n_customers, 'customer')} could be judged: all figures here are rough.")
    beaten = [story.title(name) for name, lead in story.others.items() if lead.verdict != "better"]
    return [*told, *(f"“{title}” is no closer than both averages together." for title in beaten)]


def _doubts(story: _Finding) -> list[str]:
    lead = story.leads[ITEM_MEAN]
    told = []
    if lead.verdict == "level" and lead.span.mean:
        needed = roughly(lead.n_customers * ((lead.span.high - lead.span.low) / 2 / abs(lead.span.mean)) ** 2)
        told.append(f"More customers: to tell this difference from none takes about {needed:,} of them.")
    if lead.verdict == "better":
        told.append(f"Luck in who was asked would not: even at the low end it is closer by {plain(lead.span.low, 3)}.")
    if story.leads[story.simple].verdict != "better":
        title = story.title(story.simple)
        told.append(f"Another yardstick: {OURS} is not clearly closer than the best simple rule, “{title}”.")
    behind = [f"“{crowd.family}: {crowd.title}”" for crowd, _, _, one in story.groups if one.verdict == "worse"]
    if behind:
        told.append(f"More ratings for which {RIVAL} is closer: {', '.join(behind)}.")
    if story.ours != AUTO and len(story.others):
        told.append("Judging again: the closest of several models was picked by these very figures.")
    return [
        *told,
        "People rate what they chose, and like most of it. How they would rate what they passed over no file tells.",
        "A closer prediction is not yet a better list: lists are judged apart, by what customers then choose.",
    ]


def _facts(story: _Finding) -> dict[str, str]:
    found = story.whole
    return {
        "Learnt from": file_told(found.train),
        "Judged by": file_told(found.test),
        "Ratings judged": f"{len(found.truth.value):,} of {found.n_customers:,} customers, of whom "
        f"{found.n_strangers:,} had rated nothing before; {counted(found.n_unknown_items, 'item')} new to the file",
        "The personal prediction": story.ours,
        "Seed of chance": str(found.seed),
    }
