"""Items and customers as the shop describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

Attribute = str | float | bool | list[str] | None
PURPOSES = ("personalisation", "marketing")


@dataclass(frozen=True, slots=True)
class Item:
    """A product.  `stock` None: not counted, so in stock.  Times are Unix milliseconds UTC, None is open-ended.

    cost: what one unit costs the shop, in the money of prices; None is unknown.
    """

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
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A customer.  consent: yes or no by purpose (PURPOSES); a purpose they never answered is absent."""

    user_id: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    consent: Mapping[str, bool] = field(default_factory=dict)

    @property
    def is_personal(self) -> bool:
        """Whether their events may be kept and used for them: yes, unless they said no."""
        return self.consent.get("personalisation", True)


@dataclass(frozen=True, slots=True)
class UserChange:
    """A change of a customer: the attributes and consents given here; None leaves them as they are.

    A value of None removes that attribute or consent.  is_whole: the given attributes replace all others.
    """

    user_id: str
    attributes: Mapping[str, Attribute] | None = None
    consent: Mapping[str, bool | None] | None = None
    is_whole: bool = False

    def apply_to(self, before: User) -> User:
        """The customer after the change."""
        attributes, consent = before.attributes, before.consent
        if self.attributes is not None:
            attributes = self.attributes if self.is_whole else _without_none({**attributes, **self.attributes})
        if self.consent is not None:
            consent = _without_none({**consent, **self.consent})
        return User(before.user_id, attributes, consent)


def _without_none(values: Mapping[str, T | None]) -> dict[str, T]:
    return {name: value for name, value in values.items() if value is not None}
