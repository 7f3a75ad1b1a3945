"""Which models a list of new things is blended from, and at what pace each forgets: chosen on what was held back."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from recsys.arrays import Ints
from recsys.data.dataset.interactions import Interactions
from recsys.learning.buy_again_selection import select_buy_again
from recsys.learning.ensemble_weights import learn_weights, learned_apart
from recsys.learning.half_life import MANY_ITEMS, HalfLife, cheaper, with_best_half_life
from recsys.learning.holdout import Holdout
from recsys.learning.plan import Plan, StepTimer, fit_all
from recsys.learning.validation import Validation, ValidationUsers, candidates, is_better
from recsys.models.base import Learner, Model
from recsys.models.blend import blended
from recsys.models.buy_again import BuyAgain
from recsys.models.candidates import Candidates
from recsys.models.registry import BUY_AGAIN, CONTEXT_ONLY, DISCOVER_MODELS
from recsys.ranking.candidates.sources import BLEND_DEPTH

FEW = 500  # judges who are enough to tell a good setting from a bad one
FEW_EVENTS = 250_000  # events of a sample that is enough for the same
LIGHT_ITEMS = 5_000  # with more, models are first tried with less work put into them
SPARE_GAIN = 0.01  # spare models have to add so much together: each costs every answer its time
SURE = 1.0  # standard errors: less than elsewhere, for what a part adds is no risk, only time
LOOKED = 0.5  # part of that gain which has to show on the sample before all data are used

Parts = Mapping[str, Sequence[Candidates]]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What to fit on everything, and how.  blend: weights, summing to 1.  discovered: the blend's lists for the judges.

    models: those fitted on the past.  left_out: why each spare model that is not made is not.
    habit: what each way of buying again that was tried reached at its best half-life, nDCG@10.
    """

    learners: Mapping[str, Learner]
    blend: Mapping[str, float]
    discovered: Sequence[Candidates]
    models: Mapping[str, Model]
    paces: Mapping[str, HalfLife]
    left_out: Mapping[str, str]
    habit: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Gain:
    """What spare models add to the list by so many judges, which share is asked for, and whether that is sure."""

    share: float
    asked: float
    n_judges: int
    is_enough: bool


@dataclass(slots=True)
class _Clock:
    """Seconds that the spare models may still take."""

    seconds: float
    start: float = field(default_factory=time.perf_counter)

    def is_over(self) -> bool:
        return time.perf_counter() - self.start >= self.seconds


def select_models(
    held: Holdout,
    panel: ValidationUsers,
    plan: Plan,
    rng: Generator,
    step: StepTimer,
    *,
    more: Sequence[tuple[Holdout, ValidationUsers]] = (),
) -> ModelChoice:
    """Paces on a sample; spare models on the sample first, and only if they show something there on everything.

    more: the same data parted anew, where few judge: what each model is worth is then judged by all of them together.
    """
    sample = sample_of(held.past, rng)
    is_large = sample is not held.past or sample.n_items > LIGHT_ITEMS
    trial = Validation(sample, panel.some(FEW), only_new=True, is_light=is_large)
    with step("pace"):
        learners, paces = _paced(plan.learners, plan.settled | {BUY_AGAIN}, trial, rng)
    with step("habit"):
        learners, again, habit = _habitual(learners, plan, Validation(sample, panel, only_new=False), rng)
    clock = _Clock(plan.spare_seconds)
    promising, left_out = _promising(learners, plan, trial, clock, step)
    with step("pace of spare models"):
        late = frozenset(promising) if clock.is_over() else frozenset[str]()
        spare, spare_paces = _paced(promising, plan.settled | late, trial, rng)
    house = [name for name in DISCOVER_MODELS if name in learners]
    tried = {name: learners[name] for name in (*house, BUY_AGAIN) if name in learners}
    models = fit_all(tried, held.past, rng, step, "try")
    for name, learner in spare.items():
        models |= fit_all({} if clock.is_over() else {name: learner}, held.past, rng, step, "try")
    with step("blend"):
        parts = {name: _candidates(models[name], panel) for name in (*house, *spare) if name in models}
        wide, truth = _judged_again(parts, panel, {name: {**tried, **spare}[name] for name in parts}, more, rng)
        blend, gain = _blend(wide, house, truth)
    made = {name: learner for name, learner in spare.items() if blend.get(name)}
    unused = {name: _told(gain, blend, spare) if name in models else _late(plan) for name in spare.keys() - made.keys()}
    return ModelChoice(
        learners={**learners, **made},
        blend=blend,
        discovered=_lists(parts, blend, BLEND_DEPTH),
        models=models,
        paces=paces | again | {name: pace for name, pace in spare_paces.items() if name in made},
        left_out=left_out | unused,
        habit=habit,
    )


def sample_of(past: Interactions, rng: Generator, n_events: int = FEW_EVENTS) -> Interactions:
    """The events of customers drawn by chance, about so many; the same data where those are fewer."""
    n = len(past.histories.item)
    if n <= n_events:
        return past
    is_drawn = rng.random(past.n_users) < n_events / n
    return past.only(np.repeat(is_drawn, np.diff(past.histories.offsets)), past.histories.now)


