"""Live release: immutable, replaced as a whole when a new one is published; each request reads it once."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.entities import Item
from recsys.data.lineage import NOT_COVERED
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import Rules
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class LiveRelease:
    """A recommender and the catalogue revision it knows.

    log_id: the identity of the log it is served with.  log_seq: up to where it knows that log, -1 when it was learnt
    from another one.  state: names everything that an answer depends on but the rules.  edges_ms: the moments at which
    an item becomes or ceases to be available.
    """

    recommender: Recommender
    version: str
    log_id: str
    log_seq: int
    made_at_ms: int
    item_revision: int
    state: str
    edges_ms: Sequence[int]

    @classmethod
    def build(cls, recommender: Recommender, log_id: str, log_seq: int, item_revision: int) -> "LiveRelease":
        manifest = recommender.bundle.manifest
        return cls(
            recommender,
            manifest.version,
            log_id,
            log_seq,
            manifest.made_at_ms,
            item_revision,
            f"{log_id}/{manifest.version}/{recommender.digest}/{item_revision}",
            _edges(recommender.catalogue),
        )

    def with_items(self, changed: Sequence[Item], item_revision: int) -> "LiveRelease":
        """The same release after those items changed."""
        if not changed:
            return replace(self, item_revision=item_revision)
        catalogue = self.recommender.catalogue.with_changes(changed)
        return LiveRelease.build(self.recommender.with_catalogue(catalogue), self.log_id, self.log_seq, item_revision)

    def with_log(self, log_id: str) -> "LiveRelease":
        """The same release with another log, of which it knows nothing."""
        state = f"{log_id}/{self.state.partition('/')[2]}"
        return replace(self, log_id=log_id, log_seq=NOT_COVERED.seq, state=state)

    def with_rules(self, rules: Rules) -> "LiveRelease":
        """The same release and catalogue under other rules."""
        return replace(self, recommender=self.recommender.with_rules(rules))

    def state_at(self, now_ms: int, ttl_ms: int) -> tuple[str, int]:
        """What names everything that an answer at that moment depends on, and the start of the span around it.

        Within a span, which lasts `ttl_ms` at most, no date changes an answer: its answers may be shared.
        """
        rules, start = self.recommender.rules, now_ms - now_ms % ttl_ms
        state = f"{self.state}/{rules.state_at(now_ms)}" if rules else self.state
        passed = bisect_right(self.edges_ms, now_ms)
        return state, max(start, self.edges_ms[passed - 1]) if passed else start


def _edges(catalogue: Catalogue) -> Sequence[int]:
    dates = np.concatenate((catalogue.opens, catalogue.closes))
    dates = np.unique(dates[np.isfinite(dates)])
    return array("q", np.ceil(np.round(dates * DAY_MS, 3)).astype(np.int64).tolist())
