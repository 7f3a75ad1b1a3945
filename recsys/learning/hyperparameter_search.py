"""A search for better settings of one model, judged on what was held back; the only file that knows Optuna."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import Doubles, Longs
from recsys.errors import BadSettings
from recsys.learning.half_life import span_days
from recsys.learning.validation import Validation, is_better
from recsys.models.base import Learner
from recsys.models.registry import learner
from recsys.models.search_space import Between, Space, Values, defaults_of, space_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

EVENTS = 1_000_000  # of a sample that a search learns from
JUDGES = 1_000
WORTH = 0.005  # by so much tuned settings have to beat the defaults
FEW_JUDGES = 200
ROUNDS = 2  # each setting is first changed alone, so often

TrialCallback = Callable[[float, int, float], None]  # seconds gone, settings tried, best so far


def _tell_nobody(seconds: float, n_tried: int, best: float) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Search:
    """How long to look and with which seed; file: where what was tried is kept, so that a search can go on.

    most: end after so many settings even with time left.
    """

    seconds: float
    seed: int = 0
    file: Path | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class TunedModel:
    """What a search found.  params: the settings to use, those given included; default, reached: mean nDCG@10.

    Both figures come from judges that the search did not see, where there were enough of them.
    """

    name: str
    params: Mapping[str, Any]
    default: float
    reached: float
    n_tried: int
    is_better: bool

    @property
    def learner(self) -> Learner:
        """With the found settings, or the defaults where those are as good."""
        return learner(self.name, self.params)

    @property
    def gain(self) -> float:
        """By which share the found settings beat the defaults."""
        return self.reached / self.default - 1 if self.default else 0.0

    def as_mapping(self) -> dict[str, Any]:
        """For a file of results."""
        return {name: value for name, value in asdict(self).items() if name != "name"}


@dataclass(slots=True)
class _Best:
    """The best settings so far, and what each judge says of them."""

    params: Mapping[str, Any]
    reached: Doubles

    def see(self, params: Mapping[str, Any], reached: Doubles, judges: Longs) -> None:
        if _mean(reached, judges) > _mean(self.reached, judges):
            self.params, self.reached = params, reached


def tune(
    name: str, given: Mapping[str, Any], trial: Validation, search: Search, tell: TrialCallback = _tell_nobody
) -> TunedModel:
    """Searches what `given` leaves open.  The same seed tries the same settings; how many, the clock decides.

    Half of the judges choose; the other half says whether the choice beats the defaults, beyond noise.
    """
    start = time.perf_counter()
    default = _reached(name, given, trial)
    choosing, checking = _halves(len(default))
    best, space = _Best(given, default), _open(name, given, trial)
    study = _opened(name, given, search, trial)
    if not study.trials:
        _begin(study, space, defaults_of(name, space), _mean(default, choosing))
    for known in _best_known(study):
        best.see({**known, **given}, _reached(name, {**known, **given}, trial), choosing)
    longest, n_tried = time.perf_counter() - start, 0
    while space and n_tried != search.most and time.perf_counter() - start + longest <= search.seconds:
        began = time.perf_counter()
        asked = study.ask(_distributions(space))
        params = {**asked.params, **given}
        reached = _reached(name, params, trial)
        study.tell(asked, _mean(reached, choosing))
        best.see(params, reached, choosing)
        n_tried, longest = n_tried + 1, max(longest, time.perf_counter() - began)
        tell(time.perf_counter() - start, n_tried, _mean(best.reached, choosing))
    is_found = is_better(best.reached[checking], default[checking], by=WORTH)
    return TunedModel(
        name=name,
        params=best.params if is_found else given,
        default=_mean(default, checking),
        reached=_mean(best.reached, checking),
        n_tried=len(_ended(study)),
        is_better=is_found,
    )


def _open(name: str, given: Mapping[str, Any], trial: Validation) -> Space:
    return {key: values for key, values in space_of(name, span_days(trial.past.histories)).items() if key not in given}


def _reached(name: str, params: Mapping[str, Any], trial: Validation) -> Doubles:
    """What each judge says of the settings; nothing at all where they cannot be learnt with."""
    try:
        model = learner(name, params).fit(trial.past, np.random.default_rng(0))
    except BadSettings:
        return np.zeros(sum(len(chosen) > 0 for chosen in trial.truth()))
    return trial.quality(model)


def _halves(n_judges: int) -> tuple[Longs, Longs]:
    """Who chooses and who checks: a half each, everybody both where halves would tell nothing."""
    order = np.random.default_rng(0).permutation(n_judges)
    if n_judges < FEW_JUDGES:
        return order, order
    return order[: n_judges // 2], order[n_judges // 2 :]


def _mean(reached: Doubles, judges: Longs) -> float:
    return float(reached[judges].mean()) if len(judges) else 0.0


def _opened(name: str, given: Mapping[str, Any], search: Search, trial: Validation) -> "Study":
    """The search as it stood, of the same model on the same data with the same judges; else a new one."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    past, panel = trial.past.histories, trial.panel
    same = (sorted(given.items()), len(past.item), float(past.now), len(panel), trial.only_new, search.seed)
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(search.file))) if search.file else None,
        study_name=f"{name}-{hashlib.sha256(repr(same).encode()).hexdigest()[:12]}",
        direction="maximize",
        load_if_exists=True,
    )
    # A search that goes on must not draw again what it drew first.
    study.sampler = optuna.samplers.TPESampler(seed=search.seed + len(study.trials), n_startup_trials=1)
    return study


def _begin(study: "Study", space: Space, defaults: Mapping[str, Any], reached: float) -> None:
    """Makes the defaults known, and has each setting tried on its own first: most good settings are near them."""
    from optuna.trial import create_trial

    distributions = {key: found for key, found in _distributions(space).items() if key in defaults}
    study.add_trial(create_trial(params=dict(defaults), distributions=distributions, value=reached))
    for _ in range(ROUNDS):
        for key in space:
            study.enqueue_trial({other: value for other, value in defaults.items() if other != key})


def _best_known(study: "Study") -> list[dict[str, Any]]:
    ended = _ended(study)
    return [max(ended, key=lambda one: one.value or 0.0).params] if ended else []


def _ended(study: "Study") -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _distributions(space: Space) -> "dict[str, BaseDistribution]":
    return {key: _distribution(values) for key, values in space.items()}


def _distribution(values: Values) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(values, Between):
        return CategoricalDistribution(values)
    if values.is_whole:
        return IntDistribution(int(values.low), int(values.high), log=values.is_log)
    return FloatDistribution(values.low, values.high, log=values.is_log)
