"""Times are read as they are meant, and tell how two files were split."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from eval.files.file_rows import FileRows
from eval.files.loader import read_rows
from eval.files.timestamps import Parting, check_order, detect_split, doubtful_times, read_times, validation_days
from recsys.errors import BadInput
from recsys.time_units import DAY_MS

Row = tuple[object, ...]


def rows_of(folder: Path, name: str, rows: Sequence[Row], header: str = "user,item,time") -> FileRows:
    file = folder / f"{name}.csv"
    file.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return read_rows(file, ())


def clocked(folder: Path, train: Sequence[Row], test: Sequence[Row]) -> tuple[FileRows, FileRows]:
    return read_times(rows_of(folder, "train", train), rows_of(folder, "test", test))


def days(rows: FileRows) -> list[float]:
    return (rows.frame["at_ms"] / DAY_MS).to_list()


def test_seconds_and_dates_stay_as_they_are(tmp_path: Path) -> None:
    train, test = clocked(tmp_path, [("a", "x", 881250949)], [("a", "y", "1998-01-02")])
    assert train.frame["at_ms"].to_list() == [881250949000]
    assert (test.facts.first_day, test.facts.times_count) == ("1998-01-02", "moments")


def test_days_by_number_are_days_and_not_seconds(tmp_path: Path) -> None:
    train, test = clocked(tmp_path, [("a", "x", 3), ("a", "y", 40), ("b", "x", 11), ("b", "x", 400)], [("a", "y", 711)])
    assert days(train) == [3, 40, 11, 400]
    assert days(test) == [711]
    assert (train.facts.times_count, train.facts.first_day) == ("days", None)


def test_visits_by_number_end_together_and_go_on_in_the_test_file(tmp_path: Path) -> None:
    train = [("a", "x", 1), ("a", "y", 1), ("a", "x", 2), ("b", "x", 1), ("b", "y", 2), ("b", "y", 3), ("b", "z", 4)]
    known, later = clocked(tmp_path, train, [("a", "z", 3), ("b", "x", 5)])
    assert days(known) == [21, 21, 28, 7, 14, 21, 28]
    assert days(later) == [35, 35]
    assert (known.facts.times_count, detect_split(known, later)) == ("visits", "visit")


VISITS = [(user, f"i{item}", visit) for user in range(5) for visit in range(user % 2, 6) for item in range(3)]


def test_the_training_file_alone_tells_visits_where_the_next_basket_has_no_times(tmp_path: Path) -> None:
    train, test = rows_of(tmp_path, "train", VISITS), rows_of(tmp_path, "test", [(0, "i1")], "user,item")
    known, later = read_times(train, test)
    assert (known.facts.times_count, detect_split(known, later)) == ("visits", "visit")
    assert set(known.frame.group_by("user_id").agg(pl.col("at_ms").max())["at_ms"].to_list()) == {35 * DAY_MS}


def test_a_count_that_begins_again_in_the_test_file_is_one_of_visits(tmp_path: Path) -> None:
    known, _ = clocked(tmp_path, VISITS, [(user, "i1", 0) for user in range(5)])
    assert known.facts.times_count == "visits"


@pytest.mark.parametrize(("parting", "split"), [("time", "weeks"), ("visit", "visit"), ("random", "chance")])
def test_the_user_may_say_how_the_files_were_split(tmp_path: Path, parting: Parting, split: str) -> None:
    train, test = (
        rows_of(tmp_path, name, [("a", "x", 3), ("a", "y", 40), ("b", "x", 9)]) for name in ("train", "test")
    )
    known, later = read_times(train, test, parting)
    assert detect_split(known, later, parting) == split
    assert known.facts.times_count == ("visits" if parting == "visit" else "days")


@pytest.mark.parametrize(("step_s", "is_doubtful"), [(60, True), (86_400, False)])
def test_a_log_of_one_day_is_doubtful(tmp_path: Path, step_s: int, is_doubtful: bool) -> None:
    rows = [(user, "x", 1_600_000_000 + user * step_s) for user in range(60)]
    train, _ = clocked(tmp_path, rows, rows)
    assert (doubtful_times(train) is not None) == is_doubtful
    assert "--parting visit" in (doubtful_times(train) or "--parting visit")


def test_numbers_like_20170103_are_dates(tmp_path: Path) -> None:
    train, test = clocked(tmp_path, [("a", "x", 20170103), ("a", "y", 20170131)], [("a", "z", 20170201)])
    assert np.diff([*days(train), *days(test)]).tolist() == [28, 1]
    assert (train.facts.first_day, test.facts.last_day) == ("2017-01-03", "2017-02-01")


def test_eight_digits_that_are_no_date_are_seconds(tmp_path: Path) -> None:
    train, _ = clocked(tmp_path, [("a", "x", 20171399)], [("a", "y", 20180101)])
    assert train.frame["at_ms"].to_list() == [20171399000]


DAILY = [(user, f"i{day}", f"2020-01-{day:02}") for user in range(4) for day in range(1, 29)]


@pytest.mark.parametrize(
    ("test", "parting"),
    [
        ([(user, "x", "2020-02-01") for user in range(4)], "visit"),
        ([(user, "x", f"2020-02-{day:02}") for user in range(4) for day in (1, 5)], "weeks"),
        ([(user, "x", f"2020-01-{day:02}") for user in range(4) for day in (3, 20)], "chance"),
    ],
)
def test_how_the_files_were_parted_is_told_by_their_times(tmp_path: Path, test: list[Row], parting: str) -> None:
    assert detect_split(*clocked(tmp_path, DAILY, test)) == parting


def test_without_times_chance_parted_them(tmp_path: Path) -> None:
    bare = rows_of(tmp_path, "bare", [("a", "x")], "user,item")
    assert detect_split(bare, bare) == "chance"


@pytest.mark.parametrize(("last", "held"), [(8, 7), (29, 9)])
def test_as_many_days_judge_the_choice_as_the_test_file_covers_but_a_third_at_most(
    tmp_path: Path, last: int, held: float
) -> None:
    test = [(0, "x", "2020-02-01"), (0, "y", f"2020-02-{last:02}")]
    assert validation_days(*clocked(tmp_path, DAILY, test), 28.0) == held


@pytest.mark.parametrize("times", [True, False])
def test_a_test_file_that_lies_before_what_is_learnt_from_is_refused(tmp_path: Path, times: bool) -> None:
    later = [(user, "x", f"2020-02-{day:02}") for user in range(4) for day in (1, 5)]
    header = "user,item,time" if times else "user,item,when"
    train, test = rows_of(tmp_path, "late", later, header), rows_of(tmp_path, "early", DAILY, header)
    check_order(test, train)
    with pytest.raises(BadInput, match="112 of its 112 rows are earlier") if times else nullcontext():
        check_order(train, test)


def test_a_stranger_counts_from_the_first_row_that_is_learnt_from(tmp_path: Path) -> None:
    train, early = rows_of(tmp_path, "train", DAILY), rows_of(tmp_path, "early", [(9, "x", "2019-12-31")])
    with pytest.raises(BadInput, match="1 of its 1 rows are earlier"):
        check_order(train, early)
    check_order(train, rows_of(tmp_path, "same", [(9, "x", "2020-01-01")]))
