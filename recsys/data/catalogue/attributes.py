"""Attributes of items as columns that map from a file; each gives masks over all items."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import isfinite

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Longs, ranges
from recsys.bundle.array_spec import NO_LIMIT, Arrays, ArraySpec, below, positions, texts
from recsys.data.entities import Attribute
from recsys.data.ids import MISSING, IdMap, Texts

FALSE, TRUE, FIRST_WORD = 0, 1, 2  # codes: the two booleans, then the words
ATTRIBUTES = "attributes/"  # their arrays in the catalogue of a bundle
MAX_PENDING = 4_096  # items with changes that are not in the columns yet; some 4 MB a worker

AttributesByItem = Mapping[int, Mapping[str, Attribute]]  # all attributes of items by position
AttributeValue = str | float | bool


@dataclass(frozen=True, slots=True)
class AttributeColumn:
    """One attribute of all items; an item without a value has no row.

    item, code (P,): items with a word or boolean, by item, then code; an item with a list has a row for each word.
    number_item, number (M,): items with a number, by item.  words: codes from FIRST_WORD on, in UTF-8 order;
    new_codes: codes of the words that came since.
    """

    item: Ints
    code: Ints
    number_item: Ints
    number: Doubles
    words: IdMap
    new_codes: Mapping[str, int]

    def isin(self, values: Iterable[AttributeValue], n: int) -> Bools:
        """Which of n items have one of these words, booleans or numbers.  Fresh (n,)"""
        wanted = list(values)
        mask = np.zeros(n, bool)
        codes = [self._code(value, self.new_codes) for value in wanted if isinstance(value, str | bool)]
        known = [code for code in codes if code is not None]
        if known:
            mask[self.item[self._has_code(known).nonzero()[0]]] = True
        numbers = [value for value in wanted if not isinstance(value, str | bool)]
        if numbers and len(self.number):
            mask[self.number_item[_isin_sorted(self.number, np.array(numbers, np.float64)).nonzero()[0]]] = True
        return mask

    def _has_code(self, codes: list[int]) -> Bools:
        """Which rows have one of these codes.  (P,)"""
        if len(codes) == 1:
            return np.equal(self.code, codes[0])
        is_wanted = np.zeros(FIRST_WORD + len(self.words) + len(self.new_codes), bool)
        is_wanted[codes] = True
        return is_wanted.take(self.code)  # here and below take() and nonzero() need a third of the time of indexing

    def has_number_where(self, is_chosen: Bools, n: int) -> Bools:
        """Which of n items have a number that is marked.  is_chosen (M,) -> fresh (n,)"""
        mask = np.zeros(n, bool)
        mask[self.number_item[is_chosen.nonzero()[0]]] = True
        return mask

    def has_value(self, n: int) -> Bools:
        """Which of n items have any value.  Fresh (n,)"""
        mask = np.zeros(n, bool)
        mask[self.item] = True
        mask[self.number_item] = True
        return mask

    def kinds(self) -> dict[str, AttributeValue]:
        """The kinds of values it holds (`numbers`, `text`, `true and false`), each with one of them."""
        is_word = self.code >= FIRST_WORD
        held: dict[str, AttributeValue] = {"numbers": float(self.number[0])} if len(self.number) else {}
        if is_word.any():
            held["text"] = self._word(int(self.code[is_word.argmax()]))
        if not is_word.all():
            held["true and false"] = bool(self.code[is_word.argmin()])
        return held

    def text_of(self, item: int) -> str | None:
        """The text of one item; of a list its first word in the order of codes, None without any."""
        at = int(self.item.searchsorted(np.int32(item)))  # another type would convert the column first
        is_text = at < len(self.item) and self.item[at] == item and self.code[at] >= FIRST_WORD
        return self._word(int(self.code[at])) if is_text else None

    def _word(self, code: int) -> str:
        at = code - FIRST_WORD
        return self.words[at] if at < len(self.words) else next(w for w, new in self.new_codes.items() if new == code)

    def codes(self, n: int) -> Ints:
        """A code for the value of each of n items, 0 for none; of a list, for its first word.  Fresh (n,)"""
        codes = np.zeros(n, np.int32)
        if len(self.number):
            _, rank = np.unique(self.number, return_inverse=True)
            codes[self.number_item] = 1 + FIRST_WORD + len(self.words) + len(self.new_codes) + rank
        codes[self.item[::-1]] = self.code[::-1] + 1
        return codes

    def __len__(self) -> int:
        return len(self.item) + len(self.number_item)

    def with_changes(self, value_by_item: Mapping[int, Attribute]) -> "AttributeColumn":
        """The column with new values at some positions; the same object if no value differs."""
        if not value_by_item:
            return self
        new_codes = dict(self.new_codes)
        order = sorted(value_by_item)
        at = np.array(order, np.int32)
        words, numbers = (self.item, self.code), (self.number_item, self.number)
        words_now = _replace_rows(words, at, self._word_rows(order, value_by_item, new_codes))
        numbers_now = _replace_rows(numbers, at, _number_rows(order, value_by_item))
        if words_now is words and numbers_now is numbers:
            return self
        return AttributeColumn(*words_now, *numbers_now, self.words, new_codes)

    def _word_rows(
        self, order: Sequence[int], value_by_item: Mapping[int, Attribute], new_codes: dict[str, int]
    ) -> tuple[Ints, Ints]:
        """Item and code of each word and boolean; adds words that have no code yet to `new_codes`."""

        @cache
        def code_of(word: str | bool) -> int:
            known = self._code(word, new_codes)
            if known is not None:
                return known
            return new_codes.setdefault(str(word), FIRST_WORD + len(self.words) + len(new_codes))

        items, codes = array("i"), array("i")
        for item in order:
            value = value_by_item[item]
            if isinstance(value, list):
                row_codes = sorted({code_of(word) for word in value if word})
                items.extend([item] * len(row_codes))
                codes.extend(row_codes)
            elif isinstance(value, (str, bool)) and value != "":  # empty text is no value
                items.append(item)
                codes.append(code_of(value))
        return np.array(items, np.int32), np.array(codes, np.int32)

    def _code(self, word: str | bool, new_codes: Mapping[str, int]) -> int | None:
        if isinstance(word, bool):
            return TRUE if word else FALSE
        at = self.words.position(word)
        return FIRST_WORD + at if at != MISSING else new_codes.get(word)


def _empty_column() -> AttributeColumn:
    none, no_numbers = np.empty(0, np.int32), np.empty(0, np.float64)
    return AttributeColumn(none, none, none, no_numbers, IdMap.from_ids(()), {})


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """The columns of a bundle, one after the other; each becomes an `AttributeColumn` when it is first used.

    names: of A attributes.  ends (A + 1, 3): where the words, word rows and number rows of each attribute begin.
    """

    names: IdMap
    ends: Longs
    words: Texts
    item: Ints
    code: Ints
    number_item: Ints
    number: Doubles

    @classmethod
    def build(cls, attributes_by_item: AttributesByItem) -> "AttributeTable":
        by_name: dict[str, dict[int, Attribute]] = {}
        for at, attributes in attributes_by_item.items():
            for name, value in attributes.items():
                by_name.setdefault(name, {})[at] = value
        columns = {name: _renumber_words(_empty_column().with_changes(values)) for name, values in by_name.items()}
        names = IdMap.from_ids(name for name, column in columns.items() if len(column))
        kept = [columns[names[at]] for at in range(len(names))]
        sizes = [(len(column.words), len(column.item), len(column.number_item)) for column in kept]
        return cls(
            names,
            np.cumsum([(0, 0, 0), *sizes], axis=0, dtype=np.int64),
            Texts.from_strings(word for column in kept for word in column.words.texts.all()),
            np.concatenate([np.empty(0, np.int32), *(column.item for column in kept)]),
            np.concatenate([np.empty(0, np.int32), *(column.code for column in kept)]),
            np.concatenate([np.empty(0, np.int32), *(column.number_item for column in kept)]),
            np.concatenate([np.empty(0, np.float64), *(column.number for column in kept)]),
        )

    def column(self, name: str) -> AttributeColumn | None:
        """The column of that name, None where no item has it.  Nothing is copied."""
        at = self.names.position(name)
        if at == MISSING:
            return None
        (first_word, first_row, first_number), (end_word, end_row, end_number) = self.ends[at : at + 2].tolist()
        texts = Texts(self.words.blob, self.words.offsets[first_word : end_word + 1])
        words, numbers = slice(first_row, end_row), slice(first_number, end_number)
        return AttributeColumn(
            self.item[words], self.code[words], self.number_item[numbers], self.number[numbers], IdMap(texts), {}
        )

    def arrays(self) -> dict[str, AnyArray]:
        return {
            **self.names.texts.arrays("attributes/names/"),
            "attributes/ends": self.ends,
            **self.words.arrays("attributes/words/"),
            "attributes/item": self.item,
            "attributes/code": self.code,
            "attributes/counted": self.number_item,
            "attributes/number": self.number,
        }

    @classmethod
    def specs(cls) -> dict[str, ArraySpec]:
        """What each array of a bundle must be: A attributes with W words in all."""
        specs = {
            **texts("names/", "A", order="rising strictly"),
            "ends": ArraySpec("A+1 3", "int64", low=0, rule=_ends_fault),
            **texts("words/", "W"),
            "item": positions("P", "I"),
            "code": positions("P", "W+2"),
            "counted": positions("M", "I"),
            "number": ArraySpec("M", "float64", low=-NO_LIMIT, high=NO_LIMIT),
        }
        return below(ATTRIBUTES, specs)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> "AttributeTable":
        """The table of a bundle; empty if the bundle is older than attributes."""
        if "attributes/ends" not in arrays:
            return cls.build({})
        return cls(
            IdMap(Texts.from_arrays(arrays, "attributes/names/")),
            arrays["attributes/ends"],
            Texts.from_arrays(arrays, "attributes/words/"),
            arrays["attributes/item"],
            arrays["attributes/code"],
            arrays["attributes/counted"],
            arrays["attributes/number"],
        )


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a catalogue: those of its bundle and all changes since.

    updated: columns that replace those of the table.  pending: changes that are in no column yet, with all attributes
    of each item.  A column is brought up to date when it is first used, so unused attributes cost nothing.
    """

    table: AttributeTable
    updated: Mapping[str, AttributeColumn] = field(default_factory=dict)
    pending: AttributesByItem = field(default_factory=dict)
    _current: dict[str, AttributeColumn] = field(default_factory=dict, init=False, repr=False, compare=False)

    def column(self, name: str) -> AttributeColumn | None:
        """The attribute as it is now; None if no item has it or had it in the bundle."""
        current = self._current.get(name)
        if current is None:
            base = self.updated[name] if name in self.updated else self.table.column(name)
            if base is None and not any(name in attributes for attributes in self.pending.values()):
                return None
            base = _empty_column() if base is None else base
            current = self._current[name] = base.with_changes(_values_of(name, self.pending))
        return current if len(current) or self.table.names.position(name) != MISSING else None

    def names(self) -> list[str]:
        """All names for which `column` has an answer, sorted."""
        return sorted(self._columns())

    def with_changes(self, changes: AttributesByItem) -> "Attributes":
        """The attributes after these items got new ones in place of all they had."""
        after = Attributes(self.table, self.updated, {**self.pending, **changes})
        after._current.update(
            (name, column.with_changes(_values_of(name, changes))) for name, column in self._current.items()
        )
        return after if len(after.pending) <= MAX_PENDING else Attributes(self.table, after._columns())

    def _columns(self) -> dict[str, AttributeColumn]:
        """All columns as they are now."""
        pending = {name for attributes in self.pending.values() for name in attributes}
        columns = {name: self.column(name) for name in {*self.table.names.texts.all(), *self.updated, *pending}}
        return {name: column for name, column in columns.items() if column is not None}


