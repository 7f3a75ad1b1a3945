"""Sentences of a report: what the figures say, without the name of a metric."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eval.protocol import SMALL_GROUP
from eval.report.formatting import WORDS, base_of, counted, distinct_digits, percent, plain, signed
from eval.report.ranking_report import Coverage, PairedDifference, RankingReport, ReportedGroup, Wording
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict


@dataclass(frozen=True, slots=True)
class Scale:
    """The number of shown items that the page speaks of: a list, or 100, 1,000, ... where lists hold too few hits."""

    base: int
    k: int

    @property
    def is_list(self) -> bool:
        return self.base == self.k

    @property
    def per(self) -> str:
        """Per list of 10, or per 1,000 shown."""
        return f"per list of {self.base}" if self.is_list else f"per {self.base:,} shown"

    def scaled(self, hits: float) -> float:
        """The hits among `base` shown items, given those of a list."""
        return hits * self.base / self.k

    def estimate(self, hits: Estimate) -> Estimate:
        """The same for a mean and its interval."""
        return Estimate(self.scaled(hits.mean), self.scaled(hits.low), self.scaled(hits.high))

    def difference(self, hits: float, digits: int = 1) -> str:
        """A difference with its sign."""
        return signed(self.scaled(hits), digits)


def scale_of(report: RankingReport) -> Scale:
    """The scale on which the best list has about one hit or more."""
    return Scale(base_of(report.k, max(entry.hits.mean for entry in report.lists)), report.k)


def headline(report: RankingReport) -> str:
    """Of 10 products on the personal list, 3.5 were bought in the next four weeks; of 10 best-sellers 1.4."""
    scale, words = scale_of(report), report.wording
    ours, rival = (scale.scaled(report.list_named(name).hits.mean) for name in (report.ours, report.rival))
    digits = distinct_digits([ours, rival])
    where = words.ours.singular if scale.is_list else words.ours.plural
    return (
        f"Of {scale.base:,} {words.noun} on {where}, {plain(ours, digits)} were {words.participle} {words.period}; "
        f"of {scale.base:,} {words.rival_items} {plain(rival, digits)}."
    )


def verdict(report: RankingReport) -> str:
    """The personal list finds 2.1 more per list of 10 than the best-sellers; or that nobody can tell."""
    ours, rival = report.wording.ours.singular, report.wording.rival.singular
    lead = report.list_named(report.ours).leads.get(report.rival)
    if lead is None:
        return f"{ours[:1].upper()}{ours[1:]} has nothing to stand beside."
    middle, simple = _gap(report, lead)[0], _better_rule(report)
    return {
        "better": f"{ours[:1].upper()}{ours[1:]} is better: it finds {middle} than {rival}.{simple}",
        "worse": f"{rival[:1].upper()}{rival[1:]} win{'' if rival.endswith('s') else 's'}: {ours} finds {middle}.",
        "level": f"Nobody can tell which is better, {ours} or {rival}: the difference of {middle} may be luck.",
        "too few": f"Too few customers to tell whether {ours} is better than {rival}.",
    }[lead.verdict]


def _better_rule(report: RankingReport) -> str:
    """A sentence about a simple rule that beats our list; empty where none does."""
    lead = report.list_named(report.ours).leads.get(report.best_baseline)
    if report.best_baseline == report.rival or lead is None or lead.verdict != "worse":
        return ""
    return f" But a simple rule is better still: “{report.list_named(report.best_baseline).title}”."


def answers(report: RankingReport) -> list[tuple[ComparisonVerdict, str, str]]:
    """Verdict, question and answer: against the rival, against the best simple rule, and among new items."""
    leads = report.list_named(report.ours).leads
    names = dict.fromkeys([report.rival, report.best_baseline])
    rows = [
        (leads[name].verdict, _question(report, name), _answer(report, leads[name])) for name in names if name in leads
    ]
    discovery = report.discovery_list(report.discovery_ours)
    if discovery is not None and report.discovery_rival in discovery.leads:
        lead = discovery.leads[report.discovery_rival]
        new = f"Better than {report.wording.rival.singular} at things new to the customer?"
        rows.append((lead.verdict, new, _answer(report, lead)))
    return rows


def _question(report: RankingReport, name: str) -> str:
    if name == report.rival:
        return f"Better than {report.wording.rival.singular}?"
    return f"Better than the best simple rule, “{report.list_named(name).title}”?"


def _answer(report: RankingReport, lead: PairedDifference) -> str:
    middle, low, high = _gap(report, lead)
    with_others = "had other customers of the same kind been asked"
    return {
        "better": f"Yes: {middle}, and very likely between {low} and {high} {with_others}.",
        "worse": f"No: {middle}, and very likely between {low} and {high} {with_others}.",
        "level": f"Cannot tell: the difference is {middle}, and anything between {low} and {high} was possible "
        f"{with_others}.",
        "too few": f"Cannot tell: {counted(lead.n_customers, 'customer')} are too few to judge by.",
    }[lead.verdict]


def _gap(report: RankingReport, lead: PairedDifference) -> tuple[str, str, str]:
    """The difference in words, and its ends; without signs where both ends are on one side of 0."""
    scale, estimate = scale_of(report), lead.estimate
    values = (estimate.mean, estimate.low, estimate.high)
    digits = distinct_digits([scale.scaled(value) for value in values], 2)
    mean, low, high = (scale.difference(value, digits) for value in values)
    if lead.verdict in ("level", "too few"):
        return f"{mean} {scale.per}", low, high
    is_better = lead.verdict == "better"
    middle, first, last = (text.lstrip("+−") for text in (mean, *((low, high) if is_better else (high, low))))
    return f"{middle} {'more' if is_better else 'fewer'} {scale.per}", first, last


def hit_rate(report: RankingReport) -> str:
    """The share of customers with at least one hit; empty where that is not known."""
    ours, rival = report.list_named(report.ours).hit_rate, report.list_named(report.rival).hit_rate
    if ours is None or rival is None:
        return ""
    words, mine, theirs = report.wording, round(100 * ours.mean), round(100 * rival.mean)
    gap = counted(abs(mine - theirs), "customer")
    more = f": {gap} {'more' if mine > theirs else 'fewer'}" if mine != theirs else ""
    return (
        f"Out of 100 customers, {mine} {words.past_tense} at least one thing from {words.ours.singular}; from "
        f"{words.rival.singular}, {theirs}{more}."
    )


def samples(n: int) -> str:
    """The choice of n sampled customers."""
    part = {5: "fifth", 4: "quarter", 3: "third", 2: "half"}.get(n)
    if part is None:
        return "One customer, drawn at random."
    return (
        f"{WORDS[n].capitalize()} customers, each the middle one of a {part} of all, from those for whom the list "
        "found most to those for whom it found least. Nobody picked them."
    )


def family_outcome(groups: Sequence[ReportedGroup], wording: Wording) -> str:
    """Personal list better for 3 of 4 groups, best-sellers for 1; the groups that cannot be told are not named."""
    n = {verdict: sum(group.lead.verdict == verdict for group in groups) for verdict in ("better", "worse")}
    worse = f", {wording.rival.legend} for {n['worse']}" if n["worse"] else ""
    return f"{wording.ours.legend} better for {n['better']} of {counted(len(groups), 'group')}{worse}"


def repeat_and_new(report: RankingReport) -> list[str]:
    """The share of repeat purchases, and the hits among known and among new items."""
    if report.repeat_share is None:
        return []
    share = round(100 * report.repeat_share)
    sentences = [
        f"Of 100 different {report.wording.noun} that a customer {report.wording.past_tense}, {share} were known to "
        f"them and {100 - share} were new. A list can be good at one and poor at the other."
    ]
    ours, rival = report.list_named(report.ours), report.list_named(report.rival)
    if ours.repeat_hits is not None and rival.repeat_hits is not None:
        sentences.append(_both_hits(report, " known ones", ours.repeat_hits, rival.repeat_hits))
    if ours.new_hits is not None and rival.new_hits is not None:
        sentences.append(_both_hits(report, " new ones", ours.new_hits, rival.new_hits))
    new, simple = report.discovery_list(report.discovery_ours), report.discovery_list(report.discovery_rival)
    if new is not None and simple is not None:
        sentences.append(_both_hits(report, "", new.hits, simple.hits, "that are all new to the customer"))
    return sentences


def _both_hits(report: RankingReport, kind: str, ours: Estimate, rival: Estimate, shown: str = "shown") -> str:
    """The hits of both lists among known or new items; without a verdict, because nothing was tested here."""
    scale, words = Scale(base_of(report.k, max(ours.mean, rival.mean)), report.k), report.wording
    mine, theirs = scale.scaled(ours.mean), scale.scaled(rival.mean)
    digits = distinct_digits([mine, theirs])
    return (
        f"Of {scale.base:,} {words.noun} {shown}, {words.ours.singular} finds {plain(mine, digits)}{kind}, "
        f"{words.rival.singular} {plain(theirs, digits)}."
    )


def revenue(report: RankingReport) -> str:
    """The share of the revenue that stood on the list; empty where no prices are known."""
    ours, rival = report.list_named(report.ours).revenue_recall, report.list_named(report.rival).revenue_recall
    if ours is None or rival is None or math.isnan(ours.mean):
        return ""
    words = report.wording
    return (
        f"Of every 100 that a customer spent {words.period}, {plain(100 * ours.mean)} went on {words.noun} on "
        f"{words.ours.singular}; on {words.rival.singular}, {plain(100 * rival.mean)}."
    )


def coverage(report: RankingReport) -> list[str]:
    """The share of the catalogue that anybody sees, in the personal lists and the rival's, and how evenly."""
    ours, rival = report.list_named(report.ours).coverage, report.list_named(report.rival).coverage
    if ours is None or not ours.n_items:
        return []
    words, unseen = report.wording, ours.n_items - ours.n_shown
    sentence = (
        f"All {words.ours.plural.removeprefix('the ')} together show {ours.n_shown:,} of the {ours.n_items:,} "
        f"{words.noun} in the range ({percent(ours.n_shown / ours.n_items)})"
        f"{f'; nobody sees the other {unseen:,}' if unseen else ''}."
    )
    many = words.rival.plural
    beside = "" if rival is None else f" {many[:1].upper()}{many[1:]} show {rival.n_shown:,}."
    return [" ".join([sentence + beside, *_evenness(ours, words)])]


