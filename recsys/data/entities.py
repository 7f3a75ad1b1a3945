"""Items and customers as the shop describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

T = TypeVar("T")

Attribute = str | float | bool | list[str] | None
PURPOSES = ("personalisation", "marketing")
BY_CHANNEL = ("marketing",)  # the purposes that a customer may answer for each channel


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


def consent_key(purpose: str, channel: str | None = None) -> str:
    """The key of an answer in `User.consent`: the purpose, or `purpose/channel` for one channel alone."""
    return purpose if channel is None else f"{purpose}/{channel}"


@dataclass(frozen=True, slots=True)
class User:
    """A customer.  consent: yes or no by `consent_key`, of PURPOSES; what they never answered is absent."""

    user_id: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    consent: Mapping[str, bool] = field(default_factory=dict)

    @property
    def is_personal(self) -> bool:
        """Whether their events may be kept and used for them: yes, unless they said no."""
        return self.consent.get("personalisation", True)

    def answer(self, purpose: str, channel: str | None = None) -> bool | None:
        """Their consent to that purpose over that channel; None where they never answered.

        A refusal of the purpose refuses every channel; else the answer about the channel counts, then the purpose's.
        """
        whole = self.consent.get(purpose)
        return whole if channel is None or whole is False else self.consent.get(consent_key(purpose, channel), whole)

    def consent_json(self) -> dict[str, Any]:
        """Their answers by purpose, None where there is none, and by channel."""
        return {**{purpose: self.consent.get(purpose) for purpose in PURPOSES}, "channels": self.consent_by_channel()}

    def consent_by_channel(self) -> dict[str, dict[str, bool]]:
        """Their answers about single channels: by purpose of BY_CHANNEL, then by channel."""
        prefixes = {purpose: f"{purpose}/" for purpose in BY_CHANNEL}
        return {
            purpose: {key.removeprefix(start): yes for key, yes in self.consent.items() if key.startswith(start)}
            for purpose, start in prefixes.items()
        }

    def with_consent(self, answers: Mapping[str, bool | None]) -> "User":
        """The same customer after these answers, by `consent_key`; None is unset."""
        return replace(self, consent=_without_none({**self.consent, **answers}))


@dataclass(frozen=True, slots=True)
class UserChange:
    """A change of a customer: the attributes and consents given here; None leaves them as they are.

    A value of None removes that attribute or consent.  is_whole: the given attributes replace all others.
    at_ms, source: when and where consent was given; at_ms None is now.
    """

    user_id: str
    attributes: Mapping[str, Attribute] | None = None
    consent: Mapping[str, bool | None] | None = None
    is_whole: bool = False
    at_ms: int | None = None
    source: str | None = None

    def apply_to(self, before: User) -> User:
        """The customer after the change."""
        attributes = before.attributes
        if self.attributes is not None:
            attributes = self.attributes if self.is_whole else _without_none({**attributes, **self.attributes})
        return replace(before, attributes=attributes).with_consent(self.consent or {})


def _without_none(values: Mapping[str, T | None]) -> dict[str, T]:
    return {name: value for name, value in values.items() if value is not None}
