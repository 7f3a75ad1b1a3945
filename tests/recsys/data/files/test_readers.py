"""Readers turn every line of a file into a row, or into a broken row with a reason."""

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.files.formats.file_table import BrokenRow
from recsys.data.files.readers import open_table
from recsys.errors import BadFile


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read_all(path: Path, rows: int = 2) -> tuple[list[dict[str, object]], list[int], list[BrokenRow]]:
    chunks = list(open_table(path).chunks(rows))
    return (
        [row for chunk in chunks for row in chunk.rows.to_dicts()],
        [line for chunk in chunks for line in chunk.lines],
        [broken for chunk in chunks for broken in chunk.broken],
    )


def test_csv_values_are_text_and_empty_ones_are_null(tmp_path: Path) -> None:
    rows, lines, broken = read_all(written(tmp_path / "a.csv", "u,i\n007,\n\n8,x\n9,y\n"))
    assert rows == [{"u": "007", "i": None}, {"u": "8", "i": "x"}, {"u": "9", "i": "y"}]
    assert (lines, broken) == ([2, 4, 5], [])


def test_a_byte_order_mark_and_windows_line_ends_do_not_show(tmp_path: Path) -> None:
    rows, _, _ = read_all(written(tmp_path / "a.csv", b"\xef\xbb\xbfu;i\r\n1;2\r\n"))
    assert rows == [{"u": "1", "i": "2"}]


def test_the_delimiter_is_the_one_the_header_uses_most(tmp_path: Path) -> None:
    assert open_table(written(tmp_path / "a.csv", "u;i;at, or so\n")).columns == ("u", "i", "at, or so")
    assert open_table(written(tmp_path / "a.tsv", "u\ti, or so\n")).columns == ("u", "i, or so")


def test_lines_with_too_few_or_too_many_fields_are_broken_and_their_neighbours_are_not(tmp_path: Path) -> None:
    rows, lines, broken = read_all(written(tmp_path / "a.csv", "u,i\n1,2\n3\n4,5,6\n7,8\n"))
    assert (len(rows), lines) == (2, [2, 5])
    assert [(bad.line, bad.text) for bad in broken] == [(3, "3"), (4, "4,5,6")]


@pytest.mark.parametrize("lines", ["1,2,3\n4,5,6,7\n8,9\n", "4,5,6,7\n8,9\n1,2,3\n", "8,9\n1,2,3\n4,5,6,7\n"])
def test_a_long_line_does_not_hide_behind_a_short_one(tmp_path: Path, lines: str) -> None:
    rows, _, broken = read_all(written(tmp_path / "a.csv", f"u,i,at\n{lines}"), rows=10)
    assert sorted(map(repr, rows)) == sorted(
        map(repr, [{"u": "1", "i": "2", "at": "3"}, {"u": "8", "i": "9", "at": None}])
    )
    assert [bad.text for bad in broken] == ["4,5,6,7"]


def test_empty_cells_that_a_spreadsheet_left_out_at_the_end_are_empty(tmp_path: Path) -> None:
    for text in ("a,b,c\n1,2\n3,4,5\n6\n", 'a,b,c\n1,"2"\n3,4,5\n6\n'):
        (chunk,) = open_table(written(tmp_path / "a.csv", text)).chunks(10)
        assert chunk.rows.rows() == [("1", "2", None), ("3", "4", "5")]
        assert (chunk.n_short, [broken.line for broken in chunk.broken]) == (1, [4])


def test_delimiters_inside_quotes_of_the_header_do_not_count_and_one_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'a;b;c;"x, y, z, w"\n1;2;3;4\n')
    assert open_table(path).columns == ("a", "b", "c", "x, y, z, w")
    assert open_table(path, delimiter="#").columns == ('a;b;c;"x, y, z, w"',)


@pytest.mark.parametrize(
    "above", ["sep=;\n", "# of 2026\n# all, orders\n", "Sales\n\nFrom May\n", "Sales;;\n;;\n", "\ufeffsep=;\r\n"]
)
def test_titles_comments_and_a_line_that_names_the_separator_stand_above_the_header(tmp_path: Path, above: str) -> None:
    rows, lines, broken = read_all(written(tmp_path / "a.csv", f"{above}u;i;t\n1;2;3\n"))
    assert (rows, lines, broken) == ([{"u": "1", "i": "2", "t": "3"}], [above.count("\n") + 2], [])


def test_a_header_may_begin_with_a_number_sign_and_a_table_may_have_one_column(tmp_path: Path) -> None:
    assert open_table(written(tmp_path / "a.csv", "#u;i\n1;2\n")).columns == ("#u", "i")
    assert open_table(written(tmp_path / "b.csv", "u\n1\n2\n")).columns == ("u",)


