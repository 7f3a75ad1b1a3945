"""Guess of the encoding of a text file, from its first bytes."""

import codecs
from pathlib import Path

from recsys.data.files.formats.byte_stream import ByteStream, translated_errors

SAMPLE_BYTES = 1 << 18
USUAL = "cp1252"  # of shops that do not write UTF-8; wins where texts read alike
CANDIDATES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "shift_jis", "euc_kr", "gb18030", "big5")
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def guess_encoding(path: Path) -> str:
    """The name of the encoding for --encoding; utf-8 where the bytes are UTF-8.  Raises BadFile."""
    with translated_errors(path), ByteStream(path) as file:
        sample = file.read(SAMPLE_BYTES)
    for mark, encoding in MARKS.items():
        if sample.startswith(mark):
            return encoding
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
    return USUAL if not likely or USUAL in likely else likely[0]
