"""Verdict of an experiment: the effect on each measure, the looks that are due, and one sentence on what to do."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from math import copysign, isnan, nan, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from recsys.arrays import Doubles
from recsys.experiments.definition import ExperimentPlan
from recsys.experiments.outcomes import MEASURES, ExperimentLog, ExperimentOutcomes, outcomes_at
from recsys.experiments.state import Experiment
from recsys.inference.cuped import cuped
from recsys.inference.power import POWER
from recsys.inference.sample_ratio import MISMATCH, sample_ratio_test
from recsys.inference.sequential import boundaries
from recsys.inference.welch import Effect, welch
from recsys.time_units import DAY_MS, date

GUARDRAIL_ALPHA = 0.001  # of dismissals and returns, which may be looked at every day
GUARDRAILS = {"dismissals": "customers dismiss more", "returns": "customers send more back"}
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Look:
    """One look that is due.  effect: on the measure, with the interval of its boundary.  z, bound: |z| ends at it."""

    number: int
    at_ms: int
    effect: Effect
    z: float
    bound: float

    @property
    def is_decisive(self) -> bool:
        return abs(self.z) >= self.bound


@dataclass(frozen=True, slots=True)
class Preference:
    """Interleaving: customers who clicked more of B, more of A, and as much of both; p of the sign test."""

    prefer_b: int
    prefer_a: int
    ties: int
    share_of_b: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """How an experiment stands.  sample_ratio_p: None where lists are interleaved.  effects: B minus A, 95 %.

    verdict: one sentence; decision: "b", "a", "none", "go_on" or "broken".
    """

    as_of_ms: int
    n_a: int
    n_b: int
    n_left_out: int
    sample_ratio_p: float | None
    effects: dict[str, Effect]
    looks: tuple[Look, ...]
    preference: Preference | None
    decision: str
    verdict: str

    def as_data(self) -> dict[str, Any]:
        """As JSON types; None for what is not known."""
        data: dict[str, Any] = _finite(asdict(self))
        return data


def _finite(value: Any) -> Any:
    """The same as JSON types: NaN becomes None."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and isnan(value) else value


def read_result(log: ExperimentLog, experiment: Experiment, now_ms: int, *, least: int) -> ExperimentResult:
    """The result as of now, or of its end.  A look between two that were planned changes no verdict.

    least: customers of an arm; of fewer no figure is shown.
    """
    as_of_ms = min(now_ms, experiment.ended_at_ms or now_ms, experiment.until_ms)
    outcomes, plan = outcomes_at(log, experiment, as_of_ms), experiment.plan
    n_b = int(np.count_nonzero(outcomes.is_b))
    n_a = len(outcomes.is_b) - n_b
    is_interleaved = plan.interleaved is not None
    shown = not is_interleaved and min(n_a, n_b) >= least
    result = ExperimentResult(
        as_of_ms=as_of_ms,
        n_a=n_a,
        n_b=n_b,
        n_left_out=log.n_left_out,
        sample_ratio_p=None if is_interleaved else sample_ratio_test((n_a, n_b), (1, 1)),
        effects={name: _effect(outcomes, name) for name in MEASURES} if shown else {},
        looks=judged_looks(_due(log, experiment, as_of_ms), experiment) if is_interleaved or shown else (),
        preference=preference(outcomes) if is_interleaved and n_a + n_b >= least else None,
        decision="go_on",
        verdict="",
    )
    decision, words = _verdict(result, experiment, outcomes)
    return replace(result, decision=decision, verdict=words)


