"""Model selection: which models are blended into a list of new items, and their half-lives, chosen by validation."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from recsys.arrays import Ints
from recsys.data.dataset.interactions import Interactions
from recsys.learning.backends.base import StepTimer
from recsys.learning.buy_again_selection import BuyAgainChoice, select_buy_again
from recsys.learning.ensemble_weights import cross_fitted_ndcg, fit_weights
from recsys.learning.half_life import MANY_ITEMS, HalfLife, cheaper, with_best_half_life
from recsys.learning.holdout import Holdout
from recsys.learning.recipe import Plan
from recsys.learning.validation import Validation, ValidationUsers, candidate_lists, is_better
from recsys.models.base import Learner, Model
from recsys.models.buy_again import BuyAgain
from recsys.models.candidates import Candidates, blended
from recsys.models.registry import BUY_AGAIN, CONTEXT_ONLY, DISCOVER_MODELS
from recsys.ranking.candidates.sources import BLEND_DEPTH

SEARCH_USERS = 500  # enough to tell a good setting from a bad one
SAMPLE_EVENTS = 250_000  # a sample of so many events is enough for the same
TRIAL_EVENTS = 2_000_000  # of customers by whom optional models are judged at full strength, with more than MANY_ITEMS
LARGE_CATALOGUE = 5_000  # items; with more, models are first tried in a cheaper version
MIN_GAIN = 0.01  # that the optional models have to add together: each of them costs time on every request
STANDARD_ERRORS = 1.0  # fewer than elsewhere: the risk of adding a model is only time
SCREENING_SHARE = 0.5  # part of that gain which has to show on the sample before all data are used

Lists = Mapping[str, Sequence[Candidates]]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What to fit on everything.  blend: weights, summing to 1.  discover_lists: the blend's lists for the users.

    models: those fitted on the past.  left_out: why each optional model that is not used is not.
    buy_again: nDCG@10 of each variant of the buy-again model at its best half-life.
    """

    learners: Mapping[str, Learner]
    blend: Mapping[str, float]
    left_out: Mapping[str, str]
    discover_lists: Sequence[Candidates] = ()
    models: Mapping[str, Model] = field(default_factory=dict)
    half_lives: Mapping[str, HalfLife] = field(default_factory=dict)
    buy_again: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Gain:
    """By which share the optional models improve the list for so many users, and whether that is enough and sure."""

    share: float
    required: float
    n_users: int
    is_enough: bool


@dataclass(frozen=True, slots=True)
class _TrialRun:
    """How optional models are tried.  deadline: of the clock `time.perf_counter`."""

    plan: Plan
    deadline: float
    rng: Generator
    step: StepTimer

    def fit(self, learners: Mapping[str, Learner], data: Interactions, label: str) -> dict[str, Model]:
        return self.plan.backend.fit_all(learners, data, self.rng, self.step, label)

    def fit_in_time(self, learners: Mapping[str, Learner], data: Interactions, label: str) -> dict[str, Model]:
        """The models whose turn comes before the deadline."""
        models: dict[str, Model] = {}
        for name, learner in learners.items():
            if time.perf_counter() < self.deadline:
                models |= self.fit({name: learner}, data, label)
        return models


