"""Members of a group whose figures are wanted: a stage, an RFM group or an ABC class, as of a moment."""

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
from recsys.errors import BadInput

KINDS = ("stage", "rfm", "abc")


def members_at(log: KpiLog, plan: CustomerPlan, segment: str, at_ms: int) -> Bools:
    """Who was in that group at the moment, by what was known then.  (U,)

    segment: a kind and a name, such as `stage:loyal`, `rfm:champions` or `abc:A`.  Raises BadInput with the nearest
    name.
    """
    kind, _, name = segment.partition(":")
    if kind not in KINDS:
        raise BadInput(f"segment {segment!r}: write stage:loyal, rfm:champions or abc:A; {spelling_hint(kind, KINDS)}")
    names = {"stage": stage_names(), "rfm": build_grouping(plan.groups).names, "abc": tuple(ABC_LETTERS)}[kind]
    if name not in names:
        raise BadInput(f"segment {segment!r}: no {kind} has that name; {spelling_hint(name, names)}")
    place = names.index(name)
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
