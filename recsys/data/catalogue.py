"""What the shop knows of its items and customers beside the events, and where that is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Attribute = str | float | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class Item:
    """One product.  `stock` None: not counted, so in stock.  Times are Unix milliseconds UTC, None is open-ended."""

    item_id: str
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    stock: float | None = None
    available_from_ms: int | None = None
    available_until_ms: int | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """One customer as the shop describes them."""

    user_id: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


class ItemStore(Protocol):
    """Items by id.  Every change gets the next revision; a deleted item stays as a tombstone (`deleted`)."""

    def put_items(self, items: Sequence[Item]) -> int:
        """Stores or replaces them durably, all or none, and returns the new revision."""

    def item(self, item_id: str) -> Item | None:
        """The item, tombstones included; None when it was never put."""

    def items_since(self, revision: int) -> Iterator[Item]:
        """Every item, tombstones included, that changed after that revision, in order of change."""

    def item_revision(self) -> int:
        """The last revision, 0 when nothing was ever put."""


class UserStore(Protocol):
    """Customers' attributes by id."""

    def put_users(self, users: Sequence[User]) -> None:
        """Stores or replaces them durably, all or none."""

    def user(self, user_id: str) -> User | None:
        """The customer, or None."""

    def users(self) -> Iterator[User]:
        """All of them, in order of user_id."""
