"""Records of a shop, read once: the log, the catalogue, and the attributes and visits that segments need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from eval.splits.time_split import TimeSplit
from recsys.arrays import Ints
from recsys.config import spelling_hint
from recsys.data.dataset.snapshot import Snapshot, read_snapshot
from recsys.data.entities import User
from recsys.data.ids import IdMap
from recsys.data.store.base import Store
from recsys.errors import BadInput

FEWEST_VALUES, MOST_VALUES = 2, 20  # an attribute with more values makes groups of too few customers
_VISITS = {"user_id": pl.String, "at_ms": pl.Int64, "channel": pl.String}


@dataclass(frozen=True, slots=True)
class Records:
    """The snapshot that training reads, the customers, and visits: user_id, at_ms and channel of each event.

    `visits` is empty where no event names a channel or store.  Attributes are the current ones: shops keep no old ones.
    """

    snapshot: Snapshot
    users: Sequence[User] = ()
    visits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_VISITS))

    def before(self, split: TimeSplit) -> "Records":
        """The records at that cut."""
        visits = self.visits.filter(pl.col("at_ms") < split.cut_ms)
        return replace(self, snapshot=replace(self.snapshot, events=split.past), visits=visits)


def read_records(store: Store) -> Records:
    """Everything up to now.  Raises NotEnoughData when the log is empty."""
    snapshot = read_snapshot(store)
    frames = store.scan(until_seq=snapshot.log_seq)
    parts = [frame.select(list(_VISITS)).filter(pl.col("channel").is_not_null()) for frame in frames]
    return Records(snapshot, list(store.users()), pl.concat(parts) if parts else pl.DataFrame(schema=_VISITS))


def segment_attribute(users: Sequence[User], chosen: str | None) -> str | None:
    """The attribute that defines segments: the chosen one, else the one most customers have; None if none fits.

    Raises BadInput for a chosen one that no customer has.
    """
    if chosen is not None:
        known = {name for user in users for name in user.attributes}
        if not attribute_labels(users, chosen):
            raise BadInput(f"no customer has an attribute {chosen!r}; {spelling_hint(chosen, known)}")
        return chosen
    values: dict[str, list[str]] = {}
    for user in users:
        for name, value in user.attributes.items():
            if isinstance(value, str | bool) and value != "":
                values.setdefault(name, []).append(str(value))
    fit = {name: each for name, each in values.items() if FEWEST_VALUES <= len(set(each)) <= MOST_VALUES}
    return min(fit, key=lambda name: (-len(fit[name]), name), default=None)


def attribute_labels(users: Sequence[User], attribute: str) -> Mapping[str, str]:
    """The value of that attribute by user_id, for the customers who have one."""
    return {
        user.user_id: str(value)
        for user in users
        if isinstance(value := user.attributes.get(attribute), str | bool | float) and value != ""
    }


def label_codes(users: IdMap, labels: Mapping[str, str]) -> Ints:
    """A code from 1 per label of each of U customers, in order of the labels, 0 where there is none.  (U,)"""
    code = {label: at for at, label in enumerate(sorted(set(labels.values())), start=1)}
    return np.array([code.get(labels.get(user_id, ""), 0) for user_id in users.texts.all()], np.int32)
