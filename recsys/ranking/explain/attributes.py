"""Attributes effect: whether the attributes of a customer without a history shaped the list, and in words."""

from collections.abc import Sequence

from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.context.context import QueryContext
from recsys.ranking.query import AttributesEffect

BY_ATTRIBUTES = "segment_popular"  # the candidate source
NOT_KNOWN = "Too few known customers share the attributes of this one: best-sellers stand instead."
NO_EFFECT = "The attributes tell nothing: in training, lists by attributes were no better than best-sellers."


def attributes_effect(context: QueryContext, scored: Sequence[ScoredItem]) -> AttributesEffect | None:
    """None without attributes, where the history or the session says more, and where the placement reads none."""
    if not context.query.attributes or context.level != "popular":
        return None
    if any(candidate.source == BY_ATTRIBUTES for candidate in scored):
        return "used"
    if not len(context.user_features):
        return "unknown"
    model = context.engine.segments
    return "no_effect" if model is None or not len(model.items) else None


def attributes_sentences(context: QueryContext, scored: Sequence[ScoredItem]) -> list[str | None]:
    """What the attributes did for each item, for an explanation; None where they were not read."""
    effect, model = attributes_effect(context, scored), context.engine.segments
    if effect is None or model is None:
        return [NOT_KNOWN if effect is not None else None] * len(scored)
    if effect != "used":
        return [NOT_KNOWN if effect == "unknown" else NO_EFFECT] * len(scored)
    words = ", ".join(model.vocabulary.words[feature] for feature in context.user_features.tolist())
    used = f"By the attributes of the customer: {words}."
    return [used if candidate.source == BY_ATTRIBUTES else None for candidate in scored]
