"""Model selection: which models are blended into a list of new items, and their half-lives, chosen by validation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from recsys.data.dataset.interactions import Interactions
from recsys.learning.backends.base import StepTimer
from recsys.learning.buy_again_selection import BuyAgainChoice, select_buy_again
from recsys.learning.ensemble_weights import BlendChoice, choose_blend
from recsys.learning.half_life import HalfLife, with_best_half_life
from recsys.learning.holdout import BY_CHANCE, Holdout
from recsys.learning.recipe import Plan
from recsys.learning.selection.budget import Budget, total_seconds
from recsys.learning.selection.finalists import Lists, choose_models, new_item_lists
from recsys.learning.selection.settings import TriedSettings, with_best_settings
from recsys.learning.selection.trial import ModelVerdict, Trial, model_verdicts
from recsys.learning.validation import Validation, ValidationUsers
from recsys.models.base import Learner, Model
from recsys.models.buy_again import BuyAgain
from recsys.models.candidates import Candidates, blended
from recsys.models.fit_cost import DataSize, foretold_seconds, shortage
from recsys.models.registry import BUY_AGAIN, CONTEXT_ONLY, DISCOVER_MODELS
from recsys.ranking.candidates.sources import BLEND_DEPTH

MAX_USERS = 2_000  # that models, blend and calibrations are chosen with
SEARCH_USERS = 500  # enough to tell a good half-life from a bad one, and a model that adds nothing
SAMPLE_EVENTS = 250_000  # a sample of so many events is enough for the same
LARGE_CATALOGUE = 5_000  # items; with more, half-lives are tried with a cheaper version of a model
SETTINGS_USERS, SETTINGS_SHARE = 1_000, 0.5  # that settings need as judges; of the budget left for optional models
MOST_SETTINGS_USERS = 8_000
SMALLEST_SHARE = 1 / 64  # of the customers that optional models are judged by, where more would not fit the budget


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What to fit on everything.  blend: weights, summing to 1.  discover_lists: the blend's lists for the users.

    models: those fitted on the past.  left_out: why each optional model that is not used is not.
    buy_again: nDCG@10 of each variant of the buy-again model at its best half-life.
    searched: settings that were tried, by model.  verdicts: of every model that was tried for the list of new items.
    """

    learners: Mapping[str, Learner]
    blend: Mapping[str, float]
    left_out: Mapping[str, str]
    discover_lists: Sequence[Candidates] = ()
    models: Mapping[str, Model] = field(default_factory=dict)
    half_lives: Mapping[str, HalfLife] = field(default_factory=dict)
    searched: Mapping[str, TriedSettings] = field(default_factory=dict)
    buy_again: Mapping[str, float] = field(default_factory=dict)
    verdicts: Mapping[str, ModelVerdict] = field(default_factory=dict)


