"""Saved segments in a backtest: who was in them at the cut, worked out from the records before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eval.backtest.records import Records
from eval.backtest.segments import SegmentLabels
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.table import CustomerPlan, build_customer_table, read_customer_log
from recsys.data.entities import User
from recsys.errors import BadInput
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.parser import SEGMENT_PREFIX
from recsys.ranking.segments.population import population_of

IN, OUT = "in it", "not in it"


def saved_segment_labels(
    name: str, saved: SavedSegments, recommender: Recommender, past: Records, plan: CustomerPlan
) -> Mapping[str, str]:
    """IN or OUT by user_id, as of the cut.  past: the records before it; attributes are those of now.

    Raises UnknownSegment; BadInput for a condition on a prediction, which is not known as of a cut.
    """
    where, snapshot = saved.condition(name), past.snapshot
    users, now_ms = recommender.engine.users, int(snapshot.events["at_ms"].max()) + 1  # type: ignore[arg-type]
    costs = {item.item_id: item.cost for item in snapshot.items if item.cost is not None}
    log = read_customer_log(snapshot.events, users, costs, now_ms, snapshot.recommendations)
    table = build_customer_table(log, users, recommender.catalogue, plan)
    records: Mapping[str, User] = {user.user_id: user for user in past.users}
    engine = replace(recommender.engine, customers=table, customer_scores=CustomerScores())
    people = population_of(engine, recommender.catalogue, records)
    try:
        mask = members(where, people, saved.conditions())
    except BadInput as error:
        raise BadInput(f"--segment segment:{name}: {error}; predictions are not known as of a cut") from None
    return {user_id: IN if is_in else OUT for user_id, is_in in zip(people.user_ids, mask.tolist(), strict=True)}


def saved_segment_name(chosen: str | None, saved: SavedSegments) -> str | None:
    """The name in `segment:NAME`, None for an attribute.  Raises UnknownSegment."""
    if chosen is None or not chosen.startswith(SEGMENT_PREFIX):
        return None
    name = chosen.removeprefix(SEGMENT_PREFIX)
    saved.condition(name)
    return name


@dataclass(frozen=True, slots=True)
class SavedGroups:
    """The saved segment that splits customers, None for none of them."""

    name: str | None
    saved: SavedSegments

    def labels(
        self, recommender: Recommender, past: Records, user_ids: Sequence[str], plan: CustomerPlan
    ) -> dict[str, SegmentLabels]:
        """The label of each customer at the cut, by property; None for one who was not known then."""
        if self.name is None:
            return {}
        labels = saved_segment_labels(self.name, self.saved, recommender, past, plan)
        return {f"segment {self.name}": [labels.get(user_id) for user_id in user_ids]}
