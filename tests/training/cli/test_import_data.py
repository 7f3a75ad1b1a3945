"""`recsys import` on the command line: summaries, options and exit codes."""

from pathlib import Path

import pytest
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


def test_importing_events_says_what_became_of_every_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = written(tmp_path / "a.csv", f"customer,item_id,at\nu,i,{AT}\nu,,{AT}\nu,j,never\nu,k\n")
    words = ("import", "events", file, "--kind", "purchase", "--map", "user_id=customer")
    first = run(home, *words)
    assert first.exit_code == 3, first.output  # more than 1 % is refused
    assert "see --max-refused" in first.stdout
    assert run(tmp_path / "other", *words, "--max-refused", "80").exit_code == 0
    assert "4 lines: 1 accepted, 0 duplicate, 3 rejected" in first.stdout
    assert 'line 3: {"customer":"u","item_id":null' in first.stdout
    (rejects,) = (home / "rejects").iterdir()
    assert str(rejects) in first.stdout
    second = run(home, "import", "events", file, "--kind", "purchase", "--map", "user_id=customer")
    assert "4 lines: 0 accepted, 1 duplicate, 3 rejected" in second.stdout


def test_several_files_go_in_together(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{name}.csv", f"user_id,item_id,at\n{name},i,{AT}\n") for name in "abc"]
    assert run(tmp_path / "home", "import", "events", *files, "--kind", "view").exit_code == 0
    assert open_store(tmp_path / "home", None).head() == 3


def test_a_constant_channel_and_kind_stand_on_every_event(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,at\nu,i,{AT}\n")
    run(tmp_path / "home", "import", "events", file, "--const", "kind=cart", "--const", "channel=app")
    (event,) = open_store(tmp_path / "home", None).user_events("u")
    assert (event.kind, event.channel) == (3, "app")


def test_items_and_customers_go_in_with_their_own_words(tmp_path: Path) -> None:
    items = written(tmp_path / "items.csv", "sku,type,size\n1,MILK,1 L\n")
    users = written(tmp_path / "users.csv", "user_id,age\nu,30\n")
    result = run(tmp_path / "home", "import", "items", items, "--map", "item_id=sku,name=type+size", "--no-attributes")
    assert "1 lines: 1 accepted, 0 unchanged, 0 rejected" in result.stdout
    assert run(tmp_path / "home", "import", "users", users).exit_code == 0
    store = open_store(tmp_path / "home", None)
    item, user = store.item("1"), store.user("u")
    assert item is not None
    assert user is not None
    assert (item.name, dict(item.attributes), dict(user.attributes)) == (
        "MILK 1 L",
        {},
        {"age": 30},
    )  # a number, as in JSONL


def test_a_file_of_which_every_line_is_refused_exits_with_3(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "user_id,item_id,at\nu,i,never\n")
    assert run(tmp_path, "import", "events", file, "--kind", "view").exit_code == 3


def test_an_empty_file_with_a_header_is_no_failure(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "user_id,item_id,at\n")
    result = run(tmp_path, "import", "events", file, "--kind", "view")
    assert (result.exit_code, "0 lines" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (["import", "events", "FILE"], "no column 'kind'", 1),
        (["import", "events", "FILE", "--kind", "view", "--map", "user_id=nobody"], "no column 'nobody'", 1),
        (["import", "events", "missing.csv", "--kind", "view"], "no such file", 1),
        (["import", "items", "FILE", "--map", "price=item_id"], "a price that is no finite number", 3),
        (["import", "events"], "Missing argument", 2),
        (["import", "everything"], "No such command", 2),
    ],
)
def test_what_cannot_be_done_says_why_and_exits_with_its_code(
    tmp_path: Path, words: list[str], says: str, code: int
) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,at\nu,i,{AT}\n")
    result = run(tmp_path / "home", *(file if word == "FILE" else word for word in words))
    assert result.exit_code == code
    assert says in result.output
    assert "Traceback" not in result.output


def test_folded_variants_and_columns_that_mix_numbers_with_text_are_named(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "item_id,name,grams,ean\n1,Shirt,300,12\n1,,,\n2,Mug,n/a,7\n")
    result = run(tmp_path / "home", "import", "items", file, "--text", "ean")
    assert "1 lines were folded: 3 lines describe 2 different item_id" in " ".join(result.stdout.split())
    assert "grams: 1 of 2 values are numbers, 1 are not, such as 'n/a'" in " ".join(result.stdout.split())
    item = open_store(tmp_path / "home", None).item("1")
    assert item is not None
    assert (item.name, item.attributes) == ("Shirt", {"grams": "300", "ean": "12"})


@pytest.mark.parametrize(
    ("word", "options"),
    [("0", ()), ("Guest", ()), ("N/A", ()), ("-1", ()), ("Laufkunde", ("--guest", "laufkunde")), ("", ("--guest", ""))],
)
def test_orders_of_guests_are_visitors_of_their_own(tmp_path: Path, word: str, options: tuple[str, ...]) -> None:
    rows = f"{word},a,{AT},o1\n{word},b,{AT},o1\n{word},c,{AT},o2\n{word},d,{AT},\nu,a,{AT},o3\n"
    file = written(tmp_path / "a.csv", f"user_id,item_id,at,order_id\n{rows}")
    words = ("import", "events", file, "--kind", "purchase", *options)
    first, second = run(tmp_path / "home", *words), run(tmp_path / "home", *words)
    assert f"4 lines have the user_id {word!r}, which is no customer" in first.stdout
    assert "0 accepted, 5 duplicate" in second.stdout
    store = open_store(tmp_path / "home", None)
    items = {user: [event.item_id for event in store.user_events(user)] for user in ("guest:o1", "guest:o2", "u", word)}
    assert items == {"guest:o1": ["a", "b"], "guest:o2": ["c"], "u": ["a"], word: []}


def test_without_guests_an_id_of_0_is_a_customer(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,at\n0,a,{AT}\n")
    run(tmp_path / "home", "import", "events", file, "--kind", "purchase", "--no-guests")
    assert len(open_store(tmp_path / "home", None).user_events("0")) == 1


ORDERS = f"customer,sku,at,order,paid,n\nu,a,{AT},o1,3.5,2\nu,a,{AT},o2,4,1\nv,b,{AT},o3,5,1\n"
COLUMNS = "user_id=customer,item_id=sku"


def stored(home: Path) -> list[tuple[str, str | None, float | None, float]]:
    events = [event for user in "uv" for event in open_store(home, None).user_events(user)]
    return sorted((event.item_id, event.order_id, event.price, event.quantity) for event in events)


@pytest.mark.parametrize(
    "first", [COLUMNS, f"{COLUMNS},order_id=order", f"{COLUMNS},price=n", "user_id=order,item_id=sku"]
)
def test_a_file_imported_anew_with_other_columns_corrects_its_lines(tmp_path: Path, first: str) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    words = ("import", "events", file, "--kind", "purchase", "--map")
    run(home, *words, first)
    maps = f"{COLUMNS},order_id=order,price=paid,quantity=n"
    corrected = run(home, *words, maps, "--correct")
    assert "3 lines: 0 accepted, 0 duplicate, 3 corrected, 0 rejected" in corrected.stdout
    assert stored(home) == [("a", "o1", 3.5, 2.0), ("a", "o2", 4.0, 1.0), ("b", "o3", 5.0, 1.0)]
    again, plain = run(home, *words, maps, "--correct"), run(home, *words, maps)
    assert "0 accepted, 3 duplicate, 0 corrected" in again.stdout
    assert "0 accepted, 3 duplicate, 0 rejected" in plain.stdout
    assert "with other options" not in plain.stdout


def test_a_file_exported_anew_with_a_price_corrects_by_content_and_adds_what_is_new(tmp_path: Path) -> None:
    home, words = tmp_path / "home", ("--kind", "purchase", "--map", f"{COLUMNS},order_id=order")
    first = written(tmp_path / "a.csv", f"customer,sku,at,order\nu,a,{AT},o1\n")
    run(home, "import", "events", first, *words)
    second = written(tmp_path / "b.csv", ORDERS)
    result = run(home, "import", "events", second, *words, "--map", "price=paid", "--correct")
    assert "3 lines: 2 accepted, 0 duplicate, 1 corrected, 0 rejected" in result.stdout
    assert [price for _, _, price, _ in stored(home)] == [3.5, 4.0, 5.0]


def test_importing_again_with_other_columns_is_a_conflict_and_names_the_way(tmp_path: Path) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    words = ("import", "events", file, "--kind", "purchase", "--map", f"{COLUMNS},order_id=order")
    run(home, *words)
    result = run(home, *words, "--map", "price=paid")
    assert result.exit_code == 3
    assert "0 accepted, 0 duplicate, 3 rejected" in result.stdout
    assert "3 rejected: event_id: another event with this id is stored, and they differ: price" in result.stdout
    assert '"paid":"3.5"' in result.stdout
    assert "import it with --correct" in " ".join(result.stdout.split())
    assert [price for _, _, price, _ in stored(home)] == [None, None, None]


def test_a_file_of_a_spreadsheet_is_read_as_its_options_say(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("user_id#item_id#at#price\nu#K\u00e4se#31/01/2024 10:00#1.299,50\n".encode("cp1252"))
    words = ("--delimiter", "#", "--encoding", "cp1252", "--decimal", ",", "--time-format", "%d/%m/%Y %H:%M")
    result = run(tmp_path / "home", "import", "events", str(file), "--kind", "purchase", *words)
    assert "1 lines: 1 accepted" in result.stdout, result.output
    (event,) = open_store(tmp_path / "home", None).user_events("u")
    assert (event.item_id, event.price, event.at_ms) == ("K\u00e4se", 1299.5, 1_706_695_200_000)
    corrected = run(tmp_path / "home", "import", "events", str(file), "--kind", "purchase", *words, "--correct")
    assert "1 duplicate, 0 corrected" in corrected.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--delimiter", "ab"), "--delimiter ab: use a single sign, or tab"),
        (("--encoding", "klingon"), "--encoding klingon: there is no such encoding"),
        (("--encoding", "base64"), "--encoding base64: there is no such encoding"),
        (("--decimal", "x"), "--decimal x: use , or ."),
        (("--delimiter", "§"), "--delimiter §: use a single sign, or tab"),
        (("--time-format", "%d/%d/%Y"), "--time-format %d/%d/%Y: is no format of a day"),
        (("--time-format", "DD/MM/YYYY"), "--time-format DD/MM/YYYY: is no format of a day"),
    ],
)
def test_signs_and_encodings_that_do_not_exist_are_named(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    file = written(tmp_path / "a.csv", "item_id\n1\n")
    result = run(tmp_path / "home", "import", "items", file, *words)
    assert (result.exit_code, message in result.output) == (1, True)


@pytest.mark.parametrize("words", [("import", "events"), ("import", "events", "--correct"), ("check", "--events")])
def test_a_kind_that_does_not_exist_is_named_by_every_command(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,at\nu,i,{AT}\n")
    result = run(tmp_path / "home", *words, file, "--kind", "vew")
    assert (result.exit_code, "--kind vew: there is no such kind" in result.output) == (1, True)


@pytest.mark.parametrize("time_format", ["%d/%m/%y", "%Y-%m-%dT%H:%M:%S%z", "%b %d %Y %I:%M %p", "%Y%j", "%d.%m.%Y %Z"])
def test_a_format_of_days_and_times_is_accepted(tmp_path: Path, time_format: str) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,at\nu,i,{AT}\n")
    words = ("import", "events", file, "--kind", "view", "--time-format", time_format)
    assert run(tmp_path / "home", *words).exit_code == 0


def test_kinds_of_other_names_are_mapped_and_the_others_are_listed(tmp_path: Path) -> None:
    rows = "".join(f"u,i{at},{kind},{AT}\n" for at, kind in enumerate(("view", "addtocart", "Transaction")))
    file = written(tmp_path / "a.csv", f"user_id,item_id,kind,at\n{rows}")
    plain = run(tmp_path / "a", "import", "events", file)
    assert "2 rejected: an unknown kind" in plain.stdout
    assert "say --kinds transaction=purchase" in " ".join(plain.stdout.split())
    run(tmp_path / "b", "import", "events", file, "--kinds", "transaction=purchase,addtocart=cart")
    events = open_store(tmp_path / "b", None).user_events("u")
    assert sorted(event.kind for event in events) == [Kind.VIEW, Kind.CART, Kind.PURCHASE]
    wrong = run(tmp_path / "c", "import", "events", file, "--kinds", "transaction=purchas")
    assert (wrong.exit_code, "did you mean 'purchase'" in wrong.output) == (1, True)


def test_further_lines_of_an_order_take_its_customer_and_time(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", f"user_id,item_id,at,order_id\nu,a,{AT},o1\n,b,,o1\n,c,,\n,d,,o2\n")
    result = run(tmp_path / "home", "import", "events", file, "--kind", "purchase")
    assert "2 accepted, 0 duplicate, 2 rejected" in result.stdout
    assert [event.item_id for event in open_store(tmp_path / "home", None).user_events("u")] == ["a", "b"]


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
