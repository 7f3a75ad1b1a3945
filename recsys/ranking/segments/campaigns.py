"""Members of campaigns as a condition on customers: treated, control or both, as they were drawn."""

import numpy as np

from recsys.arrays import Bools
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.ranking.segments.expression import CampaignCondition
from recsys.ranking.segments.population import SegmentPopulation


def campaign_members(population: SegmentPopulation, condition: CampaignCondition) -> Bools:
    """The customers in one of the campaigns; nobody before its draw.  (N,)  Raises BadInput for one that is not."""
    if population.store is None:
        raise BadInput("in_campaign: the campaigns of the shop are not known here; leave the condition out")
    for name in condition.names:
        if population.store.campaign(name) is None:
            raise BadInput(f"in_campaign: no campaign {name!r:.70}; `recsys campaign list` lists them")
    find = _of_all if population.is_whole else _of_each
    members = find(population.store, condition, population)
    return np.fromiter((user_id in members for user_id in population.user_ids), bool, len(population))


def _of_all(store: Store, condition: CampaignCondition, _population: SegmentPopulation) -> set[str]:
    return {
        member.user_id
        for name in condition.names
        for page in store.member_pages(name)
        for member in page
        if condition.arm in (None, member.arm)
    }


def _of_each(store: Store, condition: CampaignCondition, population: SegmentPopulation) -> set[str]:
    """The same by a look at each customer: of a few, that is less than all members."""
    return {
        user_id
        for user_id in population.user_ids
        for membership in store.memberships(user_id)
        if membership.campaign_id in condition.names and condition.arm in (None, membership.arm)
    }
