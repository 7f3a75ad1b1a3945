"""Members of a group whose figures are wanted: a stage, RFM group, ABC class or saved segment, as of a moment."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools
from recsys.config import spelling_hint
from recsys.customers.groups import build_grouping
from recsys.customers.kpis.log import KpiLog
from recsys.customers.people import stage_names
from recsys.customers.rhythm import rhythm_at
from recsys.customers.scores import ABC_LETTERS, abc_classes, rfm_scores
from recsys.customers.stages import stages_at
from recsys.customers.table import CustomerPlan
from recsys.data.ids import MISSING
from recsys.errors import BadInput

KINDS = ("stage", "rfm", "abc")


@dataclass(frozen=True, slots=True)
class KpiGroup:
    """The customers of a report: a name, who they are (U,), and as of which moment."""

    name: str
    members: Bools
    members_as_of_ms: int


def saved_group(log: KpiLog, name: str, user_ids: Collection[str], at_ms: int) -> KpiGroup:
    """A group of given customers; those whom the log does not count are left out."""
    members = np.zeros(log.n_customers, bool)
    positions = log.users.positions(list(user_ids))
    members[positions[positions != MISSING]] = True
    return KpiGroup(name, members, at_ms)


def is_built_in(segment: str) -> bool:
    """Whether the text names a stage, an RFM group or an ABC class."""
    return segment.partition(":")[0] in KINDS


def check_built_in(plan: CustomerPlan, segment: str) -> None:
    """Raises BadInput with the nearest name where no stage, group or class is called so."""
    kind, _, name = segment.partition(":")
    if name not in (names := _names(plan, kind)):
        raise BadInput(f"segment {segment!r}: no {kind} has that name; {spelling_hint(name, names)}")


def _names(plan: CustomerPlan, kind: str) -> tuple[str, ...]:
    return {"stage": stage_names(), "rfm": build_grouping(plan.groups).names, "abc": tuple(ABC_LETTERS)}[kind]


def built_in_group(log: KpiLog, plan: CustomerPlan, segment: str, at_ms: int) -> KpiGroup:
    """Who was in that group at the moment, by what was known then.

    segment: a kind and a name, such as `stage:loyal`, `rfm:champions` or `abc:A`.  Raises BadInput with the nearest
    name.
    """
    return KpiGroup(segment, _members_at(log, plan, segment, at_ms), at_ms)


def _members_at(log: KpiLog, plan: CustomerPlan, segment: str, at_ms: int) -> Bools:
    check_built_in(plan, segment)
    kind, _, name = segment.partition(":")
    place = _names(plan, kind).index(name)
    if kind == "stage":
        in_stage: Bools = stages_at(log.orders, at_ms, plan.rule).stage == place
        return in_stage
    rhythm = rhythm_at(log.orders, at_ms)
    if kind == "rfm":
        scores = rfm_scores(rhythm, np.ones(log.n_customers, bool))
        in_group: Bools = build_grouping(plan.groups).of_scores(scores) == place
        return in_group
    mask = np.zeros(log.n_customers, bool)
    mask[rhythm.has_bought] = abc_classes(rhythm.money[rhythm.has_bought]) == place
    return mask