def _evenness(ours: Coverage, wording: Wording) -> list[str]:
    if ours.n_shown and ours.n_half:
        word = _evenly(ours.n_half / ours.n_shown, (0.05, 0.2))
        return [f"Places are shared {word}: half of them go to {ours.n_half:,} {wording.noun}."]
    if not ours.n_shown or math.isnan(ours.gini):
        return []
    return [f"Places are shared {_evenly(1 - ours.gini, (0.02, 0.2))} among the whole range."]


def _evenly(share: float, ends: tuple[float, float]) -> str:
    return "very unevenly" if share < ends[0] else "unevenly" if share < ends[1] else "fairly evenly"


def coverage_figures(value: Coverage) -> str:
    """120 (12 %): the shown items and their share of the catalogue."""
    return f"{value.n_shown:,} ({percent(value.n_shown / value.n_items) if value.n_items else '–'})"


def group_note(n: int, verdict: ComparisonVerdict, wording: Wording) -> str:
    """How many customers, whether they are few, and which list is better for them."""
    result = {
        "better": f"{wording.ours.legend} better",
        "worse": f"{wording.rival.legend} better",
        "level": "cannot tell",
        "too few": "too few to tell",
    }[verdict]
    return f"{counted(n, 'customer')}{', a small group' if n < SMALL_GROUP else ''}: {result}"


def hidden_groups(n: int) -> str:
    """How many groups are too small to be shown; empty where all are shown."""
    return f"{counted(n, 'more group')} of fewer than 20 customers: not shown." if n else ""
