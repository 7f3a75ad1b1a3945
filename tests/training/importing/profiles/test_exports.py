"""Exports of shop systems and data sets: each profile imports a file with the documented columns, and its values."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from training.importing.profiles.profile import load_profile, profile_names

EXPORTS = Path(__file__).parents[3] / "data" / "exports"
FILES = {path.name.partition(".")[0]: path for path in EXPORTS.iterdir() if path.is_file()} | {
    "instacart": EXPORTS / "instacart" / "order_products__prior.csv"
}
JOINS = {"instacart": ("--join", f"{EXPORTS / 'instacart' / 'orders.csv'} on order_id")}


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def imported(home: Path, profile: str, *options: str) -> Store:
    """The store after an import of the profile's example, in which every line is read as the profile means."""
    result = run(home, "import", "--profile", profile, str(FILES[profile]), *JOINS.get(profile, ()), *options)
    assert (result.exit_code, ", 0 rejected" in result.stdout) == (0, True), result.output
    return open_store(home, None)


def events(store: Store) -> list[str]:
    """Customer, item, kind, time (UTC), quantity, price, order or rating or channel of each event, as in the log."""
    return [_words(Event._make(row)) for frame in store.scan() for row in frame.rows()]


def _words(event: Event) -> str:
    at = f"{datetime.fromtimestamp(event.at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}"
    others = (event.order_id, event.rating, event.channel)
    words = (event.user_id, event.item_id, Kind(event.kind).name.lower(), at, f"{event.quantity:g}x{event.price}")
    return " ".join([*words, *(str(other) for other in others if other is not None)])


