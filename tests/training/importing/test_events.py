"""Import of events into the log: each line is accepted, already known, or refused with its reason."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.checks.per_line import LineCounts
from recsys.data.events import Event, Kind, content_id
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.store.base import Store
from recsys.data.store.identity import Conflict
from recsys.data.store.open import open_store
from recsys.errors import BadFile, BadInput
from training.importing import events as importing
from training.importing.events import Occurrences, content_ids, import_events
from training.importing.rejects import Tally

NOW = 1_700_000_000_000
AT = "2023-01-01T00:00:00Z"
AT_MS = 1_672_531_200_000
HEADER = "user_id,item_id,kind,at,quantity,price,rating\n"


@dataclass(frozen=True)
class Shop:
    """A folder for files, and a store to import them into."""

    folder: Path
    store: Store

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def take(self, path: Path, *maps: str, const: tuple[str, ...] = (), kind: str | None = None) -> Tally:
        return import_events(
            path,
            self.store,
            ColumnMapping.parse(maps, const, importing.TARGETS),
            kind=kind,
            rejects=self.folder / "rejects",
            counts=LineCounts(NOW),
            progress=lambda lines: None,
        )

    def events(self) -> list[Event]:
        return [Event._make(row) for frame in self.store.scan() for row in frame.rows()]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = open_store(tmp_path, None)
    yield Shop(tmp_path, store)
    store.close()


def test_columns_of_other_names_are_mapped_and_an_amount_becomes_the_price_of_one(shop: Shop) -> None:
    path = shop.file("a.csv", "household,sku,when,basket,n,money\n7,x,2023-01-01,b1,4,10\n")
    maps = "user_id=household,item_id=sku,at=when,order_id=basket,quantity=n,amount=money"
    shop.take(path, maps, const=("channel=web",), kind="purchase")
    assert shop.events() == [
        Event(
            event_id=shop.events()[0].event_id,
            user_id="7",
            item_id="x",
            kind=Kind.PURCHASE,
            at_ms=AT_MS,
            quantity=4.0,
            price=2.5,
            order_id="b1",
            channel="web",
        )
    ]


def test_running_it_twice_adds_nothing_and_equal_lines_of_one_file_all_count(shop: Shop) -> None:
    path = shop.file("a.csv", HEADER + f"u,i,purchase,{AT},1,2,\n" * 3 + f"u,j,purchase,{AT},1,2,\n")
    first, second = shop.take(path), shop.take(path)
    assert (first.accepted, first.known) == (4, 0)
    assert (second.accepted, second.known) == (0, 4)
    assert len(shop.events()) == 4


def test_the_same_events_in_csv_jsonl_gzip_and_parquet_are_the_same_events(shop: Shop) -> None:
    table = pl.DataFrame({"user_id": [1, 2], "item_id": [3, 4], "at": [AT, AT], "quantity": [1, 2]})
    table.write_csv(shop.folder / "a.csv")
    table.write_ndjson(shop.folder / "a.jsonl")
    table.with_columns(pl.col("at").str.to_datetime(time_zone="UTC"), pl.col("user_id").cast(pl.Float64)).write_parquet(
        shop.folder / "a.parquet"
    )
    (shop.folder / "b.csv.gz").write_bytes(gzip.compress((shop.folder / "a.csv").read_bytes()))
    assert shop.take(shop.folder / "a.csv", kind="view").accepted == 2
    again = [shop.take(shop.folder / name, kind="view") for name in ("a.jsonl", "a.parquet", "b.csv.gz")]
    assert [(tally.accepted, tally.known) for tally in again] == [(0, 2)] * 3


def test_lines_without_an_event_id_get_one_and_the_others_keep_theirs(shop: Shop) -> None:
    path = shop.file("a.csv", f"event_id,user_id,item_id,at\ne1,u,i,{AT}\n,u,i,{AT}\ne1,u,j,{AT}\ne1,u,i,{AT}\n")
    tally = shop.take(path, kind="view")
    content = Event("", "u", "i", Kind.VIEW, AT_MS)
    assert [event.event_id for event in shop.events()] == ["e1", content_id(content)]
    assert (tally.accepted, tally.known) == (2, 1)
    assert tally.reasons == {str(Conflict(("item_id",))): 1}
    assert [reject.line for reject in tally.first[str(Conflict(("item_id",)))]] == [4]


def test_a_kind_in_the_file_goes_before_the_kind_of_the_command(shop: Shop) -> None:
    path = shop.file("a.csv", f"user_id,item_id,kind,at\nu,i,Cart,{AT}\nu,j,,{AT}\n")
    shop.take(path, kind="view")
    assert [event.kind for event in shop.events()] == [Kind.CART, Kind.VIEW]


def test_a_rating_stays_only_with_the_kind_rating(shop: Shop) -> None:
    shop.take(shop.file("a.csv", HEADER + f"u,i,rating,{AT},,,4.5\nu,i,view,{AT},,,4.5\n"))
    assert [event.rating for event in shop.events()] == [4.5, None]


def test_words_of_databases_for_no_value_are_empty_cells_and_an_item_of_that_name_is_told(shop: Shop) -> None:
    path = shop.file("a.csv", f"user_id,item_id,at,order_id,price,quantity\nu,i,{AT},NULL,\\N,NULL\nu,NULL,{AT},,,\n")
    tally = shop.take(path, kind="purchase")
    assert [(e.order_id, e.price, e.quantity) for e in shop.events()] == [(None, None, 1.0)] * 2
    assert ["1 lines have the item_id 'NULL'" in note for note in tally.notes] == [True]


def test_a_return_counts_its_units_whichever_sign_the_shop_writes(shop: Shop) -> None:
    path = shop.file("a.csv", f"user_id,item_id,at,kind,amount,quantity\nu,i,{AT},return,($15.00),-2\n")
    shop.take(path)
    assert [(e.price, e.quantity) for e in shop.events()] == [(7.5, 2.0)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f",i,view,{AT},,,", "no user_id"),
        (f"u, ,view,{AT},,,", "no item_id"),
        (f"u,i,,{AT},,,", "no kind"),
        (f"u,i,glance,{AT},,,", "an unknown kind"),
        ("u,i,view,,,,", "no time"),
        ("u,i,view,soon,,,", "a time that cannot be read"),
        ("u,i,view,2023-12-01,,,", "a time in the future"),
        ("u,i,view,1989-12-31T23:59:59Z,,,", "a time before 1990"),
        (f"u,i,purchase,{AT},0,,", "a purchase with a quantity of 0 or less"),
        (f"u,i,purchase,{AT},-1,,", "a purchase with a quantity of 0 or less"),
        (f"u,i,view,{AT},two,,", "a quantity that is no finite number"),
        (f"u,i,view,{AT},inf,,", "a quantity that is no finite number"),
        (f"u,i,purchase,{AT},1,-2,", "a price below 0"),
        (f"u,i,purchase,{AT},1,free,", "a price or amount that is no finite number"),
        (f"u,i,purchase,{AT},1,nan,", "a price or amount that is no finite number"),
        (f"u,i,purchase,{AT},1,1e30,", "a quantity or price above 1,000,000,000"),
        (f"u,i,purchase,{AT},1e30,1,", "a quantity or price above 1,000,000,000"),
        (f"u,i,rating,{AT},,,1e30", "a rating above 1,000"),
        (f"u,i,rating,{AT},,,", "a rating without its value"),
        (f"u,i,rating,{AT},,,good", "a rating that is no finite number"),
        (f"{'u' * 513},i,view,{AT},,,", "an id longer than 512 characters, or with a control character"),
        (f"{'é' * 513},i,view,{AT},,,", "an id longer than 512 characters, or with a control character"),
        (f"u,i\0i,view,{AT},,,", "an id longer than 512 characters, or with a control character"),
        ("u", "the line does not parse"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason_and_the_others_go_in(shop: Shop, line: str, reason: str) -> None:
    good = f"u,i,purchase,{AT},1,2,\n"
    tally = shop.take(shop.file("a.csv", f"{HEADER}{good}{line}\nu,j,view,{AT},,,\n"))
    assert dict(tally.reasons) == {reason: 1}
    assert (tally.accepted, tally.lines) == (2, 3)
    assert [reject.line for reject in tally.first[reason]] == [3]


def test_an_id_of_exactly_the_longest_length_goes_in(shop: Shop) -> None:
    assert shop.take(shop.file("a.csv", f"{HEADER}{'u' * 512},i,view,{AT},,,\n")).accepted == 1


def test_clocks_may_differ_by_some_minutes(shop: Shop) -> None:
    lines = "".join(f"u,i,view,{NOW + minutes * 60_000},,,\n" for minutes in (4, 6))
    assert shop.take(shop.file("a.csv", HEADER + lines)).accepted == 1


def test_an_amount_over_no_quantity_is_no_price_and_no_fault(shop: Shop) -> None:
    path = shop.file("a.csv", f"user_id,item_id,at,quantity,amount\nu,i,{AT},0,3\nu,i,{AT},2,x\n")
    tally = shop.take(path, kind="cart")
    assert [event.price for event in shop.events()] == [None]
    assert dict(tally.reasons) == {"a price or amount that is no finite number": 1}


def test_several_columns_of_discounts_are_summed_whatever_their_signs_say(shop: Shop) -> None:
    header = "user_id,item_id,at,amount,promo,voucher,coupon,campaign\n"
    rows = ("8,0.1,0.2,SPRING,mail-7", "8,-1,-0.5,,", "8,,,,", "8,,0.25,,")
    path = shop.file("a.csv", header + "".join(f"u,i{n},{AT},{row}\n" for n, row in enumerate(rows)))
    assert shop.take(path, "discount=promo+voucher", kind="purchase").accepted == 4
    kept = [(event.price, event.discount, event.coupon, event.campaign) for event in shop.events()]
    assert kept == [(8, 0.3, "SPRING", "mail-7"), (8, 1.5, None, None), (8, None, None, None), (8, 0.25, None, None)]


def test_a_part_of_a_discount_that_is_no_number_is_refused_and_a_comma_is_asked_about(shop: Shop) -> None:
    header = "user_id,item_id,at,promo,voucher\n"
    tally = shop.take(shop.file("a.csv", f"{header}u,i,{AT},1,many\n"), "discount=promo+voucher", kind="purchase")
    assert dict(tally.reasons) == {"a discount that is no finite number": 1}
    with pytest.raises(BadInput, match="discount has numbers such as '0,50'"):
        shop.take(shop.file("b.csv", f'{header}u,i,{AT},1,"0,50"\n'), "discount=promo+voucher", kind="purchase")


def test_all_rejects_stand_in_a_file_with_line_reason_and_row_and_the_first_three_are_kept(shop: Shop) -> None:
    tally = shop.take(shop.file("a.csv", HEADER + f",i,view,{AT},,,\n" * 5 + "broken\n"))
    assert tally.rejects_file is not None
    kept = [orjson.loads(line) for line in tally.rejects_file.read_bytes().splitlines()]
    assert [row["line"] for row in kept] == [2, 3, 4, 5, 6, 7]
    assert kept[0]["row"]["item_id"] == kept[0]["read"]["item_id"] == "i"
    assert kept[-1] == {
        "line": 7,
        "reason": "the line does not parse",
        "row": {"text": "broken", "why": "has 1 fields, the header has 7"},
        "read": None,
    }
    assert len(tally.first["no user_id"]) == 3
    assert tally.rejects_file.name.endswith("-a.csv.jsonl")


def test_an_import_without_rejects_leaves_no_file_behind(shop: Shop) -> None:
    tally = shop.take(shop.file("a.csv", HEADER + f"u,i,view,{AT},,,\n"))
    assert tally.rejects_file is None
    assert not (shop.folder / "rejects").exists()


@pytest.mark.parametrize(
    ("maps", "const", "kind", "says"),
    [
        ((), (), "view", "no column 'user_id'; did you mean 'used_id'. the file has used_id, item_id, at"),
        (("user_id=usedid",), (), "view", "no column 'usedid' for user_id; did you mean 'used_id'"),
        (("user_id=used_id",), (), None, "no column 'kind'"),
        (("usr_id=used_id",), (), "view", "there is no usr_id; did you mean 'user_id'"),
        (("user_id",), (), "view", "write --map"),
        (("user_id=used_id", "user_id=at"), (), "view", "given twice"),
        (("user_id=used_id",), ("user_id=x",), "view", "leave one out"),
        (("user_id=used_id",), (), "purchse", "did you mean 'purchase'"),
    ],
)
def test_a_wrong_mapping_names_what_there_is_and_the_nearest(
    shop: Shop, maps: tuple[str, ...], const: tuple[str, ...], kind: str | None, says: str
) -> None:
    path = shop.file("a.csv", f"used_id,item_id,at\nu,i,{AT}\n")
    with pytest.raises(BadInput, match=says):
        shop.take(path, *maps, const=const, kind=kind)


def test_a_file_that_ends_too_early_keeps_what_went_in_before(shop: Shop) -> None:
    lines = HEADER.encode() + b"".join(b"u,%d,view,%d,,,\n" % (n * n, NOW - n * 7_919) for n in range(70_000))
    path = shop.folder / "a.csv.gz"
    path.write_bytes(gzip.compress(lines)[:-1_000])
    with pytest.raises(BadFile, match="to its end"):
        shop.take(path)
    assert shop.store.head() >= 50_000


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["u", "v", "", "w" * 300]),
            st.sampled_from(["i", "j", "i,", "é"]),
            st.sampled_from(["view", "purchase", "look", ""]),
            st.sampled_from([AT, "1672531200", "never", "", "2999-01-01"]),
            st.sampled_from(["", "1", "0", "-3", "x", "inf"]),
        ),
        max_size=30,
    )
)
def test_every_line_counts_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("shop")
    store = open_store(folder, None)
    shop = Shop(folder, store)
    path = shop.file("a.csv", HEADER + "".join(",".join(row) + ",,\n" for row in rows))
    tally, again = shop.take(path), shop.take(path)
    assert tally.lines == again.lines == len(rows)
    assert tally.accepted == store.head() == again.known
    assert again.accepted == 0
    kept = tally.rejects_file.read_bytes().count(b"\n") if tally.rejects_file else 0
    assert tally.rejected == kept
    store.close()


keys = st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=8)


@given(keys)
def test_occurrences_count_equal_keys_over_all_pieces(pieces: list[list[int]]) -> None:
    seen, occurrences = list[int](), Occurrences()
    for piece in pieces:
        ordinals = occurrences.ordinals(np.array(piece, np.uint64))
        assert ordinals.tolist() == [(seen + piece[:i]).count(key) for i, key in enumerate(piece)]
        seen += piece


word = st.text(min_size=1, max_size=4)


def viewed(user_id: str, item_id: str, kind: Kind, at_ms: int, order_id: str | None) -> Event:
    return Event("", user_id, item_id, kind, at_ms, order_id=order_id)


some_events = st.builds(viewed, word, word, st.sampled_from(Kind), st.integers(0, NOW), st.none() | word)


@given(st.lists(some_events, min_size=1, max_size=6))
def test_ids_made_column_by_column_are_those_made_one_by_one(events: list[Event]) -> None:
    frame = pl.DataFrame(events + events, schema=list(Event._fields), orient="row", infer_schema_length=None)
    ids = content_ids(frame.cast({"order_id": pl.String, "kind": pl.Int8}), Occurrences()).to_list()
    seen: list[Event] = []
    for event, id_ in zip(events + events, ids, strict=True):
        assert id_ == content_id(event, seen.count(event))
        seen.append(event)


def test_a_line_of_another_encoding_is_refused_and_kept_and_the_others_go_in(shop: Shop) -> None:
    path = shop.folder / "latin.csv"
    path.write_bytes(f"{HEADER}Jürgen,i,view,{AT},1,,\nu,i,view,{AT},1,,\n".encode("latin-1"))
    tally = shop.take(path)
    assert (tally.accepted, tally.rejected) == (1, 1)
    assert tally.rejects_file is not None
    kept = orjson.loads(tally.rejects_file.read_bytes())
    assert kept["line"] == 2
    assert "UTF-8" in kept["row"]["why"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"user_id": "u", "item_id": ["a", "b"], "at": "2023-01-01"}', "item_id: a list or an object in the column x"),
        ('{"user_id": {"id": 7}, "item_id": "a", "at": "2023-01-01"}', "user_id: a list or an object"),
        ('{"user_id": "1.20E+11", "item_id": "a", "at": "2023-01-01"}', "user_id: an id that a spreadsheet rounded"),
        ('{"user_id": "u", "item_id": "a", "at": "1.79E+12"}', "a time that a spreadsheet rounded"),
        ('{"user_id": "u", "item_id": "a", "at": ["2023-01-01"]}', "a time that cannot be read"),
        ('{"user_id": "u", "item_id": "a", "at": "2023-01-01", "price": [1]}', "a price or amount that is no finite"),
    ],
)
def test_what_is_no_plain_value_is_refused_with_what_to_do(shop: Shop, line: str, reason: str) -> None:
    path = shop.file("a.jsonl", line.replace("item_id", "x") + "\n")
    (refused,) = shop.take(path, "item_id=x", kind="view").reasons
    assert refused.startswith(reason)


def test_ids_that_look_the_same_are_the_same(shop: Shop) -> None:
    ids = ["caf\u00e9", "cafe\u0301", " caf\u00e9 ", '"=""caf\u00e9"""']
    shop.take(shop.file("a.csv", "user_id,item_id,at\n" + "".join(f"u,{id_},{AT}\n" for id_ in ids)), kind="view")
    assert {event.item_id for event in shop.events()} == {"caf\u00e9"}
