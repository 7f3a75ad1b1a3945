"""Standard input, archives and workbooks go in by the commands, like any file."""

import gzip
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store
from tests.workbooks import write_workbook

AT = "2023-01-01T00:00:00Z"
ROWS = f"user_id,item_id,at\nu,i,{AT}\nu,j,{AT}\n"


def run(home: Path, *words: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words], input=stdin)


def events(home: Path, user_id: str) -> list[str]:
    return [event.item_id for event in open_store(home, None).user_events(user_id)]


def archive(path: Path, members: dict[str, str]) -> str:
    with ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(name, text)
    return str(path)


def test_standard_input_is_a_file_of_the_format_that_is_named(tmp_path: Path) -> None:
    result = run(tmp_path, "import", "events", "-", "--format", "csv", "--kind", "view", stdin=ROWS.encode())
    assert "standard-input.csv: 2 lines: 2 accepted" in result.output
    assert events(tmp_path, "u") == ["i", "j"]
    refused = run(tmp_path, "import", "events", "-", "--kind", "view", stdin=b"")
    assert (refused.exit_code, "--format csv" in refused.output) == (1, True)


def test_a_file_with_another_suffix_is_read_as_the_format_says(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(ROWS.encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(ROWS.replace(",", "\t").encode()))
    for name, kind in (("a.dat", "csv"), ("b.txt.gz", "tsv")):
        words = ("import", "events", str(tmp_path / name), "--kind", "view")
        assert "or name its --format" in run(tmp_path, *words).output
        assert run(tmp_path, *words, "--format", kind).exit_code == 0
    assert "use one of csv, tsv" in run(tmp_path, *words, "--format", "xml").output


def test_all_files_of_an_archive_with_the_same_columns_go_in(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"2023/a.csv": ROWS, "2024/b.csv": ROWS.replace("u,", "v,"), "readme.txt": ""})
    result = run(tmp_path, "import", "events", path, "--kind", "view")
    assert "a.zip/2023/a.csv: 2 lines: 2 accepted" in result.output
    assert (events(tmp_path, "u"), events(tmp_path, "v")) == (["i", "j"], ["i", "j"])
    assert "2 lines: 0 accepted, 2 duplicate" in run(tmp_path, "import", "events", path, "--kind", "view").output


def test_of_an_archive_with_several_tables_one_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"items.csv": "item_id,name\n1,Milk\n", "orders.csv": ROWS})
    words = ("import", "items", path)
    refused = run(tmp_path, *words)
    assert (refused.exit_code, "such as --member items.csv" in " ".join(refused.output.split())) == (1, True)
    assert "1 lines: 1 accepted" in run(tmp_path, *words, "--member", "items.csv").output
    checked = run(tmp_path, "check", "--events", f"{path}/orders.csv", "--kind", "view", "--items", f"{path}/items.csv")
    assert "of 2" in checked.output


def test_a_workbook_goes_in_and_its_numbers_are_ids_as_elsewhere(tmp_path: Path) -> None:
    orders: list[list[object]] = [
        ["Customer", "Article", "Date"],
        [100.0, "00123", "31.01.2024"],
        [1e17, "A", "31.01.2024"],
    ]
    path = write_workbook(tmp_path / "a.xlsx", {"Info": [["x"]], "Orders": orders})
    words = ("--kind", "purchase", "--sheet", "Orders", "--map", "user_id=Customer,item_id=Article,at=Date")
    result = run(tmp_path, "import", "events", str(path), *words)
    assert events(tmp_path, "100") == ["00123"]
    assert "1 accepted, 0 duplicate, 1 rejected" in result.output
    assert "1.00000000000000E+17" in result.output


@pytest.mark.parametrize("name", ["train.xlsx", "train.zip"])
def test_evaluate_takes_workbooks_and_archives(tmp_path: Path, name: str) -> None:
    rows = [("user", "item"), *((f"u{n % 30}", f"i{n * 7 % 40}") for n in range(400))]
    text = "".join(f"{user},{item}\n" for user, item in rows)
    (tmp_path / "test.csv").write_text("user,item\n" + "".join(f"u{n},i{(n * 11 + 3) % 40}\n" for n in range(30)))
    if name.endswith(".zip"):
        archive(tmp_path / name, {"a.csv": text})
    else:
        write_workbook(tmp_path / name, {"a": rows})
    words = ("--train", str(tmp_path / name), "--test", str(tmp_path / "test.csv"), "--model", "popularity", "-k", "5")
    result = run(tmp_path, "evaluate", *words)
    assert result.exit_code == 0, result.output
    assert "30 customers" in result.output
