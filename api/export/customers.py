"""Customers of an export: all, those of a segment or a filter over attributes, or those that a file names."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from recsys.config import spelling_hint
from recsys.data.entities import PURPOSES, User
from recsys.data.files.readers import open_table
from recsys.data.store.base import Store
from recsys.errors import BadFile, BadInput
from recsys.ranking.filters.expression import Where
from recsys.ranking.targeting.customer_filter import all_customers, matching_customers, segment_filter

CHUNK_ROWS = 50_000
Customers = Callable[[Store], Iterable[str]]
Users = Callable[[Store], Iterable[User]]


class CustomerChoice(NamedTuple):
    """Customers to export.  text: tells one choice from another.  is_named: each was named by its id."""

    user_ids: Customers
    text: str
    is_named: bool = False


class Segments(NamedTuple):
    """Values by attribute, and saved segments with the ids of their members; a customer fits all of them."""

    attributes: Mapping[str, Sequence[str]] = MappingProxyType({})
    saved: tuple[tuple[str, frozenset[str]], ...] = ()

    def holds(self, user: User) -> bool:
        """Whether the customer is in all saved segments."""
        return all(user.user_id in ids for _, ids in self.saved)

    def text(self) -> str:
        """Tells one choice of saved segments from another."""
        return "".join(f" in {name} {_digest_of_ids(ids)}" for name, ids in self.saved)


NO_SEGMENTS = Segments()


def chosen_customers(
    file: Path | None = None, segment: Segments = NO_SEGMENTS, where: Where | None = None
) -> CustomerChoice:
    """Those of the file, or those of the segment who pass the filter, or all.

    Raises BadFile, BadInput for a file that cannot be read, or both a file and a filter.
    """
    if file is not None:
        if segment != NO_SEGMENTS or where is not None:
            raise BadInput("--users names the customers; leave --segment and --where out")
        return CustomerChoice(lambda _store: _ids_of_file(file), f"file {_digest(file)}", is_named=True)
    chosen, text = chosen_users(segment, where), "all"
    if segment.attributes or where is not None:
        text = f"where {segment_filter(segment.attributes, where).text}"
    text += segment.text()
    return CustomerChoice(lambda store: (user.user_id for user in chosen(store)), text)


def chosen_users(segment: Segments = NO_SEGMENTS, where: Where | None = None) -> Users:
    """The customers of the segments who pass the filter, or all."""

    def users(store: Store) -> Iterable[User]:
        if not segment.attributes and where is None:
            return all_customers(store)
        return matching_customers(store, segment_filter(segment.attributes, where))

    return lambda store: filter(segment.holds, users(store)) if segment.saved else users(store)


def consenting(users: Iterable[User]) -> Iterator[User]:
    """Without those who refused marketing or personalisation."""
    return (user for user in users if all(user.answer(purpose) is not False for purpose in PURPOSES))


def parse_segment(texts: Iterable[str]) -> dict[str, list[str]]:
    """The values by attribute of `NAME=VALUE,VALUE` texts.  Raises BadInput."""
    segment: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not (equals and name.strip() and values.strip()):
            raise BadInput(f"--segment {text}: write NAME=VALUE, or NAME=VALUE,VALUE for one of several")
        segment.setdefault(name.strip(), []).extend(value.strip() for value in values.split(","))
    return segment


def _ids_of_file(file: Path) -> Iterator[str]:
    """The ids in the order of the file, each once: a line each, or the column user_id of a table."""
    seen: set[str] = set()
    for user_id in _lines(file) if file.suffix.lower() in (".txt", "") else _column(file):
        if user_id and user_id not in seen:
            seen.add(user_id)
            yield user_id


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig") as lines:
        try:
            yield from (line.strip() for line in lines)
        except UnicodeDecodeError as error:
            raise BadFile(f"{file}: not UTF-8 text at byte {error.start}") from None


def _column(file: Path) -> Iterator[str]:
    table = open_table(file)
    if "user_id" not in table.columns:
        hint = spelling_hint("user_id", table.columns)
        raise BadInput(f"{file}: has no column user_id; {hint}; or give a .txt file with an id a line")
    for chunk in table.chunks(CHUNK_ROWS):
        yield from (str(value).strip() for value in chunk.rows["user_id"].drop_nulls().to_list())


def _digest_of_ids(ids: frozenset[str]) -> str:
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            digest = sha256()
            while piece := content.read(2**20):
                digest.update(piece)
    except OSError as error:
        raise BadFile(f"{file}: cannot be read ({error.strerror})") from None
    return digest.hexdigest()
