"""Merges of a visitor into a customer inside one transaction: begun, gone on with piece by piece, and ended."""

from dataclasses import replace

from recsys.data.entities import User
from recsys.data.store.identity import DISCARDED, Receipt, UnfinishedChange
from recsys.data.store.people.user_tables import PIECE_ROWS, UserTables
from recsys.data.store.serialization import user_document
from recsys.errors import BadInput


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
    tables.replace_owner(from_id, owner_id)
    tables.set_owner(from_id, owner_id)
    _merge_records(tables, from_id, owner_id)
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
    """Stores the receipt."""
    current = tables.current_change(change)
    return tables.stored_receipt(change) if current is None else tables.end_change(current)


def _merge_records(tables: UserTables, from_id: str, owner_id: str) -> None:
    """The owner takes over attributes that it does not have itself, but never consent."""
    visitor, owner = tables.user(from_id), tables.user(owner_id) or User(owner_id)
    tables.delete_user(from_id)
    if visitor is not None:
        merged = replace(owner, attributes={**visitor.attributes, **owner.attributes})
        tables.put_documents({owner_id: user_document(merged)})
