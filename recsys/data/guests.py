"""Guest orders: words in place of a customer id, and the visitor id of each such order.

Under one id, all guests together would be the shop's busiest customer.  With an id for each order, the order still
counts for baskets and best-sellers, and no other guest gets a list made from it.
"""

GUEST_WORDS = frozenset(
    (
        *("guest", "guests", "anonymous", "anon", "null", "none", "nil", "nan", "n/a", "na", "undefined", "unknown"),
        *("empty", "(null)", "(none)", "(not set)", "<na>", "#n/a", "\\n", "-"),
    )
)
GUEST_NUMBERS = frozenset(("0", "-1"))  # only in files: over HTTP a shop may number its customers from 0
PREFIX = "guest:"


def is_guest(user_id: str) -> bool:
    """Whether the id is a word for customers without an id."""
    return user_id.lower() in GUEST_WORDS


def guest_id(order_id: str | None, at_ms: int, item_id: str) -> str:
    """The visitor id of a guest's event: the same for each line of an order; without an order, by time and item."""
    return f"{PREFIX}{order_id or f'{at_ms}:{item_id}'}"