def select_models(
    holdout: Holdout,
    everybody: ValidationUsers,
    plan: Plan,
    rng: Generator,
    step: StepTimer,
    *,
    more: Sequence[tuple[Holdout, ValidationUsers]] = (),
    last_look: Iterable[tuple[Holdout, ValidationUsers]] = (),
) -> ModelChoice:
    """Half-lives are chosen on a sample; optional models are judged at full strength, first on the sample, if any.

    everybody: MAX_USERS judge models, more of them settings.  more, last_look: further splits, the last for finalists.
    """
    users = everybody.first(MAX_USERS)
    validation = _search_validation(sample := draw_sample(holdout.past, rng), holdout, users)
    with step("pace"):
        learners, half_lives = _with_best_half_lives(plan.learners, plan.fixed | {BUY_AGAIN}, validation, rng)
    with step("habit"):
        if again := _select_buy_again(learners, plan.fixed, Validation(sample, users, only_new=False), rng):
            learners[BUY_AGAIN], half_lives[BUY_AGAIN] = again.learner, again.half_life
    defaults: dict[str, Learner] = {name: learners[name] for name in DISCOVER_MODELS if name in learners}
    trial = Trial(plan, Budget(plan.optional_seconds), rng, step)
    spare = plan.optional if sample is holdout.past else _screen(defaults, validation, holdout.past, trial)
    optional = _affordable(spare, sample, trial)
    with step("pace of spare models"):
        optional, optional_half_lives = _with_best_half_lives(optional, plan.fixed, validation, rng)
    judged = _settings_validations(validation, holdout, everybody, more)
    (defaults, optional), searched = _with_best_settings((defaults, optional), judged, trial)
    if sample is not holdout.past:
        optional = _judge_on_sample(defaults, optional, holdout.past, users, trial)
    learners |= defaults
    tried = {name: learners[name] for name in (*defaults, BUY_AGAIN) if name in learners} | optional
    models = trial.fit(tried, holdout.past, "try")  # paid for already
    lists = {name: new_item_lists(models[name], users) for name in models if name != BUY_AGAIN}
    choice = choose_models(lists, users.new, tried, more, last_look, trial)
    used = {name: learner for name, learner in optional.items() if choice.weights.get(name)}
    trial.drop(choice, [name for name in optional if name not in used])
    blend = {name: weight for name, weight in choice.weights.items() if name in defaults or name in used}
    return ModelChoice(
        learners={**learners, **used},
        blend=blend,
        discover_lists=_blended_lists(lists, blend),
        models=models,
        half_lives=half_lives | {name: days for name, days in optional_half_lives.items() if name in used},
        searched={name: tried for name, tried in searched.items() if name in defaults or name in used},
        left_out=trial.left_out,
        buy_again=again.ndcg_by_variant if again else {},
        verdicts=trial.verdicts | model_verdicts(choice),
    )


def _search_validation(sample: Interactions, holdout: Holdout, users: ValidationUsers) -> Validation:
    """What half-lives are tried on."""
    is_large = sample is not holdout.past or sample.n_items > LARGE_CATALOGUE
    is_timeless = holdout.description == BY_CHANCE
    few = users.first(SEARCH_USERS)
    return Validation(sample, few, only_new=True, is_large=is_large, is_timeless=is_timeless)


def _settings_validations(
    search: Validation, holdout: Holdout, everybody: ValidationUsers, more: Sequence[tuple[Holdout, ValidationUsers]]
) -> list[Validation]:
    """What settings are tried on: many judges, as more of them cost only lists, and further splits where they are few.

    Where the past is a sample, the judges of the search.
    """
    users = everybody.first(MOST_SETTINGS_USERS) if search.past is holdout.past else search.users
    validations = [replace(search, users=users)]
    for further, others in more:
        if sum(len(each.users) for each in validations) < SETTINGS_USERS:
            validations.append(replace(search, past=further.past, users=others))
    return validations


def _with_best_settings(
    groups: Sequence[Mapping[str, Learner]], validations: Sequence[Validation], trial: Trial
) -> tuple[list[dict[str, Learner]], dict[str, TriedSettings]]:
    """The same groups of learners with their best settings, within a share of the budget; a fixed model stays."""
    learners = {name: learner for group in groups for name, learner in group.items()}
    size = DataSize.of_data(validations[0].past)
    cost = {name: foretold_seconds(learner, size) for name, learner in learners.items()}  # the cheapest come first
    budget = Budget(SETTINGS_SHARE * trial.budget.seconds)
    trial.budget.seconds -= budget.seconds
    searched = dict[str, TriedSettings]()
    with trial.step("settings"):
        for name in sorted(learners.keys() - trial.plan.fixed, key=lambda name: (cost[name], name)):
            learners[name], tried = with_best_settings(learners[name], validations, budget, trial.rng)
            if tried is not None:
                searched[name] = tried
    trial.budget.seconds += budget.seconds
    return [{name: learners[name] for name in group} for group in groups], searched


