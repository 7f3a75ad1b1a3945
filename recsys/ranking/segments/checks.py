"""Segment checks: names that only a release and its log know, and segments that rules need."""

from collections.abc import Mapping

from recsys.errors import BadSegments, DocumentFault
from recsys.ranking.segments.document import SavedSegments, faults_of
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.population import SegmentPopulation
from recsys.versioned_toml.document import faults_text


def check_names(saved: SavedSegments, text: str, population: SegmentPopulation) -> None:
    """Raises BadSegments for attributes, items, categories and predictions that there are not, each with its line."""
    conditions = saved.conditions()
    faults = faults_of(saved, text, lambda segment: members(segment.where, population, conditions))
    if faults:
        raise BadSegments(faults_text(faults), faults)


def check_uses(saved: SavedSegments, rule_by_segment: Mapping[str, str], noun: str = "rule") -> None:
    """Raises BadSegments where rules name a segment that is gone.  rule_by_segment: id of a rule, by segment.

    noun: what names them, such as a promotion.
    """
    faults = [
        DocumentFault(None, name, "", f"the {noun} {rule_id!r} is meant for it; change the {noun} first")
        for name, rule_id in rule_by_segment.items()
        if name not in saved.names()
    ]
    if faults:
        raise BadSegments(faults_text(faults), faults)
