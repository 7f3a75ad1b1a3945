"""Facts of customers as they are taken in: who refuses personalisation by one of them leaves no logged answer."""

from collections.abc import Sequence
from pathlib import Path

from recsys.data.answer_log.answer_log import erase_from_answer_log
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.identity import AppendResult
from recsys.privacy.erasure import all_ids


def add_facts(store: Store, home: Path, facts: Sequence[Fact]) -> list[AppendResult]:
    """See `FactStore.add_facts`."""
    results = store.add_facts(facts)
    refusing = {fact.user_id for fact in facts if fact.kind == FactKind.CONSENT and fact.ref == "personalisation"}
    for user_id in refusing:
        user = store.user(store.identity(user_id).owner_id)
        if user is not None and not user.is_personal:
            for any_id in all_ids(store, user_id):
                erase_from_answer_log(home, any_id)
    return results