def _screen(
    defaults: Mapping[str, Learner], validation: Validation, past: Interactions, trial: Trial
) -> dict[str, Learner]:
    """The optional models that are not worse beyond noise on a sample of the customers."""
    optional = _affordable(_learnable(past, trial), validation.past, trial)
    if not optional:
        return {}
    lists = {
        name: new_item_lists(model, validation.users)
        for name, model in trial.fit({**defaults, **optional}, validation.past, "look at").items()
    }
    choice = choose_blend(lists, optional, validation.users.new, min_gain=0.0, standard_errors=0.0)
    return _not_worse(choice, optional, trial)


def _learnable(past: Interactions, trial: Trial) -> dict[str, Learner]:
    """The optional models that could be learnt from everything within the budget, were they chosen."""
    size, allowed = DataSize.of_data(past), trial.plan.optional_seconds
    seconds = {name: foretold_seconds(learner, size) for name, learner in trial.plan.optional.items()}
    trial.left_out |= {
        name: f"no time: learning it takes about {needed:,.0f} s of CPU, spare models may take {allowed:g} s"
        for name, needed in seconds.items()
        if needed > allowed
    }
    return {name: learner for name, learner in trial.plan.optional.items() if seconds[name] <= allowed}


def _affordable(optional: Mapping[str, Learner], data: Interactions, trial: Trial) -> dict[str, Learner]:
    """The models whose fit from these data still fits the budget; the others are left out."""
    if not optional:
        return {}
    size = DataSize.of_data(data)
    short = {name: shortage(learner, size) for name, learner in optional.items()}
    few = {name: words for name, words in short.items() if words is not None}
    trial.left_out |= few
    optional = {name: learner for name, learner in optional.items() if name not in few}
    kept = {name: learner for name, learner in optional.items() if trial.budget.take(learner, size)}
    words = f"no time: trying spare models may take {trial.plan.optional_seconds:g} s of CPU"
    trial.left_out |= {name: words for name in optional if name not in kept}
    return kept


def _judge_on_sample(
    defaults: Mapping[str, Learner],
    optional: Mapping[str, Learner],
    past: Interactions,
    users: ValidationUsers,
    trial: Trial,
) -> dict[str, Learner]:
    """The optional models that are not worse beyond noise on as many customers as the budget allows.

    All where it allows all.  Nothing is cheaper here than it would be in the release.  A model that is chosen is learnt
    from everything later, and so are others in question, the best first, as far as the budget goes.
    """
    if not optional:
        return {}
    size, share = DataSize.of_data(past), 1.0
    while share > SMALLEST_SHARE and total_seconds(optional, size.share(share)) > trial.budget.seconds:
        share /= 2
    if share == 1:
        return dict(optional)
    part = draw_sample(past, trial.rng, int(share * size.events))
    models = trial.fit({**defaults, **optional}, part, "sample")
    choice = choose_blend({name: new_item_lists(model, users) for name, model in models.items()}, optional, users.new)
    kept = _not_worse(choice, optional, trial)
    doubtful = sorted(
        (name for name in kept if not choice.weights.get(name)), key=lambda name: -float(choice.alone[name].mean())
    )
    unpaid = {name for name in doubtful if not trial.budget.take(kept[name], size)}
    trial.drop(choice, sorted(unpaid))
    return {name: learner for name, learner in kept.items() if name not in unpaid}


def _not_worse(choice: BlendChoice, optional: Mapping[str, Learner], trial: Trial) -> dict[str, Learner]:
    """Those of the optional models that this look does not show to be worse; the others are dropped."""
    kept = {name: learner for name, learner in optional.items() if name in choice.in_question}
    trial.drop(choice, [name for name in optional if name not in kept])
    trial.verdicts |= model_verdicts(choice)
    return kept


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


def _blended_lists(lists: Lists, blend: Mapping[str, float]) -> list[Candidates]:
    rows = zip(*(lists[name] for name in blend), strict=True)
    return [blended(list(zip(row, blend.values(), strict=True)), BLEND_DEPTH) for row in rows]
