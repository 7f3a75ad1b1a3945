"""Import of items and customers: only new and changed ones are stored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.entities import Attribute, Item, User
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from recsys.time_units import DAY_MS
from training.importing.entities import ITEMS, USERS, import_entities
from training.importing.rejects import Tally


@dataclass(frozen=True)
class Shop:
    """A folder for files, and a store to import them into."""

    folder: Path
    store: Store

    def items(
        self,
        text: str | Path,
        *maps: str,
        const: tuple[str, ...] = (),
        attributes: bool = True,
        decimal: str | None = None,
    ) -> Tally:
        return import_entities(
            self._file(text),
            self.store,
            ITEMS,
            replace(ColumnMapping.parse(maps, const, ITEMS.targets), decimal=decimal),
            attributes=attributes,
            rejects=self.folder / "rejects",
            progress=lambda lines: None,
        )

    def users(self, text: str | Path, *maps: str) -> Tally:
        return import_entities(
            self._file(text),
            self.store,
            USERS,
            ColumnMapping.parse(maps, (), USERS.targets),
            attributes=True,
            rejects=self.folder / "rejects",
            progress=lambda lines: None,
        )

    def _file(self, text: str | Path) -> Path:
        if isinstance(text, Path):
            return text
        path = self.folder / ("a.jsonl" if text.startswith("{") else "a.csv")
        path.write_text(text)
        return path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = open_store(tmp_path, None)
    yield Shop(tmp_path, store)
    store.close()


def test_columns_become_fields_and_every_other_column_an_attribute(shop: Shop) -> None:
    shop.items("sku,category,price,stock,available_from,colour\n7,SOAP,2.5,3,1970-01-02,red\n", "item_id=sku")
    assert shop.store.item("7") == Item(
        "7", category="SOAP", price=2.5, stock=3.0, available_from_ms=86_400_000, attributes={"colour": "red"}
    )


def test_a_name_joined_of_two_columns_skips_the_empty_one_and_leaves_both_as_attributes(shop: Shop) -> None:
    shop.items("item_id,type,size\n1,MILK,1 L\n2,BREAD,\n3,,\n", "name=type+size")
    names = [item.name for item in shop.store.items_since(0)]
    assert names == ["MILK 1 L", "BREAD", None]
    assert shop.store.item("1") == Item("1", name="MILK 1 L", attributes={"type": "MILK", "size": "1 L"})


def test_attributes_can_be_left_out(shop: Shop) -> None:
    shop.items("item_id,colour\n1,red\n", attributes=False)
    assert shop.store.item("1") == Item("1")


def test_an_unchanged_item_keeps_its_revision_and_is_not_put_again(shop: Shop) -> None:
    text = "item_id,name,size\n1,a,5\n2,b,\n"
    first = shop.items(text)
    revision = shop.store.item_revision()
    second = shop.items(text)
    third = shop.items("item_id,name,size\n1,a,5\n2,c,\n")
    assert (first.accepted, first.known) == (2, 0)
    assert (second.accepted, second.known) == (0, 2)
    assert (third.accepted, third.known) == (1, 1)
    assert [item.item_id for item in shop.store.items_since(revision)] == ["2"]


def test_what_the_file_has_no_column_for_stays_and_an_empty_cell_clears(shop: Shop) -> None:
    shop.store.put_items([Item("1", name="old", price=1.0, stock=0.0, attributes={"a": "x", "b": "y"})])
    shop.items("item_id,name,price,b\n1,new,,z\n")
    assert shop.store.item("1") == Item("1", name="new", price=None, stock=0.0, attributes={"a": "x", "b": "z"})


def test_an_item_that_was_deleted_is_back_when_a_file_names_it(shop: Shop) -> None:
    shop.store.put_items([Item("1", deleted=True)])
    assert shop.items("item_id\n1\n").accepted == 1
    assert shop.store.item("1") == Item("1")


def test_of_several_lines_about_one_item_the_last_counts_however_often_it_is_imported(shop: Shop) -> None:
    text = "item_id,name\n1,a\n2,x\n1,b\n"
    first, second = shop.items(text), shop.items(text)
    assert (first.accepted, first.known, first.lines) == (2, 1, 3)
    assert (second.accepted, second.known) == (0, 3)
    assert shop.store.item("1") == Item("1", name="b")


def test_values_of_json_and_parquet_keep_their_types_and_are_unchanged_next_time(shop: Shop) -> None:
    text = '{"item_id": 1, "tags": ["a", "b"], "weight": 1.5, "new": true, "size": {"w": 2}, "n": 3}\n'
    shop.items(text)
    attributes: dict[str, Attribute] = {"tags": ["a", "b"], "weight": 1.5, "new": True, "size": '{"w":2}', "n": 3}
    assert shop.store.item("1") == Item("1", attributes=attributes)
    assert shop.items(text).known == 1
    path = shop.folder / "b.parquet"
    pl.DataFrame({"item_id": [2], "tags": [["a"]], "weight": [float("nan")], "since": [1]}).select(
        "item_id", "tags", "weight", pl.col("since").cast(pl.Date), pl.struct("since").alias("box")
    ).write_parquet(path)
    shop.items(path)
    known: dict[str, Attribute] = {"tags": ["a"], "weight": None, "since": "1970-01-02", "box": '{"since":1}'}
    assert shop.store.item("2") == Item("2", attributes=known)
    assert shop.items(path).known == 1


def test_lists_of_objects_in_a_parquet_are_json_as_they_are_in_a_jsonl(shop: Shop) -> None:
    rows = [{"item_id": "1", "parts": [{"n": 1}], "box": {"w": 2}, "sizes": [1, 2]}]
    pl.DataFrame(rows).write_parquet(shop.folder / "b.parquet")
    shop.items(shop.folder / "b.parquet")
    attributes = shop.store.item("1")
    shop.items(orjson.dumps(rows[0]).decode())
    assert attributes == shop.store.item("1")
    assert attributes is not None
    assert attributes.attributes == {"parts": '[{"n":1}]', "box": '{"w":2}', "sizes": ["1", "2"]}


def test_a_constant_holds_for_every_line(shop: Shop) -> None:
    shop.items("item_id\n1\n2\n", const=("brand=Own, the best",))
    assert [item.brand for item in shop.store.items_since(0)] == ["Own, the best"] * 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",1,1,,", "no item_id"),
        (f"{'x' * 513},1,1,,", "an id longer than 512 characters, or with a control character"),
        ("1,-1,1,,", "a price below 0"),
        ("1,cheap,1,,", "a price that is no finite number"),
        ("1,1,inf,,", "a stock that is no finite number"),
        ("1,1,1e30,,", "a price or stock above 1,000,000,000"),
        ("1,1,1,soon,", "an available_from that cannot be read"),
        ("1,1,1,,later", "an available_until that cannot be read"),
        ("1,1,1,2024-02-01,2024-01-01", "available_until before available_from"),
        ("1", "the line does not parse"),  # a heading; with two cells or more the missing ones are empty
    ],
)
def test_a_bad_line_is_refused_with_its_reason_and_the_others_go_in(shop: Shop, line: str, reason: str) -> None:
    tally = shop.items(f"item_id,price,stock,available_from,available_until\n{line}\nok,1,,,\n")
    assert dict(tally.reasons) == {reason: 1}
    assert (tally.accepted, tally.lines) == (1, 2)


def test_dates_that_mean_never_are_no_limit_and_a_day_alone_lasts_to_its_end(shop: Shop) -> None:
    lines = ("a,0000-00-00,0000-00-00 00:00:00", "b,0,0", "c,,2024-05-01", "d,,2024-05-01 10:00:00", "e,,01.05.2024")
    assert shop.items("item_id,available_from,available_until\n" + "\n".join(lines)).rejected == 0
    until = {item.item_id: (item.available_from_ms, item.available_until_ms) for item in shop.store.items_since(0)}
    day = 1_714_521_600_000
    assert until["a"] == until["b"] == (None, None)
    assert until["c"] == until["e"] == (None, day + DAY_MS - 1)
    assert until["d"] == (None, day + 36_000_000)


def test_numbers_with_a_decimal_comma_are_read_as_the_option_says(shop: Shop) -> None:
    text = "item_id;price;stock;weight\n1;3,50;1.000;1,5\n2;1.299,00;7;2\n"
    with pytest.raises(BadInput, match="price has numbers such as '3,50': say --decimal ,"):
        shop.items(text)
    shop.items(text, decimal=",")
    read = [(item.price, item.stock, item.attributes["weight"]) for item in shop.store.items_since(0)]
    assert read == [(3.5, 1000.0, 1.5), (1299.0, 7.0, 2.0)]
    shop.items('item_id,price\n1,"1,299.50"\n2,3.5\n', decimal=".")
    assert [item.price for item in shop.store.items_since(0)] == [1299.5, 3.5]


def test_a_list_in_a_mapped_column_is_refused_and_a_part_of_it_can_be_taken(shop: Shop) -> None:
    text = '{"item_id": "a", "kinds": ["Tea", "Drinks"], "maker": {"name": "Leaf"}}\n'
    (reason,) = shop.items(text, "category=kinds").reasons
    assert "category: a list or an object in the column kinds" in reason
    assert "--map category=kinds.0" in reason
    shop.items(text, "category=kinds.0,brand=maker.name", attributes=False)
    assert shop.store.item("a") == Item("a", category="Tea", brand="Leaf")


def test_a_file_without_ids_names_the_columns_it_has(shop: Shop) -> None:
    with pytest.raises(BadInput, match="did you mean 'itemid'. the file has itemid, name"):
        shop.items("itemid,name\n1,a\n")
    with pytest.raises(BadInput, match="no column 'size' for name"):
        shop.items("item_id,type\n1,a\n", "name=type+size")


def test_customers_keep_every_other_column_and_unchanged_ones_are_left_alone(shop: Shop) -> None:
    text = "household,age,income\n1,65+,35-49K\n2,,\n,1,1\n"
    first, second = shop.users(text, "user_id=household"), shop.users(text, "user_id=household")
    assert shop.store.user("1") == User("1", {"age": "65+", "income": "35-49K"})
    assert (first.accepted, dict(first.reasons)) == (2, {"no user_id": 1})
    assert (second.accepted, second.known, second.lines) == (0, 2, 3)


def test_further_lines_of_a_product_clear_nothing(shop: Shop) -> None:
    text = "item_id,name,brand,category,price,stock,colour\n1,Shirt,Acme,Tops,9,4,red\n1,,,,,,\n1,,,,10,,blue\n"
    tally = shop.items(text)
    described = Item("1", "Shirt", "Tops", "Acme", 10.0, 4.0, attributes={"colour": "blue"})
    assert shop.store.item("1") == described
    assert (tally.accepted, tally.known, len(tally.notes)) == (1, 2, 1)
    assert shop.items(text).accepted == 0
    shop.items("item_id,name\n1,\n")  # another file with an empty cell still clears it
    assert shop.store.item("1") == replace(described, name=None)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1", "2.5", ""), (1.0, 2.5, None)),
        (("1", "20", "-3"), (1, 20, -3)),
        (("true", "FALSE", "True"), (True, False, True)),
        (("007", "12", "13"), ("007", "12", "13")),
        (("1", "n/a", "2"), ("1", "n/a", "2")),
        (("1", "NULL", "\\N"), (1, None, None)),
        (("1", "true", ""), ("1", "true", None)),
        (("1234567890123456", "2", "3"), ("1234567890123456", "2", "3")),
        (("+4912", "+4913", ""), ("+4912", "+4913", None)),
        (("inf", "1", "2"), ("inf", "1", "2")),
    ],
)
def test_a_column_is_typed_as_a_whole(shop: Shop, cells: tuple[str, ...], values: tuple[Attribute, ...]) -> None:
    shop.items("item_id,x\n" + "".join(f"{at},{cell}\n" for at, cell in enumerate(cells)))
    read = [item.attributes["x"] for item in shop.store.items_since(0)]
    assert [(type(value), value) for value in read] == [(type(value), value) for value in values]


COLUMNS = (
    st.integers(-(10**14), 10**14) | st.none(),
    st.floats(-1e12, 1e12) | st.none(),
    st.booleans() | st.none(),
    st.text(st.sampled_from("aé0.1-e+ tru"), max_size=5) | st.none(),
)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(COLUMNS).flatmap(lambda values: st.lists(values, min_size=1, max_size=6)))
def test_csv_jsonl_and_parquet_of_the_same_rows_give_equal_attributes(values: list[Attribute]) -> None:
    with TemporaryDirectory() as name:
        table = pl.DataFrame({"item_id": [f"i{at}" for at in range(len(values))], "x": values})
        table.write_csv(f"{name}/a.csv")
        table.write_ndjson(f"{name}/a.jsonl")
        table.write_parquet(f"{name}/a.parquet")
        read = []
        for kind in ("csv", "jsonl", "parquet"):
            (Path(name) / kind).mkdir()
            shop = Shop(Path(name) / kind, open_store(Path(name) / kind, None))
            shop.items(Path(name) / f"a.{kind}")
            read.append([(type(x), x) for item in shop.store.items_since(0) for x in item.attributes.values()])
            shop.store.close()
    assert read[0] == read[1] == read[2]


def test_a_column_with_ids_of_customers_is_told_with_the_way_out(shop: Shop) -> None:
    shop.users("user_id\nann\nbob\n")
    tally = shop.items("item_id,buyer,colour\na,ann,red\nb,bob,blue\nc,,tan\n")
    (note,) = tally.notes
    assert note.startswith("buyer: most values are ids of customers; leave the column out of the file")
    assert "--no-attributes" in note
    assert tally.accepted == 3
    assert shop.items("item_id,buyer,colour\na,ann,red\n", attributes=False).notes == []
