"""`recsys import` on the command line: summaries, options and exit codes."""

import json
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


@pytest.mark.parametrize(
    ("table", "text", "words", "sample"),
    [
        ("events", f"user_id,item_id,at\nu,i,{AT}\nu,,{AT}\n", ["--kind", "view"], {"item_id": "i", "kind": "view"}),
        ("items", "item_id,price\ni,2.5\nj,dear\n", [], {"item_id": "i", "price": 2.5}),
        ("users", "user_id,age\nu,30\n,31\n", [], {"user_id": "u", "attributes": {"age": 30}}),
        ("facts", f"user_id,at,text\nu,{AT},tea\n,{AT},tea\n", ["--kind", "search"], {"kind": "search", "text": "tea"}),
    ],
)
def test_a_trial_counts_and_shows_what_would_be_stored_and_stores_nothing(
    tmp_path: Path, table: str, text: str, words: list[str], sample: dict[str, object]
) -> None:
    home, file = tmp_path / "home", written(tmp_path / "a.csv", text)
    result = run(home, "import", table, file, *words, "--try", "--json")
    assert result.exit_code == 3, result.output  # as the import, where more than 1 % are refused
    report = json.loads(result.stdout)
    assert {name: report["files"][0][name] for name in ("accepted", "rejected")} == {"accepted": 1, "rejected": 1}
    assert sample.items() <= report["sample"][0].items()
    store = open_store(home, None)
    assert (store.head(), list(store.items_since(0)), list(store.users()), store.runs()) == (0, [], [], [])
    assert not (home / "rejects").exists()
    assert "nothing was stored" in run(home, "import", table, file, *words, "--try").stdout


def test_the_report_for_programs_names_the_cells_that_could_not_be_read_and_what_would_be(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "user_id,item_id,when\nu,i,31.31.2024\n")
    words = ("import", "events", file, "--kind", "view", "--map", "at=when", "--json")
    (tally,) = json.loads(run(tmp_path / "home", *words).stdout)["files"]
    (reason,) = tally["reasons"]
    assert tally["first"][reason][0]["unread"] == ["when is '31.31.2024'"]
    assert "read are 2019-12-31" in tally["hints"][reason]
