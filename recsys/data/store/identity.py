"""Whose events count, and for whom: consent, customers who are one, and what was forgotten on request."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from recsys.data.entities import User, UserChange
from recsys.data.events import Event

DIGEST_BYTES = 16
DISCARDED = ""  # where the events of a customer go who lets nothing be kept; no id is empty

IdentityState = Literal["erased", "withdrawn", "merged"]
AppendResult = bool | None


class Identity(NamedTuple):
    """What an answer to a customer may stand on.

    owner: whose they are: their own id, or that of the customer they were merged into.  is_personal: False without
    consent to personalisation.  head: seq of the last thing that changed for them.  forgotten: a release whose log ends
    before that seq may know things of them that no longer count; 0 when nothing was ever forgotten.
    """

    owner: str
    is_personal: bool = True
    head: int = 0
    forgotten: int = 0


class Forgotten(NamedTuple):
    """A customer, by digest, of whom releases with a log that ends before `seq` must not speak.  Unix ms."""

    seq: int
    digest: bytes
    at_ms: int
    how: IdentityState


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure or a merge did, without saying to whom: ids are digests under a key of this store.

    seq: its place in the order of the log.  counts: rows by place.  into: digest of whom a visitor was merged into.
    """

    receipt_id: str
    kind: Literal["erasure", "merge"]
    digest: str
    at_ms: int
    seq: int
    counts: Mapping[str, int] = field(default_factory=dict)
    into: str | None = None

    def document(self) -> bytes:
        return orjson.dumps(self.as_mapping())

    def as_mapping(self) -> dict[str, Any]:
        return asdict(self)


def receipt_from(document: bytes | str) -> Receipt:
    return Receipt(**orjson.loads(document))


def digest_of(user_id: str, key: bytes) -> bytes:
    """Stands for the id where it must not be written: nobody without the key can tell whose it is."""
    return hashlib.blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES, key=key).digest()


def kept_events(events: Sequence[Event], into_by_user: Mapping[str, str]) -> list[Event]:
    """The events under the id they are kept for; without those of customers who let nothing be kept."""
    owned = ((event, into_by_user.get(event.user_id)) for event in events)
    return [event._replace(user_id=into) if into else event for event, into in owned if into != DISCARDED]


def all_verdicts(
    events: Sequence[Event], into_by_user: Mapping[str, str], stored: Sequence[AppendResult]
) -> list[AppendResult]:
    """The verdicts of `kept_events`, with None in the place of each that was not kept."""
    told = iter(stored)
    return [None if into_by_user.get(event.user_id) == DISCARDED else next(told) for event in events]


def changed_users(
    changes: Sequence[UserChange], owner_of: Callable[[str], str], stored: Callable[[str], User | None]
) -> list[User]:
    """Every customer after their change; of several changes of one the later ones stand on the earlier ones."""
    known: dict[str, User] = {}
    after = []
    for change in changes:
        owner = owner_of(change.user_id)
        before = known.get(owner) or stored(owner) or User(owner)
        known[owner] = change.of(before)
        after.append(known[owner])
    return after


class IdentityStore(Protocol):
    """Consent, merges and erasure.  Every method raises `LogUnavailable` when the storage does not answer."""

    def standing(self, user_id: str) -> Identity:
        """What an answer to that customer may stand on now."""

    def merged_into(self, user_id: str) -> list[str]:
        """The ids that were merged into this one, in order."""

    def merge_users(self, from_id: str, into_id: str) -> Receipt | None:
        """One customer from now on, whose id is into_id: events and, where it has none, attributes go over.

        None when they were one already.  Raises BadInput when both are the same id, or from_id is somebody else's.
        """

    def erase_user(self, user_id: str) -> Receipt:
        """Deletes all that is kept of the customer and of the ids merged into it, in one transaction."""

    def pages_of_user(self, user_id: str) -> Iterator[list[Event]]:
        """All of the customer's events in order of seq, page by page."""

    def forgotten_since(self, seq: int) -> list[Forgotten]:
        """What was forgotten after that seq, in order."""

    def forget_marks(self, until_seq: int) -> None:
        """Drops digests that no release needs any more: those up to that seq, but the last one."""

    def digest(self, user_id: str) -> bytes:
        """What stands for the id in `Forgotten` and, as hex, in a `Receipt`."""

    def put_receipt(self, receipt: Receipt) -> None:
        """Stores or replaces it."""

    def receipt(self, receipt_id: str) -> Receipt | None:
        """That receipt, or None."""

    def sweep(self, most_bytes: int | None = None) -> bool:
        """Overwrites what deleted rows left in the storage, unless it is larger than that; True when it is clean."""

    def swept_until(self) -> int:
        """What was forgotten up to that seq has left nothing in the storage."""
