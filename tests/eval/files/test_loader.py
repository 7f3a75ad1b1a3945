"""Columns of many names and weights of two kinds are read, and every row left out is counted."""

from pathlib import Path

import polars as pl
import pytest

from eval.files.file_rows import FileRows
from eval.files.loader import MOST_TIMES, TARGETS, build_events, check_shared, read_rows
from recsys.cli.reading_options import ReadingOptions
from recsys.data.dataset.dataset import build_dataset
from recsys.data.events import Kind
from recsys.data.files.column_mapping import ColumnMapping
from recsys.errors import BadFile, BadInput, NotEnoughData


def written(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rows_of(folder: Path, text: str, *maps: str) -> FileRows:
    return read_rows(written(folder, text), maps)


@pytest.mark.parametrize(
    "header",
    [
        "user,item",
        "User ID,Product-ID",
        "customer_id,sku",
        "household_id,product_id",
        "user_id:token,item_id:token",
        "reviewerID,asin",
        "userId,movieId",
        "User-ID,ISBN",
    ],
)
def test_columns_are_found_by_the_names_people_give_them(tmp_path: Path, header: str) -> None:
    rows = rows_of(tmp_path, f"{header}\n7,a\n8,b\n")
    assert rows.frame["user_id"].to_list() == ["7", "8"]
    assert rows.frame["item_id"].to_list() == ["a", "b"]
    assert rows.facts.columns == dict(zip(("user", "item"), header.split(","), strict=True))


def test_a_column_said_by_map_wins_over_the_guess(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "user,customer,item\nx,ann,a\n", "user=customer")
    assert rows.frame["user_id"].to_list() == ["ann"]


def test_a_column_said_to_be_something_else_is_not_guessed(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "household_id,basket_id,item\nx,7,a\n", "user=basket_id")
    assert rows.frame["user_id"].to_list() == ["7"]
    assert "order_id" not in rows.facts.columns


def test_a_file_without_a_needed_column_says_which_it_has(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no column 'item'.*the file has user, thing.*--map item=COLUMN"):
        rows_of(tmp_path, "user,thing\n1,2\n")


def test_a_file_without_a_header_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no header"):
        rows_of(tmp_path, "196,242,3,881250949\n186,302,3,891717742\n")


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("1,1", "user,item"),
        ("1,1,5,874965758", "user,item,rating,time"),
        ("7,7,874965758,3", "user,item,time,rating"),
        ("1,1,1997-09-22", "user,item,time"),
        ("1,1,22/09/1997 10:15", "user,item,time"),
        ("1,2,5,4", "user,item,rating,column_4"),
    ],
)
def test_a_file_without_a_header_is_told_which_line_to_add(tmp_path: Path, first: str, header: str) -> None:
    with pytest.raises(BadInput, match=f"has no header, its first line is .*; put .* above it, such as {header}$"):
        rows_of(tmp_path, f"{first}\n{first}\n")


def test_two_columns_of_one_name_are_no_row(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="two columns are called 'item'"):
        rows_of(tmp_path, "user,item,item\n1,2,3\n")


@pytest.mark.parametrize("text", ["user,item\nJosé,a\nZoë,b\n", "usé,item\n1,a\n"])
def test_a_file_in_another_encoding_is_told_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadFile, match="is no text in UTF-8; save it as UTF-8"):
        read_rows(path, ("user=usé",) if "usé" in text else ())


def test_a_few_rows_in_another_encoding_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("user,item\nJosé,a\nann,a\nann\n".encode("latin-1"))
    assert read_rows(path, ()).facts.dropped == {"no text in UTF-8": 1, "no row at all": 1}


def test_times_nobody_can_read_are_shown_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match=r"because of its time, such as '31/12/19'; write 2019-12-31 or"):
        rows_of(tmp_path, "user,item,date\nann,a,31/12/19\nben,,30/12/19\nben,a,30/12/19\n")


def test_files_whose_ids_are_written_differently_are_refused(tmp_path: Path) -> None:
    train = read_rows(written(tmp_path, "user,item\n1,7\n2,8\n", "train.csv"), ())
    test = read_rows(written(tmp_path, "user,item\n1.0,7.0\n", "test.csv"), ())
    with pytest.raises(
        BadInput, match=r"begins with customer '1.0', item '7.0', that file with customer '1', item '7'"
    ):
        check_shared(train, test)


