"""Gate: judges a published release against the live one, and says whether it may go live."""

import time

from recsys.errors import NotEnoughData
from recsys.progress import PrefixedSteps, StepLog
from recsys.ranking.recommender import build_recommender
from recsys.time_units import now_ms
from training.gate.comparison import GateInput, compare_with_champion
from training.gate.quality_checks import quality_checks
from training.gate.verdict import Check, GateVerdict


def judge_release(data: GateInput, steps: StepLog) -> GateVerdict:
    """The verdict on the new release; nothing is promoted here."""
    start = time.perf_counter()
    own_steps = PrefixedSteps(whole=steps, prefix="gate:")
    checks: list[Check] = []
    fairness, n_customers = "", 0
    published = build_recommender(data.challenger, (), data.file, remember=0)
    try:
        comparison = compare_with_champion(data, published, own_steps)
    except NotEnoughData as error:
        checks.append(Check(name="champion", result="not judged", words=f"nothing to judge by: {error}"))
    else:
        checks += quality_checks(comparison.evaluation, data.settings)
        fairness, n_customers = comparison.fairness, comparison.evaluation.windows[0].n_customers
    failed = any(check.result == "failed" for check in checks)
    return GateVerdict(
        version=data.challenger.manifest.version,
        champion=None if data.champion is None else data.champion.bundle.manifest.version,
        outcome="rejected" if failed else "promoted",
        judged_at_ms=now_ms(),
        checks=checks,
        fairness=fairness,
        n_customers=n_customers,
        seconds=round(time.perf_counter() - start, 1),
    )
