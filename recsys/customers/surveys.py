"""Summary of facts: searches without a result, net promoter score and share of satisfied customers."""

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

from recsys.customers.population import MIN_GROUP
from recsys.data.store.base import Store

SEARCHED = 1_000
Z = 1.959964  # of a two-sided interval of 95 %


class SurveyScore(NamedTuple):
    """A figure of a survey.  n: customers who answered.  low, high: interval of 95 %."""

    value: float
    low: float
    high: float
    n: int


def net_promoter_score(counts: Mapping[float, int]) -> SurveyScore | None:
    """Percent of promoters (9, 10) without that of detractors (0 to 6), -100 to 100; None without an answer.

    counts: customers by score, 0 to 10.  An answer is worth 1, 0 or -1, with the variance p + d - (p - d)^2; the
    interval is the adjusted one of Rocks 2016, which adds 3/4 of a promoter and of a detractor and 3/2 between, so that
    it covers 95 % with few answers, too.
    """
    n = sum(counts.values())
    if n == 0:
        return None
    promoters = sum(count for score, count in counts.items() if score >= 9)
    detractors = sum(count for score, count in counts.items() if score <= 6)
    p, d = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = Z * sqrt(max(0.0, p + d - (p - d) ** 2) / (n + 3))
    value = 100 * (promoters - detractors) / n
    return SurveyScore(value, max(-100.0, 100 * (p - d - half)), min(100.0, 100 * (p - d + half)), n)


def satisfied_share(counts: Mapping[float, int]) -> SurveyScore | None:
    """Percent of customers who gave 4 or 5 of 5; None without an answer.  The interval is that of Wilson 1927."""
    n = sum(counts.values())
    if n == 0:
        return None
    share = sum(count for score, count in counts.items() if score >= 4) / n
    low, high = wilson_interval(share, n)
    return SurveyScore(100 * share, 100 * low, 100 * high, n)


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """The interval of 95 % of a share of n, by Wilson 1927."""
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return centre - half, centre + half


class FactSummary(NamedTuple):
    """Figures of the facts of a time.

    searches: query, how often and by how many customers it had no result; none that fewer than MIN_GROUP customers
    typed.  n_rare: how many other queries there were, of the SEARCHED most frequent.  nps, csat: None where fewer than
    MIN_GROUP customers answered.
    """

    searches: list[tuple[str, int, int]]
    n_rare: int
    nps: SurveyScore | None
    csat: SurveyScore | None


def summarize_facts(store: Store, since_ms: int, until_ms: int) -> FactSummary:
    """The summary of the facts with since_ms <= time < until_ms.  Raises LogUnavailable."""
    vain = store.vain_searches(since_ms, until_ms, SEARCHED)
    shown = [search for search in vain if search[2] >= MIN_GROUP]
    scores = store.survey_scores(since_ms, until_ms)
    nps, csat = net_promoter_score(scores.get("nps", {})), satisfied_share(scores.get("csat", {}))
    return FactSummary(shown, len(vain) - len(shown), _of_a_group(nps), _of_a_group(csat))


def _of_a_group(score: SurveyScore | None) -> SurveyScore | None:
    return score if score is not None and score.n >= MIN_GROUP else None