@pytest.mark.parametrize("row", ["stranger,7", "1,novelty", "1,7"])
def test_files_that_share_customers_or_items_are_judged(tmp_path: Path, row: str) -> None:
    train = read_rows(written(tmp_path, "user,item\n1,7\n2,8\n", "train.csv"), ())
    check_shared(train, read_rows(written(tmp_path, f"user,item\n{row}\n", "test.csv"), ()))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{0},{1}.0", r"0 of its 30 items stand in .*train.csv, so no model can be judged; it has '100.0', that file"),
        ("{0},00{1}", "0 of its 30 items stand in"),
        ("{0}.0,{1}", "0 of its 30 customers stand in"),
    ],
)
def test_files_that_write_the_ids_of_one_column_differently_are_refused(tmp_path: Path, row: str, message: str) -> None:
    ids = [(f"{at}", f"{100 + at}") for at in range(30)]
    train, test = (
        read_rows(written(tmp_path, "user,item\n" + "".join(f"{form.format(*pair)}\n" for pair in ids), name), ())
        for form, name in (("{0},{1}", "train.csv"), (row, "test.csv"))
    )
    with pytest.raises(BadInput, match=message):
        check_shared(train, test)


def test_a_header_alone_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="header only"):
        rows_of(tmp_path, "user,item\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no such file"):
        read_rows(tmp_path / "nothing.csv", ())


def test_every_row_left_out_is_counted_under_its_first_reason(tmp_path: Path) -> None:
    rows = (",a,1,5", "ann,,x,5", "ann,a,x,5", "ann,a,0,5", "ann,a,-1,5", "ann,a,1,when", "ann,a", "ann,b,2,5")
    facts = rows_of(tmp_path, "user,item,quantity,time\n" + "\n".join(rows)).facts
    assert facts.dropped == {
        "no user": 1,
        "no item": 1,
        "weight is no number": 2,  # a short row, whose missing cells are empty, too
        "weight of 0 or below": 2,
        "time cannot be read": 1,
    }
    assert (facts.rows, facts.used, facts.users, facts.items) == (8, 1, 1, 1)


