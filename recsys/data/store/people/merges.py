"""Merges of a visitor into a customer, and their undoing, inside one transaction: begun, gone on with, and ended."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from recsys.data.entities import Attribute, User, consent_key
from recsys.data.store.identity import DISCARDED, Receipt, UnfinishedChange
from recsys.data.store.people.user_tables import PIECE_ROWS, UserTables
from recsys.data.store.serialization import user_document
from recsys.errors import BadInput

_PUT = """
INSERT INTO merges VALUES($1, $2, $3)
ON CONFLICT (from_id) DO UPDATE SET into_id = excluded.into_id, document = excluded.document
"""


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """What a merge changed beside events and facts, so that it can be taken back.

    visitor: attributes and consent of their record, None without one.  taken: the attributes that the customer took
    over.  had_record: whether the customer had one.  merged_ids: that were merged into the visitor before.
    """

    visitor: dict[str, Any] | None
    taken: dict[str, Attribute]
    had_record: bool
    merged_ids: Sequence[str]


def begin_merge(tables: UserTables, from_id: str, into_id: str) -> UnfinishedChange | None:
    """From now on new events of from_id belong to the owner of into_id.

    None when they were one customer already; the merge of from_id when it did not end.
    """
    owner_id = tables.owner_id(into_id) or into_id
    before = tables.owner_id(from_id) or from_id
    if before == owner_id:
        merges = (change for change in tables.unfinished() if change.receipt.kind == "merge")
        return next((change for change in merges if change.user_ids[0] == from_id), None)
    if before != from_id:
        what = f"from {from_id!r:.80} was merged into another customer"
        raise BadInput(f"{what}; give a visitor a new id after a log-out")
    seq, at_ms = tables.add_tombstone(from_id, "merged")
    _merge_records(tables, from_id, owner_id)
    tables.replace_owner(from_id, owner_id)
    tables.set_owner(from_id, owner_id)
    counts = {"events": 0, "not_kept": 0}
    digest = tables.digest(owner_id).hex()
    receipt = replace(tables.new_receipt("merge", from_id), at_ms=at_ms, seq=seq, counts=counts, into=digest)
    return merge_piece(tables, tables.put_change(UnfinishedChange(receipt, (from_id, owner_id))))


def merge_piece(tables: UserTables, change: UnfinishedChange) -> UnfinishedChange:
    """Moves the next rows of the visitor to the customer, or deletes them if nothing is kept of the customer."""
    current = tables.current_change(change)
    if current is None:
        return change
    from_id, into_id = current.user_ids
    owner_id = tables.owner_id(into_id)
    if owner_id == DISCARDED:
        tables.facts.withdraw(from_id)
        return tables.put_change(current.counting(not_kept=tables.delete_events(from_id, PIECE_ROWS)))
    n_facts = tables.facts.move(from_id, owner_id or into_id, PIECE_ROWS)
    n_events = tables.move_events(from_id, owner_id or into_id, PIECE_ROWS)
    return tables.put_change(current.counting(events=n_events, **({"facts": n_facts} if n_facts else {})))


def end_merge(tables: UserTables, change: UnfinishedChange) -> Receipt:
    """Stores the receipt of a merge, or of one that was taken back."""
    current = tables.current_change(change)
    return tables.stored_receipt(change) if current is None else tables.end_change(current)


def begin_unmerge(tables: UserTables, user_id: str) -> UnfinishedChange:
    """From now on user_id is a customer of its own again, with the ids that were merged into it.

    A release that learnt from both does not know the customer any more, until the next training.  Raises BadInput for
    an id that is not merged, and for a merge without a record.
    """
    changes = (change for change in tables.unfinished() if change.receipt.kind == "unmerge")
    unended = next((change for change in changes if change.user_ids[0] == user_id), None)
    if unended is not None:
        return unended
    owner_id, rows = tables.owner_id(user_id), tables.rows("SELECT document FROM merges WHERE from_id = $1", user_id)
    if not owner_id:
        raise BadInput(f"{user_id!r:.80} is not merged into a customer")
    if not rows:
        raise BadInput(f"{user_id!r:.80} was merged before merges were recorded, so it cannot be taken back")
    record = MergeRecord(**orjson.loads(rows[0][0]))
    group = [user_id, *(id_ for id_ in record.merged_ids if tables.owner_id(id_) == owner_id)]
    has_events = bool(tables.sent_as_seqs(owner_id, group, 1))
    seq, at_ms = tables.add_tombstone(owner_id if has_events else user_id, "merged")
    for merged_id in group[1:]:
        tables.set_owner(merged_id, user_id)
    _part_records(tables, user_id, owner_id, record)
    _part_facts(tables, user_id, owner_id, group)
    tables.execute("DELETE FROM merges WHERE from_id = $1", (user_id,))
    counts, digest = {"events": 0, "kept": 0}, tables.digest(owner_id).hex()
    receipt = replace(tables.new_receipt("unmerge", user_id), at_ms=at_ms, seq=seq, counts=counts, into=digest)
    return unmerge_piece(tables, tables.put_change(UnfinishedChange(receipt, (user_id, owner_id, *group[1:]))))


def unmerge_piece(tables: UserTables, change: UnfinishedChange) -> UnfinishedChange:
    """Gives the next events back to whom they were sent for; then those that stay get new numbers.

    Lists read both customers' events by their new numbers until a release has learnt from them.
    """
    current = tables.current_change(change)
    if current is None:
        return change
    user_id, owner_id, *others = current.user_ids
    back = tables.sent_as_seqs(owner_id, (user_id, *others), PIECE_ROWS)
    if back:
        tables.move_seqs(owner_id, user_id, back)
        if tables.owner_id(user_id) == DISCARDED:
            tables.delete_events(user_id)
        return tables.put_change(current.counting(events=len(back)))
    if not current.receipt.counts["events"]:
        return current
    kept = tables.oldest_seqs(owner_id, PIECE_ROWS, until_seq=current.receipt.seq)
    tables.move_seqs(owner_id, owner_id, kept)
    return tables.put_change(current.counting(kept=len(kept)))


def _merge_records(tables: UserTables, from_id: str, owner_id: str) -> None:
    """The owner takes over attributes that it does not have itself, but never consent; what changed is kept."""
    visitor, known = tables.user(from_id), tables.user(owner_id)
    owner = known or User(owner_id)
    taken = {} if visitor is None else {k: v for k, v in visitor.attributes.items() if k not in owner.attributes}
    before = None if visitor is None else {"attributes": visitor.attributes, "consent": visitor.consent}
    record = MergeRecord(before, taken, known is not None, tables.merged_ids(from_id))
    tables.execute(_PUT, (from_id, owner_id, orjson.dumps(asdict(record)).decode()))
    tables.delete_user(from_id)
    if visitor is not None:
        merged = replace(owner, attributes={**visitor.attributes, **owner.attributes})
        tables.put_documents({owner_id: user_document(merged)})


def _part_records(tables: UserTables, user_id: str, owner_id: str, record: MergeRecord) -> None:
    """Restores the visitor's record, and takes from the customer what it took over and did not change since."""
    tables.delete_owner(user_id)
    if record.visitor is not None:
        visitor = User(user_id, **record.visitor)
        tables.put_documents({user_id: user_document(visitor)})
        if not visitor.is_personal:
            tables.set_owner(user_id, DISCARDED)
    owner = tables.user(owner_id)
    if owner is None:
        return
    own = {k: v for k, v in owner.attributes.items() if k not in record.taken or record.taken[k] != v}
    if own or owner.consent or record.had_record:
        tables.put_documents({owner_id: user_document(replace(owner, attributes=own))})
    else:
        tables.delete_user(owner_id)


def _part_facts(tables: UserTables, user_id: str, owner_id: str, group: Sequence[str]) -> None:
    """Gives facts back to whom they were sent for; statements of consent count for them alone from now on."""
    statements = tables.facts.give_back(owner_id, user_id, group)
    if tables.owner_id(user_id) == DISCARDED:
        tables.facts.withdraw(user_id)
    keys = {consent_key(fact.ref or "", fact.channel) for fact in statements}
    if keys:
        for id_ in (user_id, owner_id):
            answers = tables.facts.consents(id_)
            user = tables.user(id_) or User(id_)
            tables.put_users([user.with_consent({key: answers.get(key) for key in keys})])