def test_empty_cells_to_the_right_of_the_last_column_do_not_break_a_row(tmp_path: Path) -> None:
    for text in ("u,i\n1,2,\n3,4,,\n5,6,7\n", 'u,i\n1,"2",\n3,4,,\n5,6,7\n'):
        rows, _, broken = read_all(written(tmp_path / "a.csv", text), rows=10)
        assert rows == [{"u": "1", "i": "2"}, {"u": "3", "i": "4"}]
        assert [bad.line for bad in broken] == [4]


def test_quotes_after_blanks_and_escaped_by_backslashes_are_quotes_where_that_makes_a_row(tmp_path: Path) -> None:
    rows, _, broken = read_all(written(tmp_path / "a.csv", 'u, i\n1, "x, y"\n2,"a \\"b\\", c"\n3, 5" pipe\n'), rows=10)
    assert [row["i"] for row in rows] == ["x, y", 'a "b", c', ' 5" pipe']
    assert broken == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04..", "a ZIP archive or a workbook; let its name end with .zip or .xlsx"),
        (b"\x1f\x8b\x08", "compressed with gzip; let its name end with .gz"),
        (b"<!DOCTYPE html><html>", "a page that asks to log in"),
    ],
)
def test_a_file_of_another_format_than_its_name_says_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        open_table(written(tmp_path / "a.csv", content))


def test_a_file_without_a_line_of_names_is_read_by_those_given_and_two_colons_part_cells(tmp_path: Path) -> None:
    path = written(tmp_path / "ratings.dat", "1::a|b::5\n2::Tea: green::4\n3::x\n4\n")
    table = open_table(path, header=("u", "i", "rating"), file_format="csv")
    (chunk,) = table.chunks(10)
    assert chunk.rows.rows() == [("1", "a|b", "5"), ("2", "Tea: green", "4"), ("3", "x", None)]
    assert [(bad.line, bad.text) for bad in chunk.broken] == [(4, "4")]
    assert open_table(written(tmp_path / "a.csv", "u::i\n1::2\n")).columns == ("u", "i")


def test_the_rows_show_which_separator_of_the_header_parts_its_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "u;i, ean, or isbn;price, net, EUR\n1;A;3,50\n2;B;4,50\n")
    assert open_table(path).columns == ("u", "i, ean, or isbn", "price, net, EUR")


def test_names_of_columns_hold_no_line_ends_and_nothing_that_nobody_sees(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '"Customer\nID",Order\u00a0no,SKU\u200b\n1,2,3\n')
    assert open_table(path).columns == ("Customer ID", "Order no", "SKU")
    assert read_all(path)[:2] == ([{"Customer ID": "1", "Order no": "2", "SKU": "3"}], [3])


def test_a_file_of_another_encoding_is_read_as_it_is_named(tmp_path: Path) -> None:
    for encoding in ("cp1252", "utf-16"):
        path = written(tmp_path / "a.csv", "größe,i\n1,Käse\n".encode(encoding))
        (chunk,) = open_table(path, encoding=encoding).chunks(10)
        assert chunk.rows.to_dicts() == [{"größe": "1", "i": "Käse"}]


def test_a_mark_of_utf8_is_no_part_of_the_first_name_however_the_encoding_is_written(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"\xef\xbb\xbfu,i\n1,2\n")
    assert [open_table(path, encoding=name).columns for name in ("utf-8", "UTF8")] == [("u", "i")] * 2


def test_a_file_that_is_not_in_the_named_encoding_is_a_bad_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="is not in the encoding named by --encoding"):
        open_table(written(tmp_path / "a.csv", b"u,i\n1,2\n"), encoding="utf-16")
    cut_off = written(tmp_path / "b.csv", "u,i\n1,2\n".encode("utf-16") + b"\0")
    with pytest.raises(BadFile, match="is not in the encoding named by --encoding"):
        list(open_table(cut_off, encoding="utf-16").chunks(10))


def test_a_text_in_quotes_may_hold_delimiters_quotes_and_line_ends_across_pieces(tmp_path: Path) -> None:
    rows, lines, broken = read_all(written(tmp_path / "a.csv", 'u,i\n1,"a, ""b""\n\nd"\n2,e\n3,f\n'))
    assert [row["i"] for row in rows] == ['a, "b"\n\nd', "e", "f"]
    assert (lines, broken) == ([2, 5, 6], [])


def test_quotes_that_nothing_closes_cost_only_their_own_line(tmp_path: Path) -> None:
    rows, _, broken = read_all(written(tmp_path / "a.csv", 'u,i\n1,"a\n2,b\n3,"c"\n4,d\n'))
    assert [row["i"] for row in rows] == ["b", "c", "d"]
    assert [bad.line for bad in broken] == [2]


def test_an_inch_sign_inside_a_text_is_no_quote(tmp_path: Path) -> None:
    rows, _, broken = read_all(written(tmp_path / "a.csv", 'u,i\n1,5" screen\n2,7" screen\n'))
    assert ([row["i"] for row in rows], broken) == (['5" screen', '7" screen'], [])


