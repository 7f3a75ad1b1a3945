"""Identity of customers: consent, merges, tombstones, and receipts of what was erased or merged."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

import orjson

from recsys.data.events import Event

DIGEST_BYTES = 16
CONFLICT = "{0}_id: another {0} with this id is stored, and they differ"
DISCARDED = ""  # owner of the events of a customer who lets us keep nothing; no id is empty

IdentityState = Literal["erased", "withdrawn", "merged", "expired", "corrected"]
ReceiptKind = Literal["erasure", "merge", "unmerge"]


class Conflict(NamedTuple):
    """An event that is not stored, because an event with the same id and other content is.  fields: that differ.

    As a condition it is false, as every event that is not stored.  what: event or fact.
    """

    fields: tuple[str, ...]
    what: str = "event"

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"{CONFLICT.format(self.what)}: {', '.join(self.fields)}"


AppendResult = bool | Conflict | None  # stored, stored before, another event has that id, may not be kept


class Identity(NamedTuple):
    """The customer behind an id, and what a list for them may use.

    owner_id: the id that owns the events: this one, or the one it was merged into.  is_personal: False without consent
    to personalisation.  head: seq of the last change.  forgotten_seq: a release whose log ends before it may know
    things that no longer count; 0 when nothing was ever forgotten.
    """

    owner_id: str
    is_personal: bool = True
    head: int = 0
    forgotten_seq: int = 0


class Tombstone(NamedTuple):
    """A customer, by digest, whom releases with a log that ends before `seq` must not use.  at_ms: Unix time.

    expired: nobody; events were deleted because of their age.  corrected: nobody; events were replaced; one is kept.
    """

    seq: int
    digest: bytes
    at_ms: int
    state: IdentityState

    @property
    def is_removal(self) -> bool:
        """Whether a release from before holds what it must not."""
        return self.state not in ("merged", "corrected")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The record of an erasure or a merge.  It names no id, only digests under a key of this store.

    digest: of the customer.  seq: its place in the order of the log whose identity is log_id.  counts: rows by place.
    into: digest of the customer whom a visitor was merged into.
    """

    receipt_id: str
    kind: ReceiptKind
    digest: str
    at_ms: int
    seq: int
    counts: Mapping[str, int] = field(default_factory=dict)
    into: str | None = None
    log_id: str = ""

    def to_json(self) -> bytes:
        return orjson.dumps(self)

    def as_mapping(self) -> dict[str, Any]:
        return asdict(self)


def parse_receipt(document: bytes | str) -> Receipt:
    return Receipt(**orjson.loads(document))


@dataclass(frozen=True, slots=True)
class UnfinishedChange:
    """An erasure or a merge that goes on piece by piece; stored until its end, so that a retry or a start finishes it.

    receipt: with what was counted so far.  user_ids: all ids that are erased; of a merge the visitor and the customer.
    place: the home whose files are erased too.
    """

    receipt: Receipt
    user_ids: Sequence[str]
    place: str = ""

    def counting(self, **more: int) -> "UnfinishedChange":
        """The change with these numbers added to the counts of its receipt."""
        counts = self.receipt.counts
        added = {name: counts.get(name, 0) + n for name, n in more.items()}
        return replace(self, receipt=replace(self.receipt, counts={**counts, **added}))

    def to_json(self) -> bytes:
        return orjson.dumps(self)


def parse_change(document: bytes | str) -> UnfinishedChange:
    fields = orjson.loads(document)
    return UnfinishedChange(Receipt(**fields["receipt"]), fields["user_ids"], fields["place"])


def digest_user_id(user_id: str, key: bytes = b"") -> bytes:
    """A digest in place of an id that must not be written down; with a key, only its owner can compare ids."""
    return hashlib.blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES, key=key).digest()


def with_owner_ids(events: Sequence[Event], owner_ids: Sequence[str]) -> list[Event]:
    """The events under the ids of their owners, without those that are discarded."""
    return [
        event if owner_id == event.user_id else event._replace(user_id=owner_id)
        for event, owner_id in zip(events, owner_ids, strict=True)
        if owner_id != DISCARDED
    ]


def with_discarded(owner_ids: Sequence[str], kept: Sequence[AppendResult]) -> list[AppendResult]:
    """The result of every event: those of the kept events in their order, None for each that was discarded."""
    results = iter(kept)
    return [None if owner_id == DISCARDED else next(results) for owner_id in owner_ids]


def repetition_result(event: Event, stored: Event) -> AppendResult:
    """The result for an event whose id is stored: False if nothing of it is lost, else a conflict.

    Both under the ids of their owners.  A field that the event leaves out contradicts nothing.
    """
    if event == stored:
        return False
    pairs = zip(Event._fields, event, stored, strict=True)
    fields = tuple(name for name, value, known in pairs if value is not None and value != known)
    return Conflict(fields) if fields else False