EVENTS = {
    "amazon-reviews": [
        "AGKHLEW2SOWHNMFQIJGBECAF7INQ B00YQ6X8E0 rating 2020-05-05T14:08:48 1xNone 5.0",
        "AGKHLEW2SOWHNMFQIJGBECAF7INQ B081TJ8YS3 rating 2020-05-04T18:10:55 1xNone 1.0",
    ],
    "amazon-reviews-2018": [
        "A2SUAM1J3GNN3B 0000013714 rating 2018-01-05T00:00:00 1xNone 5.0",
        "A14VAT5EAX3D9S 0000013714 rating 2009-09-13T00:00:00 1xNone 2.0",
    ],
    "bigcommerce-orders": [  # a guest; no cancelled, unpaid or deleted order, no refunded line, no custom product
        "11 77 purchase 2018-11-14T19:26:23 2x49.0 100",
        "guest:101 86 purchase 2018-11-15T08:00:00 1x225.0 101",
        "12 77 purchase 2018-11-16T09:00:00 1x44.1 104",
    ],
    "ga4": [
        "1234567890.1700000000 TEA view 2026-11-05T09:01:03 1x3.5",
        "1234567890.1700000000 TEA cart 2026-11-05T09:01:04 2x3.5",
        "1234567890.1700000000 TEA purchase 2026-11-05T09:01:06 2x3.5 T-1",
        "1234567890.1700000000 MUG purchase 2026-11-05T09:01:06 1x12.5 T-1",
        "1234567890.1700000000 MUG return 2026-11-05T09:01:11 1x12.5 T-1",
    ],
    "hm": [
        "000058a12d5b43e6 0663713001 purchase 2018-09-20T00:00:00 1x0.050830508474576264 2",
        "000058a12d5b43e6 0541518023 purchase 2018-09-20T00:00:00 1x0.030491525423728814 2",
        "00007d2de826758b 0505221004 purchase 2018-09-21T00:00:00 1x0.01523728813559322 1",
    ],
    "instacart": [  # the last order of each customer is at the end, 21 and 36 days after those before
        "1 196 purchase 2017-11-25T00:00:00 1xNone 2539329",
        "1 14084 purchase 2017-11-25T00:00:00 1xNone 2539329",
        "1 196 purchase 2017-12-10T00:00:00 1xNone 2398795",
        "1 196 purchase 2017-12-31T00:00:00 1xNone 473747",
        "2 32792 purchase 2017-12-31T00:00:00 1xNone 2168274",
    ],
    "magento-orders": [  # the variant of a configurable product once, with its price; a guest; no canceled, closed
        "5 24-MB01 purchase 2026-11-05T10:01:02 1x34.0 000000001",
        "5 WS12-M-Blue purchase 2026-11-05T10:01:02 2x22.0 000000001",
        "guest:000000002 24-MB01 purchase 2026-11-06T00:30:00 1x34.0 000000002",
        "guest:000000002 24-MB02 purchase 2026-11-06T00:30:00 1x59.0 000000002",
    ],
    "movielens": [
        "1 17 rating 1999-12-03T19:24:37 1xNone 4.0",
        "1 25 rating 1999-12-03T19:43:48 1xNone 1.0",
        "162541 296 rating 2009-04-28T21:17:14 1xNone 0.5",
    ],
    "otto": [
        "12899779 59625 view 2022-08-28T22:00:00 1xNone",
        "12899779 59625 cart 2022-08-28T22:00:58 1xNone",
        "12899780 1142000 view 2022-08-28T22:00:00 1xNone",
        "12899780 582732 purchase 2022-08-28T22:01:49 1xNone",
    ],
    "prestashop-orders": [  # no order that is not valid, no line that was refunded
        "2 1 purchase 2026-11-05T10:01:02 2x28.68 7",
        "2 19 purchase 2026-11-05T10:01:02 1x15.48 7",
    ],
    "retailrocket": [
        "257597 355908 view 2015-06-02T05:02:12 1xNone",
        "992329 248676 cart 2015-06-02T05:50:14 1xNone",
        "599528 356475 purchase 2015-06-02T05:17:56 1xNone 4000",
    ],
    "shopify-orders": [  # no refunded, voided or pending order; both lines of the others; an order of the till
        "ann@shop.example MUG-B purchase 2026-11-05T09:01:02 1x12.5 #1001",
        "ann@shop.example SH-M purchase 2026-11-05T09:01:02 2x19.0 #1001",
        "ann@shop.example SH-S purchase 2026-11-06T23:30:00 1x19.0 #1003",
        "guest:#1005 MUG-B purchase 2026-11-09T11:00:00 1x12.5 #1005",
        "guest:#1005 SH-S purchase 2026-11-09T11:00:00 1x19.0 #1005",
    ],
    "woocommerce-orders": [  # no cancelled or refunded order, no deleted product; customer 0 is a guest
        "26 93 purchase 2026-11-05T19:28:02 2x3.0 727",
        "26 22 purchase 2026-11-05T19:28:02 1x12.5 727",
        "guest:728 93 purchase 2026-11-06T08:00:00 1x3.0 728",
        "28 22 purchase 2026-11-07T10:00:00 1x12.5 731",
    ],
}
ITEMS = {
    "instacart-products": [
        "196 | Soda | 7 | None | None | None",
        "14084 | Organic Unsweetened Vanilla, Almond Milk | 16 | None | None | None",
    ],
    "bigcommerce-products": ["77 | [Sample] Fog Linen Chambray Towel | Shop All;Shop All/Bath | OFS | 49.0 | 12.0"],
    "hm-articles": [
        "0108775015 | Strap top | Vest top | None | None | None",
        "0110065001 | OP T-shirt (Idro) | Bra | None | None | None",
    ],
    "magento-products": [  # a line of a store view changes nothing; no product that is offline
        "24-MB01 | Joust Duffle Bag | Default Category/Gear,Default Category/Gear/Bags | None | 34.0 | 100.0",
        "24-MB02 | Fusion Backpack | Default Category/Gear,Default Category/Gear/Bags | None | 59.0 | 0.0",
    ],
    "movielens-movies": [
        "1 | Toy Story (1995) | Adventure|Animation|Children|Comedy|Fantasy | None | None | None",
        "11 | American President, The (1995) | Comedy|Drama|Romance | None | None | None",
    ],
    "prestashop-products": [
        "1 | Hummingbird printed t-shirt | Men | Studio Design | 23.9 | 2400.0",
        "19 | Customizable mug | Accessories | None | 13.9 | 300.0",
    ],
    "retailrocket-items": ["460429 | None | 1338 | None | None | None", "395014 | None | 1017 | None | None | None"],
    "shopify-products": [  # every variant under its product's name; no line of an image; no draft
        "MUG-B | Blue Mug | Mugs | Clayworks | 12.5 | 7.0",
        "SH-S | Plain Shirt | Shirts | Loom | 19.0 | 0.0",
        "SH-M | Plain Shirt | Shirts | Loom | 21.0 | 4.0",
    ],
    "woocommerce-products": [  # no variation, no draft
        "93 | Single, the record | Music > Singles | None | 3.0 | 12.0",
        "22 | Ship Your Idea | Clothing, Clothing > T-shirts | None | None | None",
    ],
}
ATTRIBUTES: dict[str, dict[str, object]] = {  # of the first item: some, or all
    "bigcommerce-products": {"Product Code/SKU": "SLCTBS"},
    "hm-articles": {"colour_group_code": "09", "department_no": 1676, "index_name": "Ladieswear"},
    "magento-products": {"product_type": "simple", "is_in_stock": 1},
    "movielens-movies": {},
    "shopify-products": {"Handle": "mug-blue", "Tags": "blue, kitchen", "Variant Grams": 350},
    "woocommerce-products": {"SKU": "WOO-SINGLE", "Tags": "loud, live"},
}
DROPPED = ("Body (HTML)", "Description", "description", "Email", "First Name", "Phone")
USERS: dict[str, dict[str, dict[str, object]]] = {
    "hm-customers": {
        "00000dbacae5abe5": {"FN": None, "club_member_status": "ACTIVE", "age": 49},
        "0000423b00ade914": {"FN": 1, "club_member_status": "ACTIVE", "age": 25},
    },
    "shopify-customers": {
        "ann@shop.example": {"Total Spent": 69.5, "Total Orders": 2, "Default Address Country Code": "DE"},
        "bob@shop.example": {"Total Spent": 0, "Total Orders": 1, "Default Address Country Code": "AT"},
    },
}


