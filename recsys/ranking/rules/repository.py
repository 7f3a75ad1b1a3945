"""Rule repository: the file of rules, its versions, and the placements and segments that rules may name."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from recsys.config import RulesSettings
from recsys.errors import BadRules, RulesChanged
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.parser import parse_rules
from recsys.ranking.segments.repository import SegmentRepository, open_segment_repository
from recsys.versioned_toml.repository import VersionedRepository

HISTORY = "rules"  # folder in the home


@dataclass(frozen=True, slots=True)
class RuleRepository(VersionedRepository[Rules]):
    """The rule file, the folder of its versions, and the placements and segments that rules may name."""

    placements: frozenset[str]
    segments: SegmentRepository
    noun: ClassVar[str] = "rules"
    refusal: ClassVar[type[BadRules]] = BadRules
    conflict: ClassVar[type[RulesChanged]] = RulesChanged

    def parse(self, text: str) -> Rules:
        """Raises BadRules."""
        return parse_rules(text, self.placements, self.segments.names())

    def empty(self) -> Rules:
        return NO_RULES

    def used_segments(self) -> dict[str, str]:
        """The id of a rule that names it, by saved segment."""
        rules = self.last_valid().rules
        return {rule.saved_segment: rule.id for rule in rules if rule.saved_segment is not None}


def open_rule_repository(home: Path, file: Path | None) -> RuleRepository:
    """The rule repository of a home, by the settings file.  Raises BadSettings."""
    placements: Collection[str] = load_placements(file, frozenset(SOURCES))
    return RuleRepository(
        home / RulesSettings.load(file).file,
        home / HISTORY,
        frozenset(placements),
        open_segment_repository(home, file),
    )
