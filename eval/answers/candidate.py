"""Replay of logged answers: the chances of each place under the release and rules of then, and under a candidate."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from eval.answers.rewards import ShownList
from recsys.arrays import Doubles, Ints
from recsys.bundle import open_release
from recsys.bundle.signature import read_trusted_keys
from recsys.data.store.base import Store
from recsys.data.store.consent import known_user
from recsys.errors import BadBundle, NoBundle
from recsys.ranking.placements import Placements
from recsys.ranking.query import ListOptions, Query
from recsys.ranking.recommender import Recommender, build_recommender, with_segment_members
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.repository import RuleRepository

TOLERANCE = 0.02  # of a probability: a catalogue changes by some items without changing the list
EXPLORED = ListOptions(seed=0)

Chances = list[tuple[Ints, Doubles]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is tried: rules, or placements of another settings file; None is what the log was made with."""

    rules: Rules | None = None
    placements: Placements | None = None

    def applied_to(self, recommender: Recommender) -> Recommender:
        """The recommender under these rules and placements."""
        if self.placements is not None:
            recommender = replace(recommender, placements=self.placements)
        return recommender if self.rules is None else recommender.with_rules(self.rules)


@dataclass(frozen=True, slots=True)
class ReplayedAnswer:
    """A logged answer with the chances of each place in the log and under the candidate, and its items by position."""

    shown: ShownList
    items: Ints
    logged: Chances
    candidate: Chances


@dataclass(slots=True)
class Replay:
    """Replays answers of one placement, release by release.  lost: how many are left out, by reason."""

    store: Store
    home: Path
    file: Path | None
    repository: RuleRepository
    lost: dict[str, int] = field(default_factory=dict)
    _versions: list[tuple[int, Rules]] | None = None

    def replayed(
        self,
        lists: Sequence[ShownList],
        placement: str,
        candidate: Candidate,
        on_answer: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[ReplayedAnswer]:
        """The answers whose probabilities the replay gives again."""
        kept, done = list[ReplayedAnswer](), 0
        for version in sorted({each.model_version for each in lists}):
            own = [each for each in lists if each.model_version == version]
            recommender = self._recommender(version)
            for shown in own:
                done += 1
                on_answer(done, len(lists))
                answer = None if recommender is None else self._replayed(shown, recommender, placement, candidate)
                if recommender is None:
                    self._lose("the release that made them was deleted")
                elif answer is None:
                    self._lose(
                        "the replay does not give their probabilities: a filter, session, experiment or option unknown"
                    )
                else:
                    kept.append(answer)
        return kept

    def _lose(self, reason: str) -> None:
        self.lost[reason] = self.lost.get(reason, 0) + 1

    def _recommender(self, version: str) -> Recommender | None:
        try:
            bundle = open_release(self.home / "bundles", version, trusted=read_trusted_keys(self.home))
        except (BadBundle, NoBundle):
            return None
        mark = self.store.watermark(bundle.manifest)
        return build_recommender(bundle, self.store.items_since(mark.revision), self.file)

    def _replayed(
        self, shown: ShownList, recommender: Recommender, placement: str, candidate: Candidate
    ) -> ReplayedAnswer | None:
        items = recommender.catalogue.positions(shown.item_ids)
        if len(items) < len(shown.item_ids):
            return None
        query = self._query(shown, recommender, placement)
        then = self._with_members(recommender.with_rules(self._rules_at(shown.at_ms)))
        logged = then.draw_chances(query, items.tolist())
        if not _is_same(logged, items, shown.probability):
            return None
        tried = self._with_members(candidate.applied_to(then))
        return ReplayedAnswer(shown, items, logged, tried.draw_chances(query, items.tolist()))

    def _query(self, shown: ShownList, recommender: Recommender, placement: str) -> Query:
        """The query as far as the log keeps it: with the customer's events until then, and no later ones."""
        known = known_user(self.store, shown.user_id, self.store.watermark(recommender.bundle.manifest).seq)
        recent = [event for event in known.recent if event.at_ms < shown.at_ms]
        k = len(shown.item_ids)
        return Query(shown.at_ms, placement, k, known.user_id, recent, attributes=known.attributes, options=EXPLORED)

    def _with_members(self, recommender: Recommender) -> Recommender:
        if not recommender.rules.saved_segments:
            return recommender
        seq = self.store.watermark(recommender.bundle.manifest).seq
        return with_segment_members(recommender, self.store, seq, self.home, self.file)

    def _rules_at(self, at_ms: int) -> Rules:
        """The rules in service at that moment, as the versions say."""
        if self._versions is None:
            self._versions = [
                (version.at_ms, self.repository.parse(self.repository.version_text(version.number)))
                for version in self.repository.versions()
            ]
        before = bisect_right([at for at, _ in self._versions], at_ms)
        return self._versions[before - 1][1] if before else NO_RULES


def _is_same(chances: Chances, items: Ints, logged: Doubles) -> bool:
    own = np.array([chance_of(*each, item) for each, item in zip(chances, items.tolist(), strict=True)])
    return bool((np.abs(own / logged - 1) <= TOLERANCE).all())


def chance_of(items: Ints, chances: Doubles, item: int) -> float:
    """The probability of one item, 0 where it cannot be drawn."""
    return float(chances[items == item].sum())