def test_parquet_and_zipped_text_are_read_alike(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": [1, 2], "item": [10, 11], "time": [1.5e9, 1.6e9]})
    frame.write_parquet(tmp_path / "rows.parquet")
    frame.write_csv(tmp_path / "rows.csv")
    as_text, typed = (read_rows(tmp_path / f"rows.{kind}", ()).frame for kind in ("csv", "parquet"))
    assert as_text.equals(typed)
    assert typed["at_ms"].to_list() == [1_500_000_000_000, 1_600_000_000_000]


@pytest.mark.parametrize(
    ("header", "body", "means"),
    [
        ("user,item", "u,i\n", "nothing"),
        ("user,item,rating", "u,i,1\n", "ratings"),
        ("user,item,weight", "".join(f"u{n},i,{1 + n % 5}\nu{n},j,4\n" for n in range(20)), "ratings"),
        ("user,item,weight", "".join(f"u{n},i,{1 + n % 5}\nu{n},j,1\n" for n in range(20)), "counts"),
        ("user,item,weight", "".join(f"u{n},i,{1 + n}\nu{n},j,4\n" for n in range(20)), "counts"),
        ("user,item,weight", "".join(f"u,i,{1 + n % 5}\nu,i,4\n" for n in range(20)), "counts"),
        ("user,item,weight", "u,i,1.3\nu,j,2.7\nu,k,2.7\nu,l,4.1\n", "counts"),
    ],
)
def test_a_weight_is_a_rating_or_a_count(tmp_path: Path, header: str, body: str, means: str) -> None:
    assert rows_of(tmp_path, f"{header}\n{body}").facts.weight_means == means


def test_ratings_are_rated_and_counts_are_bought(tmp_path: Path) -> None:
    rated = build_events(rows_of(tmp_path, "user,item,stars\nann,a,4.5\n"))
    bought = build_events(rows_of(tmp_path, "user,item,quantity,time\nann,a,3,2020-01-01\n"))
    assert rated.select("kind", "rating").rows() == [(int(Kind.RATING), 4.5)]
    assert bought.select("kind", "quantity", "rating").rows() == [(int(Kind.PURCHASE), 3.0, None)]


def test_without_times_a_count_stands_for_as_many_purchases(tmp_path: Path) -> None:
    events = build_events(rows_of(tmp_path, "user,item,plays\nann,a,3\nann,b,0.2\nben,a,5000\n"))
    counted = events.group_by("user_id", "item_id").len().sort("user_id", "item_id")
    assert counted["len"].to_list() == [3, 1, MOST_TIMES]


@pytest.mark.parametrize("header", ["User-ID,ISBN,Book-Rating", "user_id,anime_id,rating", "reviewerID,asin,overall"])
def test_columns_of_ratings_are_found_by_the_names_people_give_them(tmp_path: Path, header: str) -> None:
    rows = rows_of(tmp_path, f"{header}\n7,a,8.5\n8,b,2\n")
    assert rows.facts.columns == dict(zip(("user", "item", "rating"), header.split(","), strict=True))
    assert rows.frame["value"].to_list() == [8.5, 2]


@pytest.mark.parametrize("far", ["1e39", "-1e39", "1e300", "1000001"])
def test_a_rating_that_no_scale_reaches_is_left_out_and_counted(tmp_path: Path, far: str) -> None:
    file = written(tmp_path, f"user,item,rating\nann,a,5\nann,b,{far}\nben,a,1000000\n")
    rows = read_rows(file, (), lowest=float("-inf"))
    assert rows.frame["value"].to_list() == [5, 1_000_000]
    assert rows.facts.dropped == {"rating out of range": 1}


def test_a_weight_read_as_a_rating_has_a_range_and_an_amount_has_none(tmp_path: Path) -> None:
    file = written(tmp_path, "user,item,amount\nann,a,5\nann,b,2500000\n")
    assert read_rows(file, (), lowest=float("-inf")).facts.dropped == {"rating out of range": 1}
    assert read_rows(file, ()).facts.dropped == {}


@pytest.mark.parametrize(
    ("header", "rows", "doubles"),
    [
        ("user,item", ("a,x", "a,x", "a,x", "b,x"), 2),
        ("user,item,quantity,time,order", ("a,x,1,2020-01-01,7", "a,x,1,2020-01-01,7"), 1),
        ("user,item,quantity,time,order", ("a,x,1,2020-01-01,7", "a,x,2,2020-01-01,7"), 0),
        ("user,item,quantity,time,order", ("a,x,1,2020-01-01,7", "a,x,1,2020-01-02,7"), 0),
        ("user,item,quantity,time,order", ("a,x,1,2020-01-01,7", "a,x,1,2020-01-01,8"), 0),
        ("user,item,color", ("a,x,red", "a,x,blue"), 1),
    ],
)
def test_rows_that_stand_there_twice_are_counted_and_stay(
    tmp_path: Path, header: str, rows: tuple[str, ...], doubles: int
) -> None:
    read = rows_of(tmp_path, "\n".join((header, *rows)) + "\n")
    assert (read.facts.doubles, read.frame.height) == (doubles, len(rows))


def n_purchases(rows: FileRows) -> list[int]:
    """How often each pair of customer and item counts, in a file of one customer."""
    weights = {Kind.PURCHASE: 1.0}
    data = build_dataset(build_events(rows), [], now=30_000.0, weight_by_kind=weights, never_show={}).data
    return list(data.histories.pairs().count.tolist())


def test_rows_without_a_time_are_as_many_purchases_and_those_of_a_day_or_order_are_one(tmp_path: Path) -> None:
    assert n_purchases(rows_of(tmp_path, "user,item\nu,a\nu,b\nu,a\nu,a\n")) == [3, 1]
    assert n_purchases(rows_of(tmp_path, "user,item,weight\nu,a,3\nu,b,12\n")) == [3, 12]
    assert n_purchases(rows_of(tmp_path, "user,item,order\nu,a,1\nu,a,1\nu,a,2\n")) == [2]
    timed = "user,item,time\nu,a,2020-01-01T08:00:00Z\nu,a,2020-01-01T09:00:00Z\nu,a,2020-01-02T09:00:00Z\n"
    assert n_purchases(rows_of(tmp_path, timed)) == [2]


def test_files_of_an_evaluation_are_read_as_their_options_say(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Kunde;Käse;n;Datum;Status\nu;a;1,5;31/01/24;paid\nu;b;2;01/02/24;open\n".encode("cp1252"))
    options = ReadingOptions(";", "cp1252", ",", ["%d/%m/%y"], "Australia/Sydney", ["Status=PAID"])
    written = options.applied_to(ColumnMapping.parse(["user_id=Kunde,item=Käse,at=Datum,quantity=n"], (), TARGETS))
    rows = read_rows(path, (), written=written)
    assert rows.frame.select("user_id", "item_id", "value", "at_ms").rows() == [("u", "a", 1.5, 1_706_619_600_000)]
    assert rows.facts.dropped == {"not as --where says": 1}
    assert rows.facts.rows == 2


def test_the_order_of_day_and_month_is_that_of_the_column_and_commas_need_an_option(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "user,item,date\nu,a,03/02/2024\nu,b,13/02/2024\n")
    assert (rows.facts.first_day, rows.facts.last_day) == ("2024-02-03", "2024-02-13")
    with pytest.raises(BadInput, match="say --decimal ,"):
        rows_of(tmp_path, 'user,item,count\nu,a,"1,5"\n')
