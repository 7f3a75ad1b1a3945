"""Advocacy of customers: since when each recommends the shop, by referrals and NPS answers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from recsys.arrays import Longs
from recsys.customers.stages import NEVER
from recsys.data.facts import Fact, FactKind
from recsys.data.ids import MISSING, IdMap

PROMOTER = 9  # the least NPS answer of a promoter


def advocated_ms(facts: Iterable[Fact], as_of_ms: int) -> int:
    """Since when the customer recommends the shop, from their facts before that moment; NEVER without a sign of it.

    facts: of one customer, by time, see `FactStore.recommendation_facts`.  Signs are the first referral, and the first
    of the NPS answers of PROMOTER or more that no lower one followed.
    """
    referred, promoted = NEVER, NEVER
    for fact in facts:
        if fact.at_ms >= as_of_ms:
            break
        if fact.kind == FactKind.REFERRAL:
            referred = fact.at_ms if referred == NEVER else referred
        elif fact.value is not None and fact.value >= PROMOTER:
            promoted = fact.at_ms if promoted == NEVER else promoted
        else:
            promoted = NEVER
    return min((sign for sign in (referred, promoted) if sign != NEVER), default=NEVER)


def advocates(facts: Sequence[Fact], users: IdMap, as_of_ms: int) -> Longs:
    """The same for all customers, from the facts of all.  (U,)"""
    own: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        own[fact.user_id].append(fact)
    signs = np.full(len(users), NEVER)
    ids = list(own)
    for user_id, user in zip(ids, users.positions(ids).tolist(), strict=True):
        if user != MISSING:
            signs[user] = advocated_ms(own[user_id], as_of_ms)
    return signs