def preference(outcomes: ExperimentOutcomes, *, z: float = 1.959964) -> Preference:
    """Which ranking customers clicked more: Chapelle, Joachims, Radlinski & Yue 2012, section 3, by customer.

    A customer counts once.  share_of_b: of the customers with a preference, with the interval of Wilson 1927.
    """
    prefer_b = int(np.count_nonzero(outcomes.clicks_of_b > outcomes.clicks_of_a))
    prefer_a = int(np.count_nonzero(outcomes.clicks_of_a > outcomes.clicks_of_b))
    n, ties = prefer_a + prefer_b, len(outcomes.is_b) - prefer_a - prefer_b
    if n == 0:
        return Preference(0, 0, ties, nan, nan, nan, nan)
    share = prefer_b / n
    center, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    p = 2 * _NORMAL.cdf(-abs(_sign_z(prefer_b, prefer_a)))
    return Preference(prefer_b, prefer_a, ties, share, (center - half) / scale, (center + half) / scale, p)


def _sign_z(prefer_b: int, prefer_a: int) -> float:
    """z of the sign test, with the correction for continuity."""
    gap = max(0.0, abs(prefer_b - prefer_a) - 1.0)
    return copysign(gap / sqrt(prefer_a + prefer_b), prefer_b - prefer_a) if prefer_a + prefer_b else 0.0


def _effect(outcomes: ExperimentOutcomes, measure: str, *, alpha: float = 0.05) -> Effect:
    """B minus A; what customers spent before is taken out of money, margin and orders."""
    values, is_b, before = outcomes.by_measure[measure], outcomes.is_b, outcomes.before
    if np.isnan(values).any():  # a cost that is unknown
        return Effect(nan, nan, nan, nan, nan, int(is_b.sum()), int((~is_b).sum()), "cost unknown")
    if measure in ("money", "margin", "orders"):
        return cuped(values[is_b], values[~is_b], before[is_b], before[~is_b], alpha=alpha)
    return welch(values[is_b], values[~is_b], alpha=alpha)


def judged_looks(outcomes: Iterable[ExperimentOutcomes], experiment: Experiment) -> tuple[Look, ...]:
    """The looks with these outcomes, up to the first that decides.  outcomes: at each look that is due, in order."""
    plan = experiment.plan
    bounds = boundaries(tuple(number / plan.looks for number in range(1, plan.looks + 1)), plan.alpha)
    looks: list[Look] = []
    for number, (bound, at_look) in enumerate(zip(bounds, outcomes, strict=False), start=1):
        looks.append(_look(at_look, plan, number=number, at_ms=experiment.look_ms(number), bound=bound))
        if looks[-1].is_decisive:
            break
    return tuple(looks)


def _due(log: ExperimentLog, experiment: Experiment, as_of_ms: int) -> Iterator[ExperimentOutcomes]:
    for number in range(1, experiment.plan.looks + 1):
        if (at_ms := experiment.look_ms(number)) <= as_of_ms:
            yield outcomes_at(log, experiment, at_ms)


def _look(outcomes: ExperimentOutcomes, plan: ExperimentPlan, *, number: int, at_ms: int, bound: float) -> Look:
    if plan.interleaved is not None:
        preferred = preference(outcomes, z=bound)
        n = preferred.prefer_a + preferred.prefer_b
        effect = Effect(
            preferred.share_of_b - 0.5,
            nan,
            preferred.low - 0.5,
            preferred.high - 0.5,
            preferred.p,
            n,
            n,
            "sign test of preferences",
        )
        return Look(number, at_ms, effect, _sign_z(preferred.prefer_b, preferred.prefer_a), bound)
    effect = _effect(outcomes, plan.measure, alpha=2 * _NORMAL.cdf(-bound))
    usual = effect.p if not isnan(effect.p) else 1.0
    z = copysign(-_NORMAL.inv_cdf(max(usual / 2, 1e-300)), effect.difference) if usual < 1 else 0.0
    return Look(number, at_ms, effect, z, bound)


