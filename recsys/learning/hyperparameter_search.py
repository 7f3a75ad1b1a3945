"""Hyperparameter search: better settings of one model, validated on held-back events.  Only this file uses Optuna."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import Doubles, Longs
from recsys.errors import BadSettings
from recsys.learning.half_life import mean_or_zero, span_days
from recsys.learning.validation import Validation, is_better
from recsys.models.base import Learner
from recsys.models.registry import learner
from recsys.models.search_space import Between, Space, Values, build_space, default_values

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

MAX_EVENTS = 1_000_000  # of the sample that a search learns from
MAX_USERS = 1_000
MIN_GAIN = 0.005  # by which tuned settings have to beat the defaults
FEW_USERS = 200
ROUNDS = 2  # each setting is first changed alone, so often

TrialCallback = Callable[[float, int, float], None]  # seconds spent, settings tried, best nDCG


@dataclass(frozen=True, slots=True)
class Search:
    """How long to search and with which seed.  file: of the settings tried, so that a search can be continued.

    max_trials: end after so many settings even with time left.
    """

    seconds: float
    seed: int = 0
    file: Path | None = None
    max_trials: int | None = None


@dataclass(frozen=True, slots=True)
class TunedModel:
    """The result of a search.  params: the settings to use, including the given ones.

    default, reached: mean nDCG@10 of the defaults and of the best settings.  Both come from users that the search
    did not see, where there were enough of them.
    """

    name: str
    params: Mapping[str, Any]
    default: float
    reached: float
    n_tried: int
    is_better: bool

    @property
    def learner(self) -> Learner:
        """With the best settings, or the defaults where those are as good."""
        return learner(self.name, self.params)

    @property
    def gain(self) -> float:
        """By which share the best settings beat the defaults."""
        return self.reached / self.default - 1 if self.default else 0.0

    def as_mapping(self) -> dict[str, Any]:
        """For a file of results."""
        return {name: value for name, value in asdict(self).items() if name != "name"}


def tune(
    name: str,
    given: Mapping[str, Any],
    validation: Validation,
    search: Search,
    on_trial: TrialCallback | None = None,
) -> TunedModel:
    """Searches the settings that `given` leaves open.  The seed decides which ones are tried, the clock how many.

    Half of the users choose; the other half decides whether the choice beats the defaults beyond noise.
    """
    start = time.perf_counter()
    default = _quality(name, given, validation)
    choosing, checking = _halves(len(default))
    values_by_name = build_space(name, span_days(validation.past.histories))
    space = {key: values for key, values in values_by_name.items() if key not in given}
    study = _open_study(name, given, search, validation)
    if not study.trials:
        _seed_study(study, space, default_values(name, space), _mean(default, choosing))
    known = {**study.best_params, **given}
    tried = [(given, default), (known, _quality(name, known, validation))]
    best_params, best_quality = max(tried, key=lambda trial: _mean(trial[1], choosing))
    longest, n_tried = time.perf_counter() - start, 0
    while space and n_tried != search.max_trials and time.perf_counter() - start + longest <= search.seconds:
        began = time.perf_counter()
        trial = study.ask(_distributions(space))
        params = {**trial.params, **given}
        quality = _quality(name, params, validation)
        study.tell(trial, _mean(quality, choosing))
        if _mean(quality, choosing) > _mean(best_quality, choosing):
            best_params, best_quality = params, quality
        n_tried, longest = n_tried + 1, max(longest, time.perf_counter() - began)
        if on_trial is not None:
            on_trial(time.perf_counter() - start, n_tried, _mean(best_quality, choosing))
    is_proven = is_better(best_quality[checking], default[checking], min_gain=MIN_GAIN)
    return TunedModel(
        name=name,
        params=best_params if is_proven else given,
        default=_mean(default, checking),
        reached=_mean(best_quality, checking),
        n_tried=sum(trial.state.is_finished() for trial in study.trials),
        is_better=is_proven,
    )


def _quality(name: str, params: Mapping[str, Any], validation: Validation) -> Doubles:
    """nDCG@10 of the settings for each user; 0 where nothing can be learned with them."""
    try:
        model = learner(name, params).fit(validation.past, np.random.default_rng(0))
    except BadSettings:
        return np.zeros(sum(len(items) > 0 for items in validation.relevant_items()))
    return validation.quality(model)


def _halves(n_users: int) -> tuple[Longs, Longs]:
    """The users who choose and those who check: a half each, or all of them both where halves would be too small."""
    order = np.random.default_rng(0).permutation(n_users)
    if n_users < FEW_USERS:
        return order, order
    return order[: n_users // 2], order[n_users // 2 :]


def _mean(quality: Doubles, users: Longs) -> float:
    return mean_or_zero(quality[users])


def _open_study(name: str, given: Mapping[str, Any], search: Search, validation: Validation) -> "Study":
    """The stored study of the same model, data and users; else a new one."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    past, users = validation.past.histories, validation.users
    same = (sorted(given.items()), len(past.item), float(past.now), len(users), validation.only_new, search.seed)
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(search.file))) if search.file else None,
        study_name=f"{name}-{hashlib.sha256(repr(same).encode()).hexdigest()[:12]}",
        direction="maximize",
        load_if_exists=True,
    )
    # A continued search must not draw again what it drew first.
    study.sampler = optuna.samplers.TPESampler(seed=search.seed + len(study.trials), n_startup_trials=1)
    return study


def _seed_study(study: "Study", space: Space, defaults: Mapping[str, Any], quality: float) -> None:
    """Records the defaults, and queues trials that change one setting each: good settings are near the defaults."""
    from optuna.trial import create_trial

    distributions = {key: distribution for key, distribution in _distributions(space).items() if key in defaults}
    study.add_trial(create_trial(params=dict(defaults), distributions=distributions, value=quality))
    for _ in range(ROUNDS):
        for key in space:
            study.enqueue_trial({other: value for other, value in defaults.items() if other != key})


def _distributions(space: Space) -> "dict[str, BaseDistribution]":
    return {key: _distribution(values) for key, values in space.items()}


def _distribution(values: Values) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(values, Between):
        return CategoricalDistribution(values)
    if values.is_whole:
        return IntDistribution(int(values.low), int(values.high), log=values.is_log)
    return FloatDistribution(values.low, values.high, log=values.is_log)
