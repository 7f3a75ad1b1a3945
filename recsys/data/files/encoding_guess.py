"""Guess of the encoding of a text file, from its first bytes."""

import codecs
from pathlib import Path

from recsys.data.files.formats.byte_stream import ByteStream, translated_errors

SAMPLE_BYTES = 1 << 18
USUAL = "cp1252"  # of shops that do not write UTF-8; wins where texts read alike
CANDIDATES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "shift_jis", "euc_kr", "gb18030", "big5")
TURKISH = {*"ĞİŞğış".encode("cp1254")}  # in cp1252 the letters ÐÝÞðýþ
ICELANDIC = {*"áæéíóúÁÆÉÍÓÚ".encode("cp1252")}
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def guess_encoding(path: Path) -> str:
    """The name of the encoding for --encoding; utf-8 where the bytes are UTF-8.  Raises BadFile."""
    with translated_errors(path), ByteStream(path) as file:
        sample = file.read(SAMPLE_BYTES)
    for mark, encoding in MARKS.items():
        if sample.startswith(mark):
            return encoding
    if sample[1::2].count(0) > len(sample) // 4 or sample[::2].count(0) > len(sample) // 4:
        return "utf-16-le" if sample[1:2] == b"\0" else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return _guess_other(sample)
    return "utf-8"


def _guess_other(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(CANDIDATES))
    least = min((match.chaos for match in matches), default=0.0)
    likely = [name for match in matches if match.chaos == least for name in match.could_be_from_charset]
    guess = USUAL if not likely or USUAL in likely else likely[0]
    return "cp1254" if guess == USUAL and _is_turkish({*sample}) else guess


def _is_turkish(letters: set[int]) -> bool:
    """Whether the bytes that part cp1254 from cp1252 occur, without letters that stand beside them in Icelandic."""
    return bool(letters & TURKISH) and not letters & ICELANDIC
