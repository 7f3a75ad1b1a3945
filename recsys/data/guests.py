"""Guest orders: the words that shops write where an order has no customer, and the visitor id of each such order.

Stored under one word, all guests together would be the shop's busiest customer.  An order under an id of its own still
counts for baskets and best-sellers, and nobody else is recommended what it holds.
"""

GUEST_WORDS = frozenset(
    ("guest", "guests", "anonymous", "anon", "null", "none", "nil", "nan", "n/a", "na", "undefined", "unknown", "empty")
)
GUEST_NUMBERS = frozenset(("0", "-1"))  # only in files: over HTTP a shop may number its customers from 0
PREFIX = "guest:"


def is_guest(user_id: str) -> bool:
    """Whether the id is a word for everybody without a name."""
    return user_id.lower() in GUEST_WORDS


def guest_id(order_id: str | None, at_ms: int, item_id: str) -> str:
    """The visitor id of a guest's event: one for each order; without an order, one for each moment and item."""
    return f"{PREFIX}{order_id or f'{at_ms}:{item_id}'}"
