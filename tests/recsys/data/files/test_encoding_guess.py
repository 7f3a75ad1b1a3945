"""Guess of an encoding: UTF-8 is certain, and others read as their language is written."""

import gzip
from pathlib import Path

import pytest

from recsys.data.files.encoding_guess import SAMPLE_BYTES, guess_encoding

GERMAN = "Artikel;Name\n1;Grüner Tee\n2;Süßholz\n3;Café crème\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-16"),
        (GERMAN, "cp1252"),
        ("клиент;товар\nИван;Чай зелёный\nМария;Кофе\n", "cp1251"),
        ("商品;お茶\n緑茶;茶碗\n", "shift_jis"),
        ("müşteri;ürün\nŞükrü;Çay ığdır\n", "cp1254"),
        ("vöruheiti\nÞorskur, ýsa og kæfa með ást\n", "cp1252"),
        ("plain;ascii\n", "utf-16-le"),
        ("plain;ascii\n", "utf-16-be"),
        ("plain;ascii\n", "utf-8"),
    ],
)
def test_a_text_is_read_again_in_the_guessed_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode(encoding))
    assert guess_encoding(path) == encoding


def test_a_letter_cut_in_two_at_the_end_of_the_sample_is_still_utf_8(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_bytes(b"x" * (SAMPLE_BYTES - 1) + "ü".encode())
    assert guess_encoding(tmp_path / "file.csv") == "utf-8"


def test_a_compressed_file_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "file.csv.gz").write_bytes(gzip.compress(GERMAN.encode("cp1252")))
    assert guess_encoding(tmp_path / "file.csv.gz") == "cp1252"