def test_a_line_that_is_not_utf8_is_broken(tmp_path: Path) -> None:
    rows, _, broken = read_all(written(tmp_path / "a.csv", b"u,i\n1,caf\xe9\n2,caf\xc3\xa9\n"))
    assert [row["i"] for row in rows] == ["café"]
    assert [(bad.line, bad.reason) for bad in broken] == [(2, "is not UTF-8; save the file as UTF-8")]


def test_json_lines_keep_their_types_and_find_keys_that_come_late(tmp_path: Path) -> None:
    text = '{"u": "a", "n": 1, "tags": ["x"]}\n{"u": "b", "n": 1.5, "late": true}\n\n{"u": 3}\n'
    table = open_table(written(tmp_path / "a.jsonl", text))
    (chunk,) = table.chunks(10)
    assert set(table.columns) == {"u", "n", "tags", "late"}
    assert chunk.rows["u"].to_list() == ["a", "b", "3"]
    assert chunk.rows["n"].to_list() == [1.0, 1.5, None]
    assert chunk.rows["tags"].to_list() == [["x"], None, None]
    assert chunk.lines == [1, 2, 4]


def test_a_number_too_long_for_a_column_of_numbers_keeps_its_digits(tmp_path: Path) -> None:
    rows, _, _ = read_all(written(tmp_path / "a.jsonl", '{"u": 9007199254740993}\n'))
    assert rows == [{"u": "9007199254740993"}]


def test_lines_that_are_no_json_objects_are_broken(tmp_path: Path) -> None:
    rows, _, broken = read_all(written(tmp_path / "a.ndjson", '{"u": 1}\n{"u": \n[1]\n{"u": 2}\n'))
    assert [row["u"] for row in rows] == [1, 2]
    assert [bad.line for bad in broken] == [2, 3]


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd.compress)])
@pytest.mark.parametrize(("name", "lines"), [("a.csv", ["u,i\n1,2\n", "3,4\n"]), ("a.JSONL", ['{"u": 1}\n'] * 2)])
def test_a_compressed_file_reads_like_the_plain_one(
    tmp_path: Path, name: str, lines: list[str], ending: str, pack: Callable[[bytes], bytes]
) -> None:
    plain = written(tmp_path / name, "".join(lines))
    packed = written(tmp_path / f"{name}.{ending}", b"".join(pack(part.encode()) for part in lines))
    assert read_all(packed) == read_all(plain)
    assert len(read_all(plain)[0]) == 2


def test_parquet_comes_in_pieces_of_bounded_size_with_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"u": range(25)}).write_parquet(path)
    chunks = list(open_table(path).chunks(10))
    assert max(chunk.rows.height for chunk in chunks) <= 10
    assert [line for chunk in chunks for line in chunk.lines] == list(range(1, 26))
    assert [value for chunk in chunks for value in chunk.rows["u"]] == list(range(25))
    assert chunks[-1].position == path.stat().st_size


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"", "is empty"),
        ("a.csv", b"u,u\n", "two columns are called 'u'"),
        ("a.csv", b'"u,i' + b"\n" * 20_000, "the header is no CSV"),
        ("a.csv", b"PAR1\x00\x01", "save it as UTF-8"),
        ("a.parquet", b"u,i\n1,2\n", "damaged"),
        ("a.csv.gz", b"u,i\n1,2\n", "cannot be read"),
        ("a.csv.zst", b"u,i\n1,2\n", "cannot be read"),
        ("a.xls", b"PK", "cannot tell what it is"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_says_so(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        open_table(written(tmp_path / name, content))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no such file"):
        open_table(tmp_path / "a.csv")


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd.compress)])
def test_a_compressed_file_that_was_cut_off_gives_its_rows_and_then_an_error(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(b"u,i\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(100_000)))
    chunks = open_table(written(tmp_path / f"a.csv.{ending}", whole[: len(whole) // 2])).chunks(100)
    assert next(chunks).rows.height == 100
    with pytest.raises(BadFile, match="to its end"):
        list(chunks)


@given(st.lists(st.text(st.sampled_from('ab",\n1'), max_size=6), max_size=12))
def test_every_line_of_any_csv_ends_up_somewhere(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    text = "u,i\n" + "\n".join(lines)
    path = written(tmp_path_factory.mktemp("csv") / "a.csv", text)
    rows, starts, broken = read_all(path)
    numbers = sorted([*starts, *(bad.line for bad in broken)])
    assert len(rows) == len(starts)
    assert len(set(numbers)) == len(numbers)
    inside = sum(str(value).count("\n") for row in rows for value in row.values())
    filled = sum(1 for line in text.split("\n")[1:] if line)
    assert filled - inside <= len(numbers) <= filled
    assert inside or len(numbers) == filled