def select_models(
    holdout: Holdout,
    users: ValidationUsers,
    plan: Plan,
    rng: Generator,
    step: StepTimer,
    *,
    more: Sequence[tuple[Holdout, ValidationUsers]] = (),
) -> ModelChoice:
    """Half-lives are chosen on a sample; optional models are screened on the sample, the best then tried on everything.

    more: further splits of the same data, where users are few: the blend is then chosen with all of them together.
    """
    sample = draw_sample(holdout.past, rng)
    is_large = sample is not holdout.past or sample.n_items > LARGE_CATALOGUE
    validation = Validation(sample, users.first(SEARCH_USERS), only_new=True, is_large=is_large)
    with step("pace"):
        learners, half_lives = _with_best_half_lives(plan.learners, plan.fixed | {BUY_AGAIN}, validation, rng)
    with step("habit"):
        again = _select_buy_again(learners, plan.fixed, Validation(sample, users, only_new=False), rng)
        if again is not None:
            learners[BUY_AGAIN], half_lives[BUY_AGAIN] = again.learner, again.half_life
    deadline = time.perf_counter() + plan.optional_seconds
    screened, left_out = _screen(learners, plan, validation, deadline, step)
    with step("pace of spare models"):
        late = frozenset(screened) if time.perf_counter() >= deadline else frozenset[str]()
        optional, optional_half_lives = _with_best_half_lives(screened, plan.fixed | late, validation, rng)
    defaults: list[str] = [name for name in DISCOVER_MODELS if name in learners]
    required = {name: learners[name] for name in (*defaults, BUY_AGAIN) if name in learners}
    run, trial = _TrialRun(plan, deadline, rng, step), _draw_trial(holdout.past, optional, rng)
    if trial is not holdout.past:
        optional, reasons = _judge_on_trial(trial, optional, required, users, run)
        left_out, defaults, run = left_out | reasons, [*defaults, *optional], replace(run, deadline=math.inf)
    models = run.fit(required, holdout.past, "try") | run.fit_in_time(optional, holdout.past, "try")
    with step("blend"):
        lists = {name: _new_item_lists(models[name], users) for name in models if name != BUY_AGAIN}
        all_lists, relevant = _with_more_splits(lists, users, {**required, **optional}, more, rng)
        blend, gain = _choose_blend(all_lists, defaults, relevant)
    used = {name: learner for name, learner in optional.items() if blend.get(name)}
    for name in optional.keys() - used.keys():
        left_out[name] = _reason(gain, blend, optional) if name in models else _no_time(plan)
    return ModelChoice(
        learners={**learners, **used},
        blend=blend,
        discover_lists=_blended_lists(lists, blend),
        models=models,
        half_lives=half_lives | {name: days for name, days in optional_half_lives.items() if name in used},
        left_out=left_out,
        buy_again=again.ndcg_by_variant if again is not None else {},
    )


def _draw_trial(past: Interactions, optional: Mapping[str, Learner], rng: Generator) -> Interactions:
    """What optional models are tried on: everything, or of a large shop with many items a sample of its customers."""
    return draw_sample(past, rng, TRIAL_EVENTS) if optional and past.n_items > MANY_ITEMS else past


def _judge_on_trial(
    trial: Interactions,
    optional: Mapping[str, Learner],
    required: Mapping[str, Learner],
    users: ValidationUsers,
    run: _TrialRun,
) -> tuple[dict[str, Learner], dict[str, str]]:
    """The optional models that add enough, and why the others are left out; all models know the same customers.

    Nothing is cheaper here than it would be in the release.  A model that is chosen is learnt from everything later.
    """
    defaults = {name: required[name] for name in DISCOVER_MODELS if name in required}
    models = run.fit(defaults, trial, "sample") | run.fit_in_time(optional, trial, "sample")
    lists = {name: _new_item_lists(model, users) for name, model in models.items()}
    blend, gain = _choose_blend(lists, [*defaults], users.new)
    chosen = {name: learner for name, learner in optional.items() if blend.get(name)}
    rest = [name for name in optional if name not in chosen]
    return chosen, {name: _reason(gain, blend, optional) if name in models else _no_time(run.plan) for name in rest}


def _select_buy_again(
    learners: Mapping[str, Learner], fixed: frozenset[str], validation: Validation, rng: Generator
) -> BuyAgainChoice | None:
    default = learners.get(BUY_AGAIN)
    if not isinstance(default, BuyAgain) or BUY_AGAIN in fixed:
        return None
    return select_buy_again(default, validation, rng)


def draw_sample(past: Interactions, rng: Generator, n_events: int = SAMPLE_EVENTS) -> Interactions:
    """The events of users drawn at random, about n_events; the same data where there are fewer."""
    n = len(past.histories.item)
    if n <= n_events:
        return past
    is_drawn = rng.random(past.n_users) < n_events / n
    return past.only(np.repeat(is_drawn, np.diff(past.histories.offsets)), past.histories.now)


def _with_best_half_lives(
    learners: Mapping[str, Learner], fixed: frozenset[str], validation: Validation, rng: Generator
) -> tuple[dict[str, Learner], dict[str, HalfLife]]:
    """Each learner with its best half-life; the fixed ones and those that fill no personal list as they are."""
    chosen = dict(learners)
    half_lives: dict[str, HalfLife] = {}
    for name in learners:
        if name not in fixed | CONTEXT_ONLY:
            chosen[name], half_life = with_best_half_life(learners[name], validation, rng)
            if half_life is not None:
                half_lives[name] = half_life
    return chosen, half_lives