def test_every_profile_has_an_example_with_values() -> None:
    assert profile_names() == sorted(FILES) == sorted([*EVENTS, *ITEMS, *USERS])


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_says_what_it_reads_and_drops(name: str) -> None:
    profile = load_profile(name)
    assert profile.export
    assert profile.dropped


@pytest.mark.parametrize("name", EVENTS)
def test_an_export_of_events_becomes_these_events(name: str, tmp_path: Path) -> None:
    assert events(imported(tmp_path, name)) == EVENTS[name]


@pytest.mark.parametrize("name", ITEMS)
def test_an_export_of_items_becomes_these_items(name: str, tmp_path: Path) -> None:
    store = imported(tmp_path, name)
    assert [_item(item) for item in store.items_since(0)] == ITEMS[name]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_columns_without_a_target_become_attributes(name: str, tmp_path: Path) -> None:
    first = next(iter(imported(tmp_path, name).items_since(0)))
    assert {key: first.attributes[key] for key in ATTRIBUTES[name]} == ATTRIBUTES[name]
    assert ATTRIBUTES[name] or not first.attributes
    assert not {*DROPPED} & first.attributes.keys()


def _item(item: Item) -> str:
    return " | ".join(map(str, (item.item_id, item.name, item.category, item.brand, item.price, item.stock)))


@pytest.mark.parametrize("name", USERS)
def test_an_export_of_customers_becomes_these_customers(name: str, tmp_path: Path) -> None:
    users = {user.user_id: user.attributes for user in imported(tmp_path, name).users()}
    assert sorted(users) == sorted(USERS[name])
    assert {id_: {key: users[id_][key] for key in known} for id_, known in USERS[name].items()} == USERS[name]
    assert not {*DROPPED} & {key for attributes in users.values() for key in attributes}


def test_an_export_of_analytics_in_parquet_is_the_same_as_in_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pl.read_ndjson(FILES["ga4"]).write_parquet(path)
    result = run(tmp_path / "home", "import", "--profile", "ga4", str(path))
    assert "0 rejected" in result.stdout, result.output
    assert events(open_store(tmp_path / "home", None)) == EVENTS["ga4"]


def test_times_of_a_shop_are_read_in_its_time_zone(tmp_path: Path) -> None:
    first = events(imported(tmp_path, "prestashop-orders", "--time-zone", "Europe/Paris"))[0]
    assert first == "2 1 purchase 2026-11-05T09:01:02 2x28.68 7"


def test_states_that_a_shop_names_on_the_command_line_count_in_place_of_those_of_the_profile(tmp_path: Path) -> None:
    store = imported(tmp_path, "shopify-orders", "--where", "Financial Status=pending")
    assert events(store) == ["dee@shop.example MUG-B purchase 2026-11-09T12:00:00 3x12.5 #1006"]


@pytest.mark.parametrize("profile", ["shopify-orders", "otto", "instacart"])
def test_a_check_before_the_import_reads_an_export_by_the_same_profile(profile: str, tmp_path: Path) -> None:
    words = ("check", "--events", str(FILES[profile]), "--profile", profile, *JOINS.get(profile, ()), "--json")
    result = run(tmp_path, *words)
    refused = next(each for each in json.loads(result.stdout)["findings"] if each["name"] == "refused")
    assert (refused["count"], refused["total"] > 0) == (0, True)
    assert "it is for items" in run(tmp_path, *words[:4], "shopify-products").output
