"""Exports of shop systems and data sets: each profile imports a file with the documented columns, and its values."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from training.importing.profiles.profile import load_profile, profile_names

EXPORTS = Path(__file__).parents[3] / "data" / "exports"
FILES = {path.name.partition(".")[0]: path for path in sorted(EXPORTS.iterdir())}


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def imported(home: Path, profile: str, *options: str) -> Store:
    """The store after an import of the profile's example, in which every line is read as the profile means."""
    result = run(home, "import", "--profile", profile, str(FILES[profile]), *options)
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
    "hm": [
        "000058a12d5b43e6 0663713001 purchase 2018-09-20T00:00:00 1x0.050830508474576264 2",
        "000058a12d5b43e6 0541518023 purchase 2018-09-20T00:00:00 1x0.030491525423728814 2",
        "00007d2de826758b 0505221004 purchase 2018-09-21T00:00:00 1x0.01523728813559322 1",
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
    "retailrocket": [
        "257597 355908 view 2015-06-02T05:02:12 1xNone",
        "992329 248676 cart 2015-06-02T05:50:14 1xNone",
        "599528 356475 purchase 2015-06-02T05:17:56 1xNone 4000",
    ],
}
ITEMS = {
    "hm-articles": [
        "0108775015 | Strap top | Vest top | None | None | None",
        "0110065001 | OP T-shirt (Idro) | Bra | None | None | None",
    ],
    "movielens-movies": [
        "1 | Toy Story (1995) | Adventure|Animation|Children|Comedy|Fantasy | None | None | None",
        "11 | American President, The (1995) | Comedy|Drama|Romance | None | None | None",
    ],
}
ATTRIBUTES: dict[str, dict[str, object]] = {  # of the first item: some, or all
    "hm-articles": {"colour_group_code": "09", "department_no": 1676, "index_name": "Ladieswear"},
    "movielens-movies": {},
}
USERS: dict[str, dict[str, dict[str, object]]] = {
    "hm-customers": {
        "00000dbacae5abe5": {"FN": None, "club_member_status": "ACTIVE", "age": 49},
        "0000423b00ade914": {"FN": 1, "club_member_status": "ACTIVE", "age": 25},
    }
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


def _item(item: Item) -> str:
    return " | ".join(map(str, (item.item_id, item.name, item.category, item.brand, item.price, item.stock)))


@pytest.mark.parametrize("name", USERS)
def test_an_export_of_customers_becomes_these_customers(name: str, tmp_path: Path) -> None:
    users = {user.user_id: user.attributes for user in imported(tmp_path, name).users()}
    assert sorted(users) == sorted(USERS[name])
    assert {id_: {key: users[id_][key] for key in known} for id_, known in USERS[name].items()} == USERS[name]
