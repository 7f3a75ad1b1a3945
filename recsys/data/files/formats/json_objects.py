"""Objects of a JSON document: an array, or objects over several lines, as a text of bounded length for each."""

import re
from collections.abc import Iterator
from pathlib import Path

from recsys.data.files.formats.byte_stream import ByteStream, uncompressed_name
from recsys.data.files.formats.file_table import BrokenRow, legible
from recsys.data.files.formats.limits import MAX_LINE
from recsys.data.files.formats.lines import BoundedLines
from recsys.errors import BadFile

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}\[\]]', re.DOTALL)
SEVERAL_LINES = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*\{|\{[ \t]*\r?\n|\{[^\n]*[,{\[][ \t]*\r?\n)")
RESPONSE = re.compile(  # of an interface: {"orders": [{...
    rb'((?:\xef\xbb\xbf)?\s*\{\s*"(?:orders|products|customers|events|data|results|rows|records|value)"\s*:\s*)\[\s*\{'
)
START = 1 << 16  # bytes that show how the objects are written


def object_texts(path: Path, file: ByteStream) -> "BoundedLines[bytes] | JsonObjects":
    """Pairs of line number and text: of each line, or of each object where objects are not written one on each line."""
    start = file.peek(START)[:START]
    if uncompressed_name(path).endswith(".json") and (response := RESPONSE.match(start)):
        file.read(response.end(1))  # the array follows
        return JsonObjects(path, file, ends_with_array=True)
    is_document = SEVERAL_LINES.match(start)
    return JsonObjects(path, file) if is_document else BoundedLines(path, file.readline)


class JsonObjects(Iterator[tuple[int, bytes]]):
    """Pairs of line number, from 1, and text of an object, with the attributes of `BoundedLines`.

    An object that is longer than MAX_LINE ends the file with BadFile.  ends_with_array: what follows the array is no
    row; else further arrays follow, where files were put together.
    """

    def __init__(self, path: Path, file: ByteStream, *, ends_with_array: bool = False) -> None:
        self._path = path
        self._file = file
        self._ends_with_array = ends_with_array
        self._line = 1
        self._broken: list[BrokenRow] = []
        self._objects = self._split()
        self.has_more = True

    def __next__(self) -> tuple[int, bytes]:
        try:
            return next(self._objects)
        except StopIteration:
            self.has_more = False
            raise

    def take_broken(self) -> list[BrokenRow]:
        """An object since the last call that the file breaks off."""
        broken, self._broken = self._broken, []
        return broken

    def check(self) -> None:
        """Nothing: an object that is too long raises at once."""

    def _split(self) -> Iterator[tuple[int, bytes]]:
        held, is_inside = b"", False
        while read := self._file.read(MAX_LINE):
            buffer, depth, start, counted = held + read, 0, -1, 0
            for token in TOKEN.finditer(buffer):
                sign = token[0]
                if sign == b"[" and not depth and not is_inside:
                    is_inside = True  # of the array at the top
                elif sign in (b"{", b"["):
                    start = start if depth else token.start()
                    depth += 1
                elif sign == b"]" and not depth:
                    if self._ends_with_array:
                        return
                    is_inside = False
                elif sign in (b"}", b"]") and depth:
                    depth -= 1
                    if not depth:
                        self._line, counted = self._line + buffer.count(b"\n", counted, start), start
                        yield self._line, buffer[start : token.end()]
            end = start if depth else len(buffer)
            self._line += buffer.count(b"\n", counted, end)
            held = buffer[end:]
            if len(held) > MAX_LINE:
                raise BadFile(
                    f"{self._path}: line {self._line:,} begins an object of more than {MAX_LINE:,} characters"
                )
        if held:
            self._broken.append(BrokenRow(self._line, legible(held.decode(errors="replace")), "is no whole object"))