def _with_more_splits(
    lists: Lists,
    users: ValidationUsers,
    learners: Mapping[str, Learner],
    more: Sequence[tuple[Holdout, ValidationUsers]],
    rng: Generator,
) -> tuple[Lists, list[Ints]]:
    """The candidates and the relevant items, of the first users and of those of all other splits."""
    all_lists, relevant = {name: list(own) for name, own in lists.items()}, users.new
    for holdout, others in more:
        for name in lists:
            all_lists[name] += _new_item_lists(learners[name].fit(holdout.past, rng), others)
        relevant += others.new
    return all_lists, relevant


def _screen(
    learners: Mapping[str, Learner], plan: Plan, validation: Validation, deadline: float, step: StepTimer
) -> tuple[dict[str, Learner], dict[str, str]]:
    """The optional models that add something to the others on the sample, and why the rest is left out."""
    defaults = [name for name in DISCOVER_MODELS if name in learners]
    left_out: dict[str, str] = {}
    if not plan.optional or time.perf_counter() >= deadline:
        return {}, dict.fromkeys(plan.optional, _no_time(plan))
    lists: dict[str, Sequence[Candidates]] = {}
    for name in (*defaults, *plan.optional):
        if name in plan.optional and time.perf_counter() >= deadline:
            left_out[name] = _no_time(plan)
            continue
        with step(f"look at {name}"):
            learner = {**plan.optional, **learners}[name]
            learner = cheaper(learner) if validation.is_large else learner
            lists[name] = _new_item_lists(learner.fit(validation.past, np.random.default_rng(0)), validation.users)
    blend, gain = _choose_blend(lists, defaults, validation.users.new, share=SCREENING_SHARE, standard_errors=0.0)
    screened = [name for name in plan.optional if name in lists]
    left_out |= {name: _reason(gain, blend, plan.optional) for name in screened if not blend.get(name)}
    return {name: plan.optional[name] for name in screened if blend.get(name)}, left_out


def _choose_blend(
    lists: Lists,
    defaults: Sequence[str],
    relevant: Sequence[Ints],
    *,
    share: float = 1.0,
    standard_errors: float = STANDARD_ERRORS,
) -> tuple[dict[str, float], _Gain]:
    """The best blend, of the default models alone unless the others add enough; and how much they add."""
    own, required = {name: lists[name] for name in defaults}, share * MIN_GAIN
    if len(lists) == len(defaults):
        return fit_weights(own, relevant), _Gain(0.0, required, 0, is_enough=False)
    quality, wider = cross_fitted_ndcg(own, relevant), cross_fitted_ndcg(lists, relevant)
    gain = float(wider.mean() / quality.mean() - 1) if len(quality) and quality.mean() > 0 else 0.0
    is_enough = is_better(wider, quality, min_gain=required, standard_errors=standard_errors)
    return fit_weights(lists if is_enough else own, relevant), _Gain(gain, required, len(quality), is_enough)


def _blended_lists(lists: Lists, blend: Mapping[str, float]) -> list[Candidates]:
    rows = zip(*(lists[name] for name in blend), strict=True)
    return [blended(list(zip(row, blend.values(), strict=True)), BLEND_DEPTH) for row in rows]


def _new_item_lists(model: Model, users: ValidationUsers) -> list[Candidates]:
    return candidate_lists(model, users, only_new=True, depth=BLEND_DEPTH)


def _no_time(plan: Plan) -> str:
    return f"no time: trying spare models took {plan.optional_seconds:g} s before its turn"


def _reason(gain: _Gain, blend: Mapping[str, float], optional: Collection[str]) -> str:
    if gain.is_enough or any(blend.get(name) for name in optional):
        return "adds nothing to the others"
    if gain.share < 0:
        return f"takes {-100 * gain.share:.1f} % from the list, with all other spare ones"
    adds = f"adds {100 * gain.share:.1f} % to the list, with all other spare ones"
    if gain.share > gain.required:
        return f"{adds}, but {gain.n_users:,} judges are too few to be sure of it"
    return f"{adds}; {100 * gain.required:g} % are asked for"
