"""Up-sell: the same type alone, dearer within limits, and more margin."""

from recsys.promotions.upsell import upsell_items

LABELS = {"milk": "MILK", "gallon": "MILK", "organic": "MILK", "goat": "MILK", "loss": "MILK", "creamer": "CREAMER"}
PRICE = {"milk": 1.0, "gallon": 1.8, "organic": 2.0, "goat": 3.0, "loss": 1.9, "creamer": 1.5}
MARGIN = {"milk": 0.2, "gallon": 0.4, "organic": 0.7, "goat": 2.0, "loss": 0.1, "creamer": 1.0}
PURCHASES = dict.fromkeys(LABELS, 10) | {"gallon": 30}


def test_milk_leads_to_dearer_milk_and_not_to_creamer() -> None:
    chosen = upsell_items("milk", LABELS, PRICE, MARGIN, PURCHASES)
    assert [(each.item_id, each.gain, each.share) for each in chosen] == [("gallon", 0.2, 0.75), ("organic", 0.5, 0.25)]


def test_an_item_without_type_or_margin_leads_nowhere() -> None:
    assert upsell_items("bread", LABELS, PRICE, MARGIN, PURCHASES) == []
    assert upsell_items("milk", LABELS, PRICE, {}, PURCHASES) == []
