"""Incumbent configuration: the champion's models, settings, mix and curves, for data whose new ones may be worse."""

from dataclasses import replace

from eval.protocol import BEST_SELLERS, OWN_FREQUENCY
from recsys.bundle import Bundle
from recsys.errors import BadSettings, UnknownModel
from recsys.gate.verdict import GateVerdict
from recsys.learning.recipe import Recipe, recipe_of
from recsys.ranking.recommender import Recommender
from training.gate.comparison import GateInput

BY_CHOICE = {"champion", "new things", "groups", BEST_SELLERS, OWN_FREQUENCY, "coverage", "top item", "answer time"}


def incumbent_recipe(data: GateInput, verdict: GateVerdict) -> Recipe | None:
    """What learns the same data with the choices of the champion; None where something else was in the way.

    That is data or files that look wrong, settings that a person changed, or a champion that cannot learn again.
    """
    failed = {check.name for check in verdict.checks if check.result == "failed"}
    if verdict.may_go_live or data.champion is None or not failed <= BY_CHOICE:
        return None
    champion = data.champion.bundle
    if champion.manifest.given != data.challenger.manifest.given:
        return None
    try:
        return replace(recipe_of(champion, data.recipe), precomputes=True)
    except (BadSettings, UnknownModel):
        return None


def has_choices_of(challenger: Bundle, champion: Recommender | None) -> bool:
    """Whether the challenger was learnt with the choices of the champion."""
    return champion is not None and challenger.manifest.blend.get("choices_of") == champion.bundle.manifest.version
