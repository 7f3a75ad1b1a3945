"""Training recipe: models and settings read from `recsys.toml`, and the plan of what to fit and to hold back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

import orjson

from recsys.bundle import Bundle
from recsys.campaigns.settings import CampaignSettings
from recsys.config import CatalogueSettings, InfluenceSettings, WeightSettings, read_table
from recsys.customers.groups import build_grouping
from recsys.customers.settings import CustomerSettings
from recsys.customers.table import CustomerPlan
from recsys.data.catalogue.catalogue import NeverShow, build_never_show
from recsys.data.events import KIND_BY_NAME, Kind
from recsys.errors import BadSettings
from recsys.learning.backends.base import TrainingBackend
from recsys.learning.backends.native import NATIVE
from recsys.learning.holdout import SplitKind
from recsys.models.base import Learner
from recsys.models.registry import LEARNERS, MODEL_TABLE, OPTIONAL_MODELS, REQUIRED_MODELS, can_fit, learner


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fit, and what to hold back for validation.  learners by name; validation_days at the end of the log.

    split: what is held back should be like the queries to come.  That is the last weeks; or the last visit of each
    user, to predict the next one; or a random part, where the queries are as old as the known events.
    optional: learners that are used only if lists of new items improve; optional_seconds: how long they may be tried.
    fixed: names of models whose settings were chosen before, so that their half-lives stay as they are.
    chosen_by: a release whose mix and curves are taken over, so that nothing is held back; None chooses anew.
    backend: what reads the events and fits the models.
    """

    learners: Mapping[str, Learner]
    weight_by_kind: Mapping[Kind, float]
    validation_days: float = 28.0
    split: SplitKind = "weeks"
    optional: Mapping[str, Learner] = field(default_factory=dict)
    optional_seconds: float = 240.0
    fixed: frozenset[str] = frozenset()
    chosen_by: Bundle | None = None
    backend: TrainingBackend = NATIVE


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which models, with which settings, from which items; the same recipe over the same snapshot learns the same.

    unvouched_share: see `limit_influence`.
    given: digest of the settings of models and weights as a person gave them, whatever this build makes of them.
    precomputes: whether training finds the candidates of many users, for a release that will be served.
    """

    plan: Plan
    never_show: NeverShow
    seed: int = 0
    precomputes: bool = True
    unvouched_share: float = 1.0
    customers: CustomerPlan = field(default_factory=CustomerPlan)
    given: str = ""


def read_recipe(
    file: Path | None,
    *,
    validation_days: float,
    seed: int,
    optional_seconds: float = 240.0,
    tuned: Path | None = None,
) -> Recipe:
    """The recipe of `[models]`, `[weights]` and `[catalogue]`, above what a search wrote to `tuned`.

    Raises BadSettings.
    """
    weights = WeightSettings.load(file).by_kind()
    tables = merge_tables(read_table(tuned, "models"), read_table(file, "models"))
    plan = Plan(
        learners=build_learners(tables),
        weight_by_kind={KIND_BY_NAME[name]: weight for name, weight in weights.items()},
        validation_days=validation_days,
        optional=build_optional_learners(tables),
        optional_seconds=optional_seconds,
        fixed=frozenset(
            name
            for name, params in tables.items()
            if isinstance(params, Mapping) and any(key.endswith("_days") for key in params)
        ),
    )
    never_show = build_never_show(CatalogueSettings.load(file).never_show)
    share, customers = InfluenceSettings.load(file).unvouched_share, CustomerSettings.load(file)
    groups = customers.rfm_groups()
    build_grouping(groups)  # a gap is an error before the training, not after it
    who = CustomerPlan(customers.stage_rule(), groups, CampaignSettings.load(file).time_zone)
    given = hashlib.sha256(orjson.dumps((tables, weights), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    return Recipe(plan, never_show, seed, unvouched_share=share, customers=who, given=given)


def recipe_of(bundle: Bundle, recipe: Recipe) -> Recipe:
    """The recipe that learns with the choices of that release; what no release chooses comes from `recipe`.

    Raises BadSettings or UnknownModel for the release of a build with other models.
    """
    learners = {name: _learner_of(name, params) for name, params in bundle.manifest.models.items()}
    weights = {Kind(int(kind)): float(weight) for kind, weight in bundle.manifest.blend["weight_by_kind"].items()}
    plan = replace(recipe.plan, learners=learners, weight_by_kind=weights, optional={}, chosen_by=bundle)
    return replace(recipe, plan=plan, precomputes=False)


def _learner_of(name: str, params: Mapping[str, Any]) -> Learner:
    """From a manifest, in which null stands for infinity where the parameter is never None."""
    own = LEARNERS.get(name)
    nullable = {field.name for field in fields(cast(Any, own)) if field.default is None} if own is not None else set()
    known = {key: float("inf") if value is None and key not in nullable else value for key, value in params.items()}
    return learner(name, known)


def merge_tables(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of models; each setting comes from `above` if it stands there."""
    both = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(above[name], Mapping):
            both[name] = {**below[name], **above[name]}
    return both


def build_learners(tables: Mapping[str, Any]) -> dict[str, Learner]:
    """The models with the settings of `[models.<name>]`; `off = true` leaves one out.

    An optional model is left out unless `off = false` stands there.
    """
    chosen: dict[str, Learner] = {}
    for name in {**dict.fromkeys(LEARNERS), **dict.fromkeys(tables)}:
        given = tables.get(name, {})
        if not isinstance(given, Mapping):
            raise BadSettings(f"[models] {name} = {given!r} should be a table: write [models.{name}] and its settings")
        params = dict(given)
        if not params.pop("off", name in OPTIONAL_MODELS):
            chosen[name] = learner(name, params)
            if not can_fit(name):
                raise BadSettings(
                    f"[models.{name}] needs the extra: pip install 'recsys-shop[{MODEL_TABLE[name].extra}]'"
                )
        elif name in REQUIRED_MODELS:
            raise BadSettings(f"[models.{name}] off = true: this model fills lists that nothing else can; keep it")
    return chosen


def build_optional_learners(tables: Mapping[str, Any]) -> dict[str, Learner]:
    """The optional models that can be fitted here, with their settings, if `[models.<name>]` does not set `off`."""
    given = {name: tables.get(name, {}) for name in LEARNERS if name in OPTIONAL_MODELS and can_fit(name)}
    return {name: learner(name, params) for name, params in given.items() if "off" not in params}