def _verdict(result: ExperimentResult, experiment: Experiment, outcomes: ExperimentOutcomes) -> tuple[str, str]:
    p = result.sample_ratio_p
    if p is not None and p < MISMATCH:
        return "broken", f"broken: the split is not 50/50: {result.n_a:,} in A and {result.n_b:,} in B (p = {p:.1g})"
    for name, words in GUARDRAILS.items():
        if result.effects:
            strict = _effect(outcomes, name, alpha=GUARDRAIL_ALPHA)
            if strict.low > 0:
                return "a", f"stop: B is worse: {words}, {strict.low:.3g} to {strict.high:.3g} more for each customer"
    if (
        experiment.plan.measure == "margin"
        and "margin" in result.effects
        and isnan(result.effects["margin"].difference)
    ):
        return "broken", "broken: margin is not known: an item that was bought has no cost; give costs with /v1/items"
    last = result.looks[-1] if result.looks else None
    if last is not None and last.is_decisive:
        is_better = last.z > 0
        return ("b" if is_better else "a"), f"stop: B is {_better(last, experiment.plan)}"
    if last is not None and last.number == experiment.plan.looks:
        return "none", f"stop: no difference was seen; B is {_span(last, experiment.plan)}"
    return "go_on", _go_on(result, experiment)


def _better(look: Look, plan: ExperimentPlan) -> str:
    effect, word = look.effect, "better" if look.z > 0 else "worse"
    if plan.interleaved is not None:
        low, high = sorted(abs(edge + 0.5 if look.z > 0 else 0.5 - edge) for edge in (effect.low, effect.high))
        return (
            f"{word}: {'B' if look.z > 0 else 'A'} is preferred by {low:.0%} to {high:.0%} of those with a preference"
        )
    return f"{word} by {_percent(effect, absolute=True)} in {plan.measure} for each customer"


def _span(look: Look, plan: ExperimentPlan) -> str:
    if plan.interleaved is not None:
        return f"preferred by {look.effect.low + 0.5:.0%} to {look.effect.high + 0.5:.0%} of those with a preference"
    return f"between {_percent(look.effect, absolute=False)} in {plan.measure} for each customer"


def _percent(effect: Effect, *, absolute: bool) -> str:
    """3-7 %, or -1 % and +4 %; in the unit of the measure where A has none."""
    base = effect.difference / effect.relative if effect.relative else nan
    edges = (effect.low, effect.high)
    if absolute:
        low, high = sorted(map(abs, edges))
        return f"{low:.3g}-{high:.3g}" if isnan(base) else f"{100 * low / base:.2g}-{100 * high / base:.2g} %"
    signed = edges if isnan(base) else tuple(100 * edge / base for edge in edges)
    return f"{signed[0]:+.2g} and {signed[1]:+.2g}" if isnan(base) else f"{signed[0]:+.2g} % and {signed[1]:+.2g} %"


def _go_on(result: ExperimentResult, experiment: Experiment) -> str:
    end = f"the last look is on {date(experiment.until_ms / DAY_MS)}"
    left = max(1, round((experiment.until_ms - result.as_of_ms) / DAY_MS))
    effect = result.effects.get(experiment.plan.measure)
    if effect is None or isnan(effect.relative) or effect.relative == 0:
        return f"go on: not enough yet, about {left} more days; {end}"
    base = abs(effect.difference / effect.relative)
    days = (result.as_of_ms - experiment.began_at_ms) / DAY_MS
    error = (effect.high - effect.low) / (2 * 1.96)
    wanted = experiment.plan.lift * base / (1.96 + _NORMAL.inv_cdf(POWER))
    needed = days * (error / wanted) ** 2 - days if wanted > 0 else left
    if needed <= left:
        return f"go on: not enough yet, about {max(1, round(needed))} more days; {end}"
    seen = (1.96 + _NORMAL.inv_cdf(POWER)) * error * sqrt(days / (days + left)) / base
    return f"go on: not enough yet, about {left} more days; then it sees differences of {seen:.1%} and more; {end}"


def mean_and_spread(values: Doubles, before: Doubles) -> tuple[float, float, float]:
    """Mean, standard deviation and correlation with before, of what a power calculation needs.  (N,), (N,)"""
    has_both = len(values) > 1 and values.std() > 0 and before.std() > 0
    correlation = float(np.corrcoef(values, before)[0, 1]) if has_both else 0.0
    return float(values.mean()), float(values.std(ddof=1)), correlation
