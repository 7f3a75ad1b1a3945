"""Contact cap over all campaigns: at most so many contacts of a customer within any so many days, and quiet days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Longs
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Contact
from recsys.time_units import DAY_MS

MOST_DELAY_MS = 28 * DAY_MS  # a message replaces a planned contact up to that much earlier or later


@dataclass(frozen=True, slots=True)
class ContactCap:
    """At most max_contacts within any per_days, and none within quiet_days of another."""

    max_contacts: int
    per_days: int
    quiet_days: int

    @property
    def span_ms(self) -> int:
        """Contacts nearer than that to a new one count for it."""
        return max(self.per_days, self.quiet_days) * DAY_MS


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts near the start of a campaign.  row (C,): of the customer; at_ms (C,)."""

    row: Longs
    at_ms: Longs

    def with_contact(self, rows: Longs, at_ms: int) -> "Contacts":
        """These and one more of each of those customers at that moment."""
        return Contacts(np.concatenate((self.row, rows)), np.concatenate((self.at_ms, np.full(len(rows), at_ms))))


def contacts_near(store: Store, user_ids: Sequence[str], at_ms: int, span_ms: int) -> Contacts:
    """The contacts of those customers nearer than span_ms to that moment: messages, and what drawn campaigns plan.

    A planned contact counts until a message of its campaign to the customer is reported.  Among them are messages that
    lie further away, up to MOST_DELAY_MS.
    """
    messages = store.messages_between(at_ms - span_ms - MOST_DELAY_MS, at_ms + span_ms + MOST_DELAY_MS)
    sent = {(contact.user_id, contact.campaign_id) for contact in messages}
    planned = (
        each
        for each in store.planned_contacts(at_ms - span_ms, at_ms + span_ms)
        if (each.user_id, each.campaign_id) not in sent
    )
    return _located([*messages, *planned], user_ids)


def over_cap(contacts: Contacts, n: int, at_ms: int, cap: ContactCap) -> Bools:
    """Which of n customers one more contact at that moment would bring above the cap.  (n,)"""
    over = np.zeros(n, bool)
    near = np.abs(contacts.at_ms - at_ms) < cap.per_days * DAY_MS
    row, at = contacts.row[near], contacts.at_ms[near]
    known = np.unique(row)
    row = np.concatenate((row, known))
    at = np.concatenate((at, np.full(len(known), at_ms)))
    order = np.lexsort((at, row))
    row, at = row[order], at[order]
    first, last = slice(None, -cap.max_contacts), slice(cap.max_contacts, None)
    is_over = (row[last] == row[first]) & (at[last] - at[first] < cap.per_days * DAY_MS)
    over[row[first][is_over]] = True
    return over


def in_quiet_days(contacts: Contacts, n: int, at_ms: int, cap: ContactCap) -> Bools:
    """Which of n customers have a contact within the quiet days around that moment.  (n,)"""
    quiet = np.zeros(n, bool)
    quiet[contacts.row[np.abs(contacts.at_ms - at_ms) < cap.quiet_days * DAY_MS]] = True
    return quiet


def _located(contacts: Iterable[Contact], user_ids: Sequence[str]) -> Contacts:
    row_of = {user_id: row for row, user_id in enumerate(user_ids)}
    pairs = [(row_of[each.user_id], each.at_ms) for each in contacts if each.user_id in row_of]
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    return Contacts(columns[:, 0], columns[:, 1])