def _paced(
    learners: Mapping[str, Learner], settled: frozenset[str], trial: Validation, rng: Generator
) -> tuple[dict[str, Learner], dict[str, HalfLife]]:
    """Each learner at the pace that judges best; those of `settled`, and what no list is judged by, as they are."""
    found = dict(learners)
    paces: dict[str, HalfLife] = {}
    for name in learners:
        if name not in settled | CONTEXT_ONLY:
            found[name], pace = with_best_half_life(learners[name], trial, rng)
            if pace is not None:
                paces[name] = pace
    return found, paces


def _habitual(
    learners: Mapping[str, Learner], plan: Plan, trial: Validation, rng: Generator
) -> tuple[dict[str, Learner], dict[str, HalfLife], dict[str, float]]:
    """The learners with the way of buying again that judges best, its pace, and what other ways reached."""
    usual = learners.get(BUY_AGAIN)
    if not isinstance(usual, BuyAgain) or BUY_AGAIN in plan.settled:
        return dict(learners), {}, {}
    habit = select_buy_again(usual, trial, rng)
    return {**learners, BUY_AGAIN: habit.learner}, {BUY_AGAIN: habit.pace}, dict(habit.tried)


def _judged_again(
    parts: Parts,
    panel: ValidationUsers,
    learners: Mapping[str, Learner],
    more: Sequence[tuple[Holdout, ValidationUsers]],
    rng: Generator,
) -> tuple[Parts, list[Ints]]:
    """The candidates and what was then chosen, of the first judges and of all others."""
    wide, truth = {name: list(found) for name, found in parts.items()}, panel.new
    for held, others in more:
        for name, learner in learners.items():
            wide[name] += _candidates(learner.fit(held.past, rng), others)
        truth += others.new
    return wide, truth


def _promising(
    learners: Mapping[str, Learner], plan: Plan, trial: Validation, clock: _Clock, step: StepTimer
) -> tuple[dict[str, Learner], dict[str, str]]:
    """The spare models that add something to the others on the sample, and why the rest does not go on."""
    house = [name for name in DISCOVER_MODELS if name in learners]
    left_out: dict[str, str] = {}
    if trial.past.n_items > MANY_ITEMS or not plan.spare:
        why = (
            f"{trial.past.n_items:,} items: with more than {MANY_ITEMS:,} it is made only where off = false asks for it"
        )
        return {}, dict.fromkeys(plan.spare, why)
    parts: dict[str, Sequence[Candidates]] = {}
    for name in (*house, *plan.spare):
        if name in plan.spare and clock.is_over():
            left_out[name] = _late(plan)
            continue
        with step(f"look at {name}"):
            learner = {**plan.spare, **learners}[name]
            learner = cheaper(learner) if trial.is_light else learner
            parts[name] = _candidates(learner.fit(trial.past, np.random.default_rng(0)), trial.panel)
    blend, gain = _blend(parts, house, trial.panel.new, share=LOOKED, sure=0.0)
    looked_at = [name for name in plan.spare if name in parts]
    left_out |= {name: _told(gain, blend, plan.spare) for name in looked_at if not blend.get(name)}
    return {name: plan.spare[name] for name in looked_at if blend.get(name)}, left_out


def _blend(
    parts: Parts, house: Sequence[str], truth: Sequence[Ints], *, share: float = 1.0, sure: float = SURE
) -> tuple[dict[str, float], _Gain]:
    """The best blend, of the house's models alone unless the others add enough; and what they add."""
    own, asked = {name: parts[name] for name in house}, share * SPARE_GAIN
    if len(parts) == len(house):
        return learn_weights(own, truth), _Gain(0.0, asked, 0, is_enough=False)
    reached, wider = learned_apart(own, truth), learned_apart(parts, truth)
    gain = float(wider.mean() / reached.mean() - 1) if len(reached) and reached.mean() > 0 else 0.0
    adds = is_better(wider, reached, by=asked, sure=sure)
    return learn_weights(parts if adds else own, truth), _Gain(gain, asked, len(reached), adds)


def _lists(parts: Parts, blend: Mapping[str, float], depth: int) -> list[Candidates]:
    columns = zip(*(parts[name] for name in blend), strict=True)
    weights = list(blend.values())
    return [blended(list(zip(column, weights, strict=True)), depth) for column in columns]


def _candidates(model: Model, panel: ValidationUsers) -> list[Candidates]:
    return candidates(model, panel, only_new=True, depth=BLEND_DEPTH)


def _late(plan: Plan) -> str:
    return f"no time: trying spare models took {plan.spare_seconds:g} s before its turn"


def _told(gain: _Gain, blend: Mapping[str, float], spare: Collection[str]) -> str:
    if gain.is_enough or any(blend.get(name) for name in spare):
        return "adds nothing to the others"
    if gain.share < 0:
        return f"takes {-100 * gain.share:.1f} % from the list, with all other spare ones"
    told = f"adds {100 * gain.share:.1f} % to the list, with all other spare ones"
    if gain.share > gain.asked:
        return f"{told}, but {gain.n_judges:,} judges are too few to be sure of it"
    return f"{told}; {100 * gain.asked:g} % are asked for"
