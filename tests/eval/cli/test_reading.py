"""Files of an evaluation: standard input, a sheet of a workbook, and a member of an archive, as in an import."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from eval.cli.reading import read_given
from recsys.cli.reading_options import ReadingOptions
from recsys.data.files.column_mapping import ColumnMapping
from recsys.errors import BadInput
from recsys.progress import StepLog
from tests.workbooks import write_workbook

ROWS = [["user", "item"], ["a", "x"], ["b", "y"]]
LINES = "".join(f"{user},{item}\n" for user, item in ROWS)
DASH = Path("-")
PLAIN = ColumnMapping({}, {})


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.csv"
    path.write_text(LINES)
    return path


@pytest.fixture
def _stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES.encode())))


@pytest.mark.usefixtures("_stdin")
def test_standard_input_is_one_of_the_files_and_has_a_name(plain: Path) -> None:
    train, test = read_given((DASH, plain), None, ReadingOptions(file_format="csv").applied_to(PLAIN), StepLog())
    assert train.frame.equals(test.frame)
    assert (train.facts.path, test.facts.path) == ("standard input", str(plain))


def test_standard_input_cannot_be_both_files() -> None:
    with pytest.raises(BadInput, match="only one of the files"):
        read_given((DASH, DASH), None, ReadingOptions(file_format="csv").applied_to(PLAIN), StepLog())


def test_standard_input_without_a_format_says_what_to_say(plain: Path) -> None:
    with pytest.raises(BadInput, match="--format csv"):
        read_given((plain, DASH), None, PLAIN, StepLog())


def workbook(path: Path) -> ReadingOptions:
    write_workbook(path, {"notes": [["nothing", "here"]], "sales": ROWS})
    return ReadingOptions(sheet="sales")


def archive(path: Path) -> ReadingOptions:
    with ZipFile(path, "w") as file:
        file.writestr("notes.csv", "nothing,here\n1,2\n")
        file.writestr("sales.csv", LINES)
    return ReadingOptions(member="sales.csv")


def other_ending(path: Path) -> ReadingOptions:
    path.write_text(LINES)
    return ReadingOptions(file_format="csv")


@pytest.mark.parametrize(("name", "write"), [("a.xlsx", workbook), ("a.zip", archive), ("a.export", other_ending)])
def test_sheet_member_and_format_choose_as_in_an_import(
    tmp_path: Path, name: str, write: Callable[[Path], ReadingOptions]
) -> None:
    written = write(tmp_path / name).applied_to(PLAIN)
    train, _ = read_given((tmp_path / name, tmp_path / name), None, written, StepLog())
    assert train.frame.select("user_id", "item_id").rows() == [("a", "x"), ("b", "y")]
