"""Later wishes of customers: what a replaced log knows of erasures and consents that a restored backup does not.

A backup is older than the log it replaces.  Whoever was erased in between, or took back consent, stays so.
"""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from recsys.data.entities import User, UserChange
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.privacy.erasure import erase_user_data

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class CarriedWishes:
    """How many customers were erased anew, how many consents were taken over, and receipts of erasures.

    is_same_shop: False if the digests of both logs cannot be compared; then nothing is known of erasures.
    """

    erased: int = 0
    consents: int = 0
    receipts: int = 0
    is_same_shop: bool = True


def carry_wishes(replaced: Store, restored: Store, home: Path) -> CarriedWishes:
    """Erases from the restored log and its home who was erased since the backup, and takes over newer consents.

    Erasures that the replaced log did not finish are finished here.  Raises LogUnavailable.
    """
    consents = _carry_consents(replaced, restored)
    if replaced.digest("") != restored.digest(""):
        return CarriedWishes(consents=consents, is_same_shop=False)
    before = restored.erased_times()
    times = {digest: at_ms for digest, at_ms in replaced.erased_times().items() if before.get(digest) != at_ms}
    for change in [*replaced.unfinished_changes(), *restored.unfinished_changes()]:
        if change.receipt.kind == "erasure":
            erase_user_data(restored, home, change.user_ids[0])
    for user_id in [user_id for user_id in restored.known_ids() if restored.digest(user_id).hex() in times]:
        erase_user_data(restored, home, user_id)
    restored.note_erased(times)
    return CarriedWishes(len(times), consents, _carry_receipts(replaced, restored))


def _carry_consents(replaced: Store, restored: Store) -> int:
    """Gives each customer the consents that the replaced log knows; returns of how many they changed."""
    n_changed = 0
    users = replaced.users()
    while batch := list(islice(users, BATCH)):
        changes = [change for user in batch if (change := _consent_change(user, restored.user(user.user_id)))]
        restored.add_facts([fact for change in changes for fact in _statements(replaced, change.user_id)])
        restored.change_users(changes)
        n_changed += len(changes)
    return n_changed


def _statements(replaced: Store, user_id: str) -> list[Fact]:
    """The answers of the customer with their dates and sources."""
    return [fact for page in replaced.fact_pages(user_id) for fact in page if fact.kind == FactKind.CONSENT]


def _consent_change(user: User, before: User | None) -> UserChange | None:
    known = before.consent if before is not None else {}
    if user.consent == known:
        return None
    return UserChange(user.user_id, consent={**dict.fromkeys(known), **user.consent})


def _carry_receipts(replaced: Store, restored: Store) -> int:
    """Stores the receipts of younger erasures, at the place that they have in the restored log."""
    head = restored.lineage().head
    known = {receipt.receipt_id for receipt in restored.receipts()}
    erasures = (receipt for receipt in replaced.receipts() if receipt.kind == "erasure")
    younger = [receipt for receipt in erasures if receipt.receipt_id not in known]
    for receipt in younger:
        restored.put_receipt(replace(receipt, seq=head.seq, log_id=head.log_id))
    return len(younger)
