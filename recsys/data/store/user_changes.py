"""Changes of customers, the same steps in every database: consent, merge and erasure inside one transaction."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from recsys.data.entities import User, UserChange
from recsys.data.events import Correction, Event
from recsys.data.store.identity import DISCARDED, Receipt
from recsys.data.store.user_tables import UserTables
from recsys.data.store.validation import user_document
from recsys.errors import BadInput

DigestFunction = Callable[[str], bytes]


def put_users(tables: UserTables, users: Sequence[User], digest: DigestFunction) -> None:
    """See `UserStore.put_users`."""
    documents = {user.user_id: (user, user_document(user)) for user in users}
    owner_ids = tables.owner_ids(documents)
    own = {key: pair for key, pair in documents.items() if owner_ids.get(key, DISCARDED) == DISCARDED}
    tables.put_documents({user_id: document for user_id, (_, document) in own.items()})
    for user_id, (user, _) in own.items():
        if user.is_personal and user_id in owner_ids:
            tables.delete_owner(user_id)
        elif not user.is_personal and user_id not in owner_ids:
            tables.add_tombstone(digest(user_id), "withdrawn")
            tables.delete_events(user_id)
            tables.set_owner(user_id, DISCARDED)


def change_users(tables: UserTables, changes: Sequence[UserChange], digest: DigestFunction) -> list[User]:
    """See `UserStore.change_users`."""
    known: dict[str, User] = {}
    after = []
    for change in changes:
        owner_id = tables.owner_id(change.user_id) or change.user_id
        before = known.get(owner_id) or tables.user(owner_id) or User(owner_id)
        known[owner_id] = change.apply_to(before)
        after.append(known[owner_id])
    put_users(tables, after, digest)
    return after


def erase_user(tables: UserTables, user_id: str, digest: DigestFunction) -> Receipt:
    """See `IdentityStore.erase_user`."""
    owner_id = tables.owner_id(user_id) or user_id
    merged = tables.merged_ids(owner_id)
    n_events = n_users = seq = at_ms = 0
    for erased in (*merged, owner_id):
        seq, at_ms = tables.add_tombstone(digest(erased), "erased")
        n_events += tables.delete_events(erased)
        n_users += tables.delete_user(erased)
        tables.delete_owner(erased)
    counts = {"events": n_events, "records": n_users, "ids": len(merged) + 1}
    receipt = Receipt(secrets.token_hex(8), "erasure", digest(owner_id).hex(), at_ms, seq, counts)
    tables.put_receipt(receipt)
    return receipt


def merge_users(tables: UserTables, from_id: str, into_id: str, digest: DigestFunction) -> Receipt | None:
    """See `IdentityStore.merge_users`."""
    owner_id = tables.owner_id(into_id) or into_id
    before = tables.owner_id(from_id) or from_id
    if before == owner_id:
        return None
    if before != from_id:
        raise BadInput(
            f"from {from_id!r:.80} was merged into another customer; give a visitor a new id after a log-out"
        )
    seq, at_ms = tables.add_tombstone(digest(from_id), "merged")
    if tables.owner_id(owner_id) == DISCARDED:
        n_moved, n_dropped = 0, tables.delete_events(from_id)
    else:
        n_moved, n_dropped = tables.move_events(from_id, owner_id), 0
    tables.replace_owner(from_id, owner_id)
    tables.set_owner(from_id, owner_id)
    _merge_records(tables, from_id, owner_id)
    counts = {"events": n_moved, "not_kept": n_dropped}
    receipt = Receipt(secrets.token_hex(8), "merge", digest(from_id).hex(), at_ms, seq, counts, digest(owner_id).hex())
    tables.put_receipt(receipt)
    return receipt


def _merge_records(tables: UserTables, from_id: str, owner_id: str) -> None:
    """The owner takes over attributes that it does not have itself, but never consent."""
    visitor, owner = tables.user(from_id), tables.user(owner_id) or User(owner_id)
    tables.delete_user(from_id)
    if visitor is not None:
        merged = replace(owner, attributes={**visitor.attributes, **owner.attributes})
        tables.put_documents({owner_id: user_document(merged)})


def correct_events(tables: UserTables, corrections: Sequence[Correction]) -> list[bool | None]:
    """The work of `EventLog.correct`."""
    new_ids = {event.event_id for old_id, event in corrections if event.event_id != old_id}
    stored = tables.stored_events({*new_ids, *(old_id for old_id, _ in corrections)})
    owner_id_by_user = tables.event_owner_ids(event.user_id for _, event in corrections)
    results, changes = list[bool | None](), list[tuple[int, Event, Event]]()
    for old_id, event in corrections:
        owner_id = owner_id_by_user.get(event.user_id, event.user_id)
        if old_id not in stored or owner_id == DISCARDED:
            results.append(None)
            continue
        seq, before = stored[old_id]
        after = event._replace(user_id=owner_id, request_id=before.request_id)
        is_taken = after.event_id != old_id and after.event_id in stored
        results.append(after != before and not is_taken)
        if results[-1]:
            changes.append((seq, before, after))
            del stored[old_id]
            stored[after.event_id] = seq, after
    tables.replace_events(changes)
    return results
