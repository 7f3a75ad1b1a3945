"""Corrections of stored events inside one transaction: their content is replaced, their place in the log stays."""

from collections.abc import Sequence

from recsys.data.events import Correction, Event
from recsys.data.store.identity import DISCARDED, AppendResult, Conflict
from recsys.data.store.people.user_tables import SENT_AS, UserTables


def correct_events(tables: UserTables, corrections: Sequence[Correction]) -> list[AppendResult]:
    """See `Store.correct`."""
    new_ids = {event.event_id for old_id, event in corrections if event.event_id != old_id}
    stored = tables.stored_events({*new_ids, *(old_id for old_id, _ in corrections)})
    owner_ids = tables.event_owners([event for _, event in corrections])
    results, changes = list[AppendResult](), list[tuple[int, Event, Event]]()
    for n, (old_id, event) in enumerate(corrections):
        owner_id = event.user_id if owner_ids is None else owner_ids[n]
        if old_id not in stored or owner_id == DISCARDED:
            results.append(None)
            continue
        seq, before = stored[old_id]
        after = event._replace(user_id=owner_id, request_id=before.request_id)
        is_taken = after.event_id != old_id and after.event_id in stored
        results.append(Conflict(("event_id",)) if is_taken else after != before)
        if results[-1] is True:
            tables.execute("DELETE FROM sent_as WHERE event_id = $1", (old_id,))
            if owner_id != event.user_id:
                tables.execute(SENT_AS, (event.event_id, event.user_id))
            changes.append((seq, before, after))
            del stored[old_id]
            stored[after.event_id] = seq, after
    if changes:
        tables.replace_events(changes)
        seq, _ = tables.add_tombstone(DISCARDED, "corrected")
        tables.execute("DELETE FROM forgotten WHERE how = 'corrected' AND seq < $1", (seq,))
    return results
