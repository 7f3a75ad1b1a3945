"""Gate: judges a published release against the live one, and says whether it may go live."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from eval.backtest.results import Evaluation
from recsys.bundle import Manifest
from recsys.errors import BadBundle, NotEnoughData
from recsys.gate.verdict import Check, GateVerdict
from recsys.progress import PrefixedSteps, StepLog
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.time_units import DAY_MS, now_ms
from training.gate.bundle_checks import answers, end_of_data
from training.gate.comparison import GateComparison, GateInput, compare_with_champion
from training.gate.drift import concentration, drift_of_counts, drift_of_repeat_share, learn_bands, newest_events
from training.gate.facts import Facts, log_facts, manifest_facts
from training.gate.guardrails import list_changes, list_guardrails, neighbours, rules_obeyed, size_guardrail
from training.gate.incumbent import has_choices_of
from training.gate.page import verdict_page
from training.gate.price_drift import price_drift
from training.gate.quality_checks import quality_checks

TRIED_CUSTOMERS = 300  # whose lists only have to be there
RULED_CUSTOMERS = 100  # whose lists are held to the rules one by one
MEASURED_BY_CHOOSING = ("repeat_share", "judges")  # facts of a release that chose for itself
REFRESH_CUSTOMERS = 200  # whose lists a refresh is judged by


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the comparison of lists that it rests on; None where the lists were not compared."""

    verdict: GateVerdict
    evaluation: Evaluation | None

    def forced(self, because: str) -> "Judgement":
        """The same, promoted for that reason where it was rejected."""
        return self if self.verdict.may_go_live else replace(self, verdict=self.verdict.forced(because))

    def after(self, refused: GateVerdict) -> "Judgement":
        """The same, of a release with the champion's choices, made because one with its own was refused.

        How often customers buy again is what that one measured: these are not the weeks of the champion's choices.
        """
        words = f"learnt with the choices of {refused.champion}: {refused.version} was rejected with new ones, because "
        facts = {**self.verdict.facts, **{name: refused.facts[name] for name in MEASURED_BY_CHOOSING}}
        changes = {"facts": facts, "kept_choices": words + "; ".join(refused.reasons)}
        return replace(self, verdict=self.verdict.model_copy(update=changes))

    def page(self) -> str:
        """HTML for a person."""
        return verdict_page(self.verdict, self.evaluation)


def judge_release(data: GateInput, steps: StepLog) -> Judgement:
    """The verdict on the new release; nothing is promoted here.

    What is cheap comes first: files that cannot answer are not compared with anything.
    """
    start, own_steps = time.perf_counter(), PrefixedSteps(whole=steps, prefix="gate:")
    facts = manifest_facts(data.challenger.manifest) | log_facts(data.snapshot.events)
    with own_steps("files"):
        published, checks = _open(data, TRIED_CUSTOMERS)
    comparison = None
    if published is not None and not _n_failed(checks):
        with own_steps("drift"):
            checks += _drift(data, published, facts)
        try:
            comparison = compare_with_champion(data, published, own_steps)
            checks += _of_lists(data, published, comparison)
        except NotEnoughData as error:
            checks.append(Check(name="champion", result="not judged", words=f"nothing to judge by: {error}"))
    verdict = _verdict(data, checks, start).model_copy(update={"facts": facts})
    if comparison is None:
        return Judgement(verdict, None)
    n_customers = comparison.evaluation.windows[0].n_customers
    verdict = verdict.model_copy(update={"fairness": comparison.fairness, "n_customers": n_customers})
    return Judgement(verdict, comparison.evaluation)


def judge_refresh(data: GateInput, steps: StepLog) -> GateVerdict:
    """The verdict on a refreshed release by the checks that take no time: files, drift, and lists beside the live ones.

    It has no facts: what is usual is learnt from trainings, not from the small steps between them.
    """
    start = time.perf_counter()
    with steps("gate"):
        published, checks = _open(data, REFRESH_CUSTOMERS)
        if published is not None and data.champion is not None and not _n_failed(checks):
            facts = manifest_facts(data.challenger.manifest) | log_facts(data.snapshot.events)
            checks += _drift(data, published, facts)
            users = data.champion.engine.users
            drawn = np.random.default_rng(data.recipe.seed).permutation(len(users))[:REFRESH_CUSTOMERS]
            checks += list_changes(published, data.champion, [users[int(user)] for user in drawn], data.settings)
    return _verdict(data, checks, start)


def _verdict(data: GateInput, checks: Sequence[Check], start: float) -> GateVerdict:
    return GateVerdict(
        version=data.challenger.manifest.version,
        champion=None if data.champion is None else data.champion.bundle.manifest.version,
        outcome="rejected" if _n_failed(checks) else "promoted",
        judged_at_ms=now_ms(),
        checks=checks,
        seconds=round(time.perf_counter() - start, 1),
    )


def _n_failed(checks: Sequence[Check]) -> int:
    return sum(check.result == "failed" for check in checks)


def _open(data: GateInput, n_customers: int) -> tuple[Recommender | None, list[Check]]:
    """The published files as the service would open them; None where they cannot be opened."""
    live = None if data.champion is None else data.champion.bundle.manifest
    try:  # opening checks every array: names, shapes, ranges, finite numbers
        new = build_recommender(data.challenger, (), data.file, remember=0)
    except BadBundle as error:
        return None, [Check(name="answers", result="failed", words=f"it cannot be opened: {error}")]
    checks = list(end_of_data(data.challenger.manifest, new.engine, data.snapshot, live))
    earlier = data.challenger.manifest.now - data.settings.days
    checks.append(answers(new, n_customers, earlier, np.random.default_rng(data.recipe.seed)))
    return new, checks


def _drift(data: GateInput, new: Recommender, facts: Facts) -> Iterator[Check]:
    """The data beside those of the live release."""
    if data.champion is None:
        return
    manifest, drift = data.champion.bundle.manifest, data.settings.drift
    live, bands = _live_facts(data, manifest), learn_bands(data.history, drift)
    yield from drift_of_counts(facts, live, bands)
    yield drift_of_repeat_share(facts, live, bands)
    yield from concentration(facts, live)
    yield size_guardrail(facts, live)
    newest = newest_events(data.snapshot, manifest.now, drift)
    if newest is not None:
        yield newest
    yield from price_drift(new, data.champion, data.snapshot, (facts, live), drift)


def _live_facts(data: GateInput, manifest: Manifest) -> Facts:
    """As measured when the live release was judged; of an earlier build, from what it knew of the log."""
    judged = next(
        (each.facts for each in reversed(data.history) if each.version == manifest.version and each.facts), None
    )
    if judged is None:
        judged = log_facts(data.snapshot.events.filter(pl.col("at_ms") <= manifest.now * DAY_MS))
    return {**manifest_facts(manifest), **judged}


def _of_lists(data: GateInput, new: Recommender, comparison: GateComparison) -> Iterator[Check]:
    yield from quality_checks(
        comparison.evaluation, data.settings, has_own_choices=not has_choices_of(data.challenger, data.champion)
    )
    yield from list_guardrails(comparison.evaluation, data.settings)
    users = new.engine.users
    drawn = np.random.default_rng(data.recipe.seed).permutation(len(users))[:RULED_CUSTOMERS]
    user_ids = [users[int(user)] for user in drawn]
    yield rules_obeyed(new, comparison.catalogue, data.rules, user_ids, round(new.engine.histories.now * DAY_MS))
    if data.champion is not None:
        product_pages = neighbours(new, data.champion)
        if product_pages is not None:
            yield product_pages
