"""Live rows: whatever happens after a release, they are those of the whole log."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recsys.bundle import Manifest, write_bundle
from recsys.customers.kpis.counted import live
from recsys.customers.kpis.counted.rows import CountedRows, count_rows
from recsys.customers.kpis.counted.stored import write_rows
from recsys.customers.kpis.log import build_kpi_log, read_kpi_log
from recsys.customers.kpis.report import Selection, cohort_report, kpi_report
from recsys.customers.population import read_population
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.entities import Item, UserChange
from recsys.data.events import Correction, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from tests.recsys.customers.kpis.conftest import ITEMS, event, shop_answers, shop_events

VERSION = "20170501T000000Z-0000"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The shop of 40 customers with a release of now."""
    store = open_store(tmp_path, None)
    store.put_items(ITEMS)
    store.append(shop_events())
    store.add_facts(shop_answers())
    release(store, tmp_path)
    return store


def release(store: Store, home: Path) -> None:
    snapshot = read_snapshot(store)
    mark = snapshot.watermark
    manifest = Manifest(
        version=VERSION, made_at_ms=0, now=0.0, log_id=mark.log_id, log_seq=mark.seq, item_revision=mark.revision
    )
    write_bundle(home / "bundles" / VERSION, {}, manifest, lambda folder: write_rows(folder, snapshot, {}))
    (home / "bundles" / "LIVE").write_text(VERSION)


def nothing(store: Store) -> None:
    """The release is the newest there is."""


def buys(store: Store) -> None:
    store.append([event(3, 113, "soap"), event(3, 113, "rare tea"), event(77, 110), event(35, 3, kind=Kind.VIEW)])


def sends_back(store: Store) -> None:
    store.append([event(1, 99, kind=Kind.RETURN), event(2, 106, "rare tea", kind=Kind.RETURN)])


def erases(store: Store) -> None:
    store.erase_user("u039")


def refuses(store: Store) -> None:
    store.change_users([UserChange("u004", consent={"personalisation": False})])


def merges(store: Store) -> None:
    store.merge_users("u005", "u006")


def parts_again(store: Store) -> None:
    store.merge_users("u005", "u006")
    store.unmerge_user("u005")


def visits(store: Store) -> None:
    guest = event(1, 111, kind=Kind.VIEW)._replace(user_id="guest:abc", event_id="guest")
    store.append([guest, event(8, 111, kind=Kind.CART, channel="kiosk")])


def comes_years_later(store: Store) -> None:
    store.append([event(9, 4_000, kind=Kind.VIEW)])


def gets_new_items(store: Store) -> None:
    store.put_items([Item("bowl", category="dishes"), Item("tea", name="Tea", category="drinks")])
    store.append([event(9, 111)._replace(item_id="bowl", event_id="bowl", price=4.0)])


def corrects(store: Store) -> None:
    first = shop_events()[0]
    store.correct([Correction(first.event_id, first._replace(price=99.0))])


def moves_a_category(store: Store) -> None:
    store.put_items([Item("soap", category="soaps")])


CHANGES = [
    *(nothing, buys, sends_back, erases, refuses, merges, parts_again, visits, comes_years_later, gets_new_items),
    *(corrects, moves_a_category),
]
NEEDS_THE_LOG = {corrects, moves_a_category}


@pytest.mark.parametrize("change", CHANGES)
def test_the_rows_of_a_release_and_what_came_since_are_those_of_the_whole_log(
    store: Store, tmp_path: Path, change: Callable[[Store], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(store)
    whole = count_rows(read_population(store, None))
    if change not in NEEDS_THE_LOG:
        monkeypatch.setattr(live, "read_population", None)
    assert canonical(live.read_rows(store, tmp_path, None)) == canonical(whole)


def canonical(rows: CountedRows) -> dict[str, list[tuple[object, ...]]]:
    """Every row with the id of its customer, and orders numbered as they come."""
    ids = rows.customers["user_id"].to_list()
    order = {number: place for place, number in enumerate(rows.postings.sort("customer", "at_ms")["order"])}
    postings = [(ids[row[0]], order[row[1]], *row[2:]) for row in rows.postings.sort("customer", "at_ms").rows()]
    parts = {name: part.rows() for name, part in rows.parts().items() if name != "postings"}
    owned = {
        name: sorted(part if name == "customers" else [(ids[row[0]], *row[1:]) for row in part])
        for name, part in parts.items()
    }
    return {**owned, "postings": [tuple("nan" if value != value else value for value in row) for row in postings]}


def test_reports_are_the_same_from_a_release_and_from_the_log(store: Store, tmp_path: Path) -> None:
    buys(store)
    short, long = (read_kpi_log(store, home, None) for home in (tmp_path, None))
    for report in (kpi_report, cohort_report):
        assert report(short, Selection()) == report(long, Selection())
    assert short.n_customers == long.n_customers == 41
    np.testing.assert_array_equal(short.orders.money, long.orders.money)


def test_many_changed_customers_a_broken_release_and_another_log_need_the_whole_log(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Store] = []

    def noting(given: Store, file: Path | None) -> object:
        calls.append(given)
        return read_population(given, file)

    monkeypatch.setattr(live, "read_population", noting)
    buys(store)
    monkeypatch.setattr(live, "MAX_CHANGED", 2)
    live.read_rows(store, tmp_path, None)
    monkeypatch.setattr(live, "MAX_CHANGED", 1_000)
    live.read_rows(store, tmp_path, None)
    assert len(calls) == 1
    store.draw_identity("restored", before="")
    (tmp_path / "bundles" / VERSION / "manifest.json").write_text("{")
    live.read_rows(store, tmp_path, None)
    assert len(calls) == 2


def test_customers_of_whom_only_an_answer_is_known_are_added_by_their_ids(store: Store, tmp_path: Path) -> None:
    rows = live.read_rows(store, tmp_path, None)
    log = build_kpi_log(rows, [fact._replace(user_id="a stranger") for fact in shop_answers()[:1]])
    assert log.users.texts.all()[0] == "a stranger"
    assert log.orders.indptr[1] == 0
    assert build_kpi_log(rows).as_of_ms == log.as_of_ms
