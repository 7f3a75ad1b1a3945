"""Variants of the engine: a recommender with other rules, placements or blend, for the arm of an experiment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recsys.bundle import release_folders
from recsys.engine.engine import Engine
from recsys.errors import BadInput, BadSettings
from recsys.experiments.definition import ExperimentPlan, Variant
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import Placement, find_placement, load_placements
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import Rules
from recsys.ranking.rules.repository import RuleRepository


@dataclass(frozen=True, slots=True)
class VariantParts:
    """What a variant changes, checked.  rules: None for those of the shop.  placements: all of them, None likewise."""

    rules: Rules | None
    placements: Mapping[str, Placement] | None
    blend: Mapping[str, float]


def variant_parts(variant: Variant, repository: RuleRepository, file: Path | None) -> VariantParts:
    """Raises BadRules for its rules, BadSettings for its placements."""
    rules = None if variant.rules is None else repository.parse(variant.rules)
    placements = load_placements(file, frozenset(SOURCES), variant.placements) if variant.placements else None
    return VariantParts(rules, placements, variant.blend)


def checked_plan(
    plan: ExperimentPlan, repository: RuleRepository, file: Path | None, recommender: Recommender, bundles: Path
) -> ExperimentPlan:
    """The plan with the texts of rules that it names by the digest of a version.

    Raises BadInput, BadRules, UnknownPlacement that name what is wrong in it.
    """
    plan = plan.model_copy(update={arm: _with_text(getattr(plan, arm), repository) for arm in ("a", "b")})
    for variant in (plan.a, plan.b):
        try:
            parts = variant_parts(variant, repository, file)
        except BadSettings as error:
            raise BadInput(str(error)) from None
        check_blend(variant, recommender.engine)
        if plan.interleaved is not None:
            find_placement(parts.placements or recommender.placements, plan.interleaved)
    missing = [version for version in plan.releases if published_at(bundles, version) is None]
    if missing:
        raise BadInput(f"release = {missing[0]!r} is not published; `recsys releases` lists what is")
    return plan


def _with_text(variant: Variant, repository: RuleRepository) -> Variant:
    """The variant with the text of rules in place of the digest of a version."""
    if variant.rules is None or not re.fullmatch("[0-9a-f]{16}", variant.rules):
        return variant
    for version in reversed(repository.versions()):
        if version.digest == variant.rules:
            return variant.model_copy(update={"rules": repository.version_text(version.number)})
    raise BadInput(f"rules = {variant.rules!r}: no version with that digest; `recsys rules history` lists them")


def published_at(bundles: Path, version: str) -> Path | None:
    """The folder of a release, here or known of another host; None where it is not published."""
    return next((path for path in release_folders(bundles) if path.name == version), None)


def with_variant(
    recommender: Recommender, parts: VariantParts, rules: Rules, engine: Engine | None = None
) -> Recommender:
    """The recommender as that variant, which shares with it what is equal.

    rules: those of the shop, with the members of segments.  engine: what the variant made of the same one before.
    """
    if parts.placements not in (None, recommender.placements):
        recommender = replace(recommender, placements=parts.placements)
    if parts.blend:
        recommender = replace(recommender, engine=engine or _blended(recommender.engine, parts.blend))
    rules = rules if parts.rules is None else parts.rules.with_members(rules.members)
    return recommender if rules is recommender.rules else recommender.with_rules(rules)


def check_blend(variant: Variant, engine: Engine) -> None:
    """Raises BadInput for models that the release does not hold, and where no model has a weight."""
    unknown = sorted(variant.blend.keys() - engine.models.keys())
    if unknown:
        known = ", ".join(sorted(engine.models))
        raise BadInput(f"blend: the release holds no model {unknown[0]!r}; it holds {known}")
    if variant.blend and not any(variant.blend.values()):
        raise BadInput("blend: every weight is 0; give one model a weight above 0")


def _blended(engine: Engine, blend: Mapping[str, float]) -> Engine:
    """The engine with those weights, and a cache of its own: cached lists are those of the models of a blend."""
    weights = {name: weight for name, weight in blend.items() if name in engine.models}
    active = tuple(name for name, weight in weights.items() if weight > 0)
    return replace(engine, blend=weights, candidate_cache=engine.candidate_cache.for_blend(active))
