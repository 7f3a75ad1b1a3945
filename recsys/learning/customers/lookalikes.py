"""Look-alikes learnt: a logistic model that tells the members of a list from the others, with its held-out AUC."""

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles
from recsys.customers.prediction.lookalikes import MIN_MEMBERS, Lookalikes, most_alike
from recsys.errors import BadInput
from recsys.learning.customers.logistic import fit_logistic
from recsys.learning.customers.paired_auc import auc

HELD_OUT = 0.3  # of the members and of the others
MOST_OTHERS = 100_000


def find_lookalikes(features: Doubles, is_member: Bools, rng: Generator, *, limit: int) -> Lookalikes:
    """The customers who are most like the members.  features (U, F): NaN rows are left out.  is_member (U,)

    Raises BadInput below MIN_MEMBERS members with an order, and where everybody is a member.
    """
    known = ~np.isnan(features).any(axis=1)
    members, others = np.flatnonzero(is_member & known), np.flatnonzero(~is_member & known)
    if len(members) < MIN_MEMBERS:
        raise BadInput(
            f"{len(members)} customers of the list have an order; look-alikes need {MIN_MEMBERS} or more: fewer say "
            "more about single persons than about a kind of customer"
        )
    if not len(others):
        raise BadInput("every customer with an order is in the list, so nobody is left to look like it")
    if len(others) > MOST_OTHERS:
        others = rng.choice(others, MOST_OTHERS, replace=False)
    rows = rng.permutation(np.concatenate((members, others)))
    cut = round(HELD_OUT * len(rows))
    tested = fit_logistic(features[rows[cut:]], is_member[rows[cut:]])
    held_out = auc(is_member[rows[:cut]], tested.probability(features[rows[:cut]]))
    model = fit_logistic(features[rows], is_member[rows])
    return Lookalikes(*most_alike(model, features, is_member, limit), held_out)