def _ends_fault(arrays: Arrays) -> str | None:
    """Whether the columns of the attributes lie one behind the other, each with codes of its own words, by item."""
    ends = arrays["ends"]
    sizes = (len(arrays["words/offsets"]) - 1, len(arrays["item"]), len(arrays["counted"]))
    if ends[0].any() or tuple(ends[-1].tolist()) != sizes or (np.diff(ends, axis=0) < 0).any():
        return "columns of attributes that do not follow each other"
    for (first_word, row, number), (end_word, end_row, end_number) in pairwise(ends.tolist()):
        if (arrays["code"][row:end_row] >= FIRST_WORD + end_word - first_word).any():
            return "a code without a word"
        if any(
            (np.diff(part) < 0).any() for part in (arrays["item"][row:end_row], arrays["counted"][number:end_number])
        ):
            return "rows of an attribute that are not sorted by item"
    return None


def _values_of(name: str, attributes_by_item: AttributesByItem) -> dict[int, Attribute]:
    return {at: attributes.get(name) for at, attributes in attributes_by_item.items()}


def _number_rows(order: Sequence[int], value_by_item: Mapping[int, Attribute]) -> tuple[Ints, Doubles]:
    """Item and value of each number."""
    items, numbers = array("i"), array("d")
    for item in order:
        value = value_by_item[item]
        if isinstance(value, (float, int)) and not isinstance(value, bool) and isfinite(value):
            items.append(item)
            numbers.append(value)
    return np.array(items, np.int32), np.array(numbers, np.float64)


