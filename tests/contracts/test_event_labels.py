"""Money and labels of events: every store keeps, corrects and moves discount, coupon and campaign."""

from typing import Any

import pytest

from recsys.data.events import Correction, Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.identity import Conflict
from recsys.errors import BadEvent


def event(event_id: str, at_ms: int = 1) -> Event:
    return Event(event_id, "u", "i", Kind.PURCHASE, at_ms)


def test_discount_coupon_and_campaign_are_kept_corrected_and_stay_with_a_merged_customer(store: Store) -> None:
    reduced = event("a", 1)._replace(price=2.5, discount=0.3, coupon="SPRING", campaign="mail-7")
    assert store.append([reduced, event("b", 2)]) == [True, True]
    assert store.append([reduced._replace(discount=0.4)]) == [Conflict(("discount",))]
    later = event("b", 2)._replace(discount=1.25, coupon="AUTUMN", campaign="mail-8")
    assert store.correct([Correction("b", later)]) == [True]
    store.merge_users("u", "v")
    assert store.user_events("v") == [mine._replace(user_id="v") for mine in (reduced, later)]
    (frame,) = store.scan()
    assert frame.select("discount", "coupon", "campaign").rows() == [
        (0.3, "SPRING", "mail-7"),
        (1.25, "AUTUMN", "mail-8"),
    ]


@pytest.mark.parametrize(
    "field", [{"discount": float("nan")}, {"discount": 2e9}, {"coupon": "x" * 513}, {"campaign": "\0"}]
)
def test_a_discount_or_a_label_that_cannot_be_kept_is_refused_by_name(store: Store, field: dict[str, Any]) -> None:
    with pytest.raises(BadEvent, match=next(iter(field))):
        store.append([event("a")._replace(**field)])
