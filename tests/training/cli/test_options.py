"""Options that say how a file is written, on the command line."""

import tempfile
from datetime import datetime
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.events import Kind
from recsys.data.store.open import open_store

AT = "2023-01-01T00:00:00Z"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


ZONED = "user_id,item_id,at\nu,a,2024-01-31 10:00:00\nu,b,2024-01-31T10:00:00Z\nu,c,2024-10-06 02:30\n"


def times(home: Path) -> dict[str, int]:
    return {event.item_id: event.at_ms for event in open_store(home, None).user_events("u")}


def test_times_without_a_zone_are_read_in_that_of_the_option_else_of_the_rules(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", ZONED)
    words = ("import", "events", file, "--kind", "purchase")
    run(tmp_path / "utc", *words)
    run(tmp_path / "option", *words, "--time-zone", "Australia/Sydney")
    (tmp_path / "rules").mkdir()
    written(tmp_path / "rules" / "rules.toml", 'timezone = "Australia/Sydney"\n')
    run(tmp_path / "rules", *words)
    utc = times(tmp_path / "utc")
    assert times(tmp_path / "option") == times(tmp_path / "rules") == {
        "a": utc["a"] - 11 * 3_600_000, "b": utc["b"], "c": utc["c"] - 10 * 3_600_000,
    }  # fmt: skip


def test_a_home_with_earlier_imports_keeps_their_zone_and_says_so(tmp_path: Path) -> None:
    file, home = written(tmp_path / "a.csv", ZONED), tmp_path / "home"
    words = ("import", "events", file, "--kind", "purchase")
    run(home, *words)
    written(home / "rules.toml", 'timezone = "Europe/Berlin"\n')
    again = run(home, *words)
    assert "0 accepted, 3 duplicate" in again.stdout
    assert "the rules name Europe/Berlin" in " ".join(again.stdout.split())


def test_a_zone_that_does_not_exist_is_named(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", ZONED)
    result = run(tmp_path / "home", "import", "events", file, "--kind", "view", "--time-zone", "Sydney")
    assert (result.exit_code, "--time-zone: no time zone 'Sydney'" in result.output) == (1, True)


def test_lines_that_do_not_fulfil_where_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = "".join(f"u,i{at},{AT},{status},o\n" for at, status in enumerate(("paid", "refunded", "paid", "open")))
    file = written(tmp_path / "a.csv", f"user_id,item_id,at,status,order_id\n{rows}")
    words = ("import", "events", file, "--kind", "purchase", "--where")
    result = run(tmp_path / "home", *words, "status=paid")
    assert "4 lines: 2 accepted, 0 duplicate, 0 rejected" in result.stdout
    assert "2 lines left out by --where" in result.stdout
    corrected = run(tmp_path / "home", *words, "status in paid,open", "--correct")
    assert "4 lines: 1 accepted, 2 duplicate, 0 corrected" in corrected.stdout
    assert len(times(tmp_path / "home")) == 3


def test_dates_are_read_as_the_column_shows_and_others_are_refused_with_the_advice(tmp_path: Path) -> None:
    rows = ("u,a,03/02/2024", "u,b,13/02/2024")
    shown = written(tmp_path / "a.csv", "\n".join(("user_id,item_id,at", *rows, "")))
    words = ("--kind", "purchase")
    assert "2 accepted" in run(tmp_path / "a", "import", "events", shown, *words).stdout
    assert times(tmp_path / "a")["a"] == 1_706_918_400_000  # 3 February
    hidden = written(tmp_path / "b.csv", "\n".join(("user_id,item_id,at", rows[0], "")))
    refused = run(tmp_path / "b", "import", "events", hidden, *words)
    assert "1 rejected: a date whose day and month cannot be told apart" in refused.stdout
    assert "line 2: at is '03/02/2024'" in refused.stdout
    assert "say --time-format '%d/%m/%Y' if 03/02/2024 is 3 February" in " ".join(refused.stdout.split())
    run(tmp_path / "b", "import", "events", hidden, *words, "--time-format", "%m/%d/%Y")
    assert times(tmp_path / "b")["a"] == 1_709_337_600_000  # 2 March


def test_dates_of_items_are_read_alike_and_last_to_the_end_of_their_day(tmp_path: Path) -> None:
    rows = "item_id,available_from,available_until\na,03/02/2024,03/02/2024\nb,03/02/2024,13/02/2024\n"
    file = written(tmp_path / "a.csv", rows)
    result = run(tmp_path / "home", "import", "items", file, "--time-zone", "Australia/Sydney")
    assert "2 rejected: a date whose day and month cannot be told apart" in result.stdout
    file = written(tmp_path / "b.csv", rows.replace("b,03/02", "b,13/02").replace("a,03/02/2024", "a,06/10/2024", 1))
    run(tmp_path / "home", "import", "items", file.replace("a.csv", "b.csv"), "--time-zone", "Australia/Sydney")
    item = open_store(tmp_path / "home", None).item("b")
    assert item is not None
    assert item.available_until_ms == 1_707_829_199_999  # 2024-02-13T23:59:59.999 in Sydney


def test_a_file_without_a_header_is_imported_by_the_names_given(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("196\t242\t3\t881250949\n186\t302\t4\t891717742\n")
    words = ("--header", "user_id,item_id,rating,at", "--kind", "rating")
    result = run(tmp_path / "home", "import", "events", str(tmp_path / "a.tsv"), *words)
    assert "2 lines: 2 accepted" in result.stdout, result.output


def test_hours_in_which_the_clock_was_changed_are_counted(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", f"{ZONED}u,d,2024-04-07 02:30\n")
    words = ("import", "events", file, "--kind", "purchase", "--time-zone", "Australia/Sydney")
    said = " ".join(run(tmp_path / "home", *words).stdout.split())
    assert "1 times stand in an hour that the clocks of Australia/Sydney left out" in said
    assert "1 times stand in an hour that came twice in Australia/Sydney: read as the first" in said


def test_a_value_that_cannot_be_read_is_named_with_its_column(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,when,paid\nu,a,soon,1\nu,b,{AT},free\n")
    words = ("--kind", "purchase", "--map", "at=when,price=paid")
    said = run(tmp_path / "home", "import", "events", file, *words).stdout
    assert "line 2: when is 'soon'; {" in said
    assert "line 3: paid is 'free'; {" in said
    assert "1299.50 is read" in said


def test_quantities_and_money_below_0_are_returns_where_the_option_says_so(tmp_path: Path) -> None:
    rows = "u,a,2,3.5,,\nu,b,-2,3.5,,\nu,c,-1,,-5,\nu,d,1,-4,,\nu,e,-1,,,view\n"
    file = written(tmp_path / "a.csv", f"user_id,item_id,quantity,price,amount,kind\n{rows}")
    words = ("import", "events", file, "--kind", "purchase", "--const", f"at={AT}")
    plain = run(tmp_path / "plain", *words)
    assert "2 accepted, 0 duplicate, 3 rejected" in plain.stdout
    assert "say --returns-by-sign" in " ".join(plain.stdout.split())
    assert "5 accepted" in run(tmp_path / "home", *words, "--returns-by-sign").stdout
    events = open_store(tmp_path / "home", None).user_events("u")
    assert sorted((event.item_id, Kind(event.kind).name.lower(), event.quantity, event.price) for event in events) == [
        ("a", "purchase", 2.0, 3.5),
        ("b", "return", 2.0, 3.5),
        ("c", "return", 1.0, 5.0),
        ("d", "return", 1.0, 4.0),
        ("e", "view", -1.0, None),
    ]


def test_orders_and_their_lines_in_two_files_go_in_together(tmp_path: Path) -> None:
    orders = written(tmp_path / "orders.csv", f"order_id,user_id,at\n1,u,{AT}\n2,u,{AT}\n")
    lines = written(tmp_path / "lines.csv", "order_id,item_id,price\n1,a,3\n1,b,4\n7,c,5\n")
    words = ("import", "events", orders, "--kind", "purchase", "--join", lines)
    result = run(tmp_path / "home", *words, "--on", "order_id")
    said = " ".join(result.stdout.split())
    assert "3 lines: 2 accepted, 0 duplicate, 1 rejected" in said
    assert f"1 lines have no match in {lines} by order_id, such as '2'" in said
    assert f"1 lines of {lines} match no line by order_id" in said
    assert times(tmp_path / "home").keys() == {"a", "b"}
    missing = run(tmp_path / "home", *words)
    assert (missing.exit_code, "name the column that both files have" in missing.output) == (1, True)


def test_an_export_with_one_head_for_each_order_goes_in_without_a_script(tmp_path: Path) -> None:
    head = "Name,Email,Financial Status,Created at,Lineitem sku,Lineitem quantity\n"
    rows = "#1,u,paid,2024-01-31 10:00:00 +1100,a,1\n#1,,,,b,2\n#2,v,refunded,2024-01-31 11:00:00Z,c,1\n#2,,,,d,1\n"
    file = written(tmp_path / "a.csv", head + rows)
    maps = "order_id=Name,user_id=Email,at=Created at,item_id=Lineitem sku,quantity=Lineitem quantity"
    options = ("--carry-down", "Financial Status", "--where", "Financial Status=paid")
    result = run(tmp_path / "home", "import", "events", file, "--kind", "purchase", "--map", maps, *options)
    assert "4 lines: 2 accepted, 0 duplicate, 0 rejected" in result.stdout
    assert times(tmp_path / "home") == {"a": 1_706_655_600_000, "b": 1_706_655_600_000}


def test_only_the_columns_to_keep_become_attributes_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "item_id,name,grams,text,ean\n1,Tea,300,long,7\n")
    assert run(tmp_path / "home", "import", "items", file, "--keep", "grams,ean").exit_code == 0
    item = open_store(tmp_path / "home", None).item("1")
    assert item is not None
    assert dict(item.attributes) == {"grams": 300, "ean": 7}
    wrong = run(tmp_path / "home", "import", "items", file, "--keep", "gram")
    assert (wrong.exit_code, "--keep gram: " in wrong.output, "did you mean 'grams'" in wrong.output) == (1, True, True)


def test_cells_of_a_product_are_carried_down_to_its_variants_alone(tmp_path: Path) -> None:
    rows = "tea,Tea,1\ntea,,2\nmug,,3\nmug,Mug,4\nmug,,5\n"
    file = written(tmp_path / "a.csv", f"handle,name,item_id\n{rows}")
    words = ("import", "items", file, "--carry-down", "name")
    assert "--carry-within COLUMN" in run(tmp_path / "home", *words).output
    assert "--carry-within handl: no such" in run(tmp_path / "home", *words, "--carry-within", "handl").output
    assert run(tmp_path / "home", *words, "--carry-within", "handle").exit_code == 0
    names = {item.item_id: item.name for item in open_store(tmp_path / "home", None).items_since(0)}
    assert names == {"1": "Tea", "2": "Tea", "3": None, "4": "Mug", "5": "Mug"}


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w"]),
        st.integers(0, 99),
        st.datetimes(datetime(2020, 1, 1), datetime(2024, 1, 1)).map(lambda at: at.replace(microsecond=0)),
        st.integers(-3, 3).filter(bool),
        st.sampled_from([0.5, 2.0, 10.25]),
        st.sampled_from(["paid", "Paid", "refunded", None]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_rows_become_the_same_events_in_every_format(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    names = ["user_id", "item_id", "at", "quantity", "price", "status"]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None).cast({"status": pl.String})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    frame.with_columns(pl.col("at").dt.to_string("%d.%m.%Y %H:%M:%S")).write_ndjson(tmp_path / "a.jsonl")
    options = ("--kind", "purchase", "--time-zone", "Europe/Berlin", "--where", "status=paid", "--where", "price>1")
    events = []
    for kind in ("csv", "parquet", "jsonl"):
        home = Path(tempfile.mkdtemp(dir=tmp_path))
        result = run(home, "import", "events", str(tmp_path / f"a.{kind}"), *options, "--returns-by-sign")
        assert "0 rejected" in result.stdout, result.output
        events.append([event for user in "uvw" for event in open_store(home, None).user_events(user)])
    assert events[0] == events[1] == events[2]


def test_days_between_orders_need_the_joined_file_that_holds_them(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "user_id,item_id,days\nu,a,3\n")
    words = ("import", "events", file, "--kind", "purchase", "--days-between", "days until 2017-12-31")
    result = run(tmp_path / "home", *words)
    assert (result.exit_code, "no joined file has that column; name the file: --join" in result.output) == (1, True)