def _isin_sorted(numbers: Doubles, wanted: Doubles) -> Bools:
    """np.isin by bisection: faster for a few wanted numbers."""
    wanted = np.sort(wanted)
    nearest: Longs = np.minimum(wanted.searchsorted(numbers), len(wanted) - 1)
    is_in: Bools = wanted[nearest] == numbers
    return is_in


def _replace_rows(rows: tuple[Ints, AnyArray], at: Ints, new: tuple[Ints, AnyArray]) -> tuple[Ints, AnyArray]:
    """The rows with new ones at those positions; the same object if no row differs."""
    positions, values = rows
    starts = positions.searchsorted(at)
    old = ranges(starts, positions.searchsorted(at, "right") - starts)
    if np.array_equal(positions[old], new[0]) and np.array_equal(values[old], new[1]):
        return rows
    positions, values = np.delete(positions, old), np.delete(values, old)
    places = positions.searchsorted(new[0])
    return np.insert(positions, places, new[0]), np.insert(values, places, new[1])


def _renumber_words(column: AttributeColumn) -> AttributeColumn:
    """The column with its new words in UTF-8 order."""
    words = IdMap.from_ids(column.new_codes)
    renumbered = np.arange(FIRST_WORD + len(words), dtype=np.int32)
    for word, code in column.new_codes.items():
        renumbered[code] = FIRST_WORD + words.position(word)
    codes = renumbered[column.code]
    order = np.lexsort((codes, column.item))
    return AttributeColumn(column.item[order], codes[order], column.number_item, column.number, words, {})
