"""What items have of every attribute, as columns that map from a file, from which masks over all items come."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import isfinite

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Longs, ranges
from recsys.data.entities import Attribute
from recsys.data.ids import MISSING, IdMap, Texts

FALSE, TRUE, FIRST_WORD = 0, 1, 2  # codes: the two booleans, then the words
MOST_TOLD = 4_096  # items whose attributes wait beside the columns; some 4 MB a worker

AttributeChanges = Mapping[int, Mapping[str, Attribute]]  # attributes by position of the item
AttributeValue = str | float | bool


@dataclass(frozen=True, slots=True)
class AttributeColumn:
    """One attribute of all items; whoever has none of it stands nowhere.

    item, code (P,): who has which word or boolean, by item, then code; an item with a list stands once for each word.
    counted, number (M,): who has which number, by item.  words: codes from FIRST_WORD on, in UTF-8 order; late: the
    codes of words that came since.
    """

    item: Ints
    code: Ints
    counted: Ints
    number: Doubles
    words: IdMap
    late: Mapping[str, int]

    def isin(self, values: Iterable[AttributeValue], n: int) -> Bools:
        """Which of n items have one of these words, booleans or numbers.  Fresh (n,)"""
        asked = list(values)
        found = np.zeros(n, bool)
        codes = [self._code(value, self.late) for value in asked if isinstance(value, str | bool)]
        known = [code for code in codes if code is not None]
        if known:
            found[self.item[self._carries(known).nonzero()[0]]] = True
        numbers = [value for value in asked if not isinstance(value, str | bool)]
        if numbers and len(self.number):
            found[self.counted[_is_in(self.number, np.array(numbers, np.float64)).nonzero()[0]]] = True
        return found

    def _carries(self, codes: list[int]) -> Bools:
        """Which rows have one of these codes.  (P,)"""
        if len(codes) == 1:
            return np.equal(self.code, codes[0])
        wanted = np.zeros(FIRST_WORD + len(self.words) + len(self.late), bool)
        wanted[codes] = True
        return wanted.take(self.code)  # take() and nonzero() need a third of the time of indexing, in this class too

    def has_number_where(self, chosen: Bools, n: int) -> Bools:
        """Which of n items have a number that is among the chosen.  chosen (M,) -> fresh (n,)"""
        found = np.zeros(n, bool)
        found[self.counted[chosen.nonzero()[0]]] = True
        return found

    def has_value(self, n: int) -> Bools:
        """Which of n items have anything of it.  Fresh (n,)"""
        found = np.zeros(n, bool)
        found[self.item] = True
        found[self.counted] = True
        return found

    def codes(self, n: int) -> Ints:
        """One number for each value that n items have, 0 for none; of a list its first word.  Fresh (n,)"""
        found = np.zeros(n, np.int32)
        if len(self.number):
            _, rank = np.unique(self.number, return_inverse=True)
            found[self.counted] = 1 + FIRST_WORD + len(self.words) + len(self.late) + rank
        found[self.item[::-1]] = self.code[::-1] + 1
        return found

    def __len__(self) -> int:
        return len(self.item) + len(self.counted)

    def with_changes(self, told: Mapping[int, Attribute]) -> "AttributeColumn":
        """The same with other values at some positions; itself where they are no others."""
        if not told:
            return self
        late = dict(self.late)
        order = sorted(told)
        at = np.array(order, np.int32)
        words, numbers = (self.item, self.code), (self.counted, self.number)
        words_now = _replaced(words, at, self._worded(order, told, late))
        numbers_now = _replaced(numbers, at, _counted(order, told))
        if words_now is words and numbers_now is numbers:
            return self
        return AttributeColumn(*words_now, *numbers_now, self.words, late)

    def _worded(self, order: Sequence[int], told: Mapping[int, Attribute], late: dict[str, int]) -> tuple[Ints, Ints]:
        """Item and code of each word and boolean that was told; words never met before get their code in `late`."""

        @cache
        def code_of(word: str | bool) -> int:
            known = self._code(word, late)
            return late.setdefault(str(word), FIRST_WORD + len(self.words) + len(late)) if known is None else known

        items, codes = array("i"), array("i")
        for item in order:
            value = told[item]
            if isinstance(value, list):
                found = sorted({code_of(word) for word in value if word})
                items.extend([item] * len(found))
                codes.extend(found)
            elif isinstance(value, (str, bool)) and value != "":  # empty text is no value
                items.append(item)
                codes.append(code_of(value))
        return np.array(items, np.int32), np.array(codes, np.int32)

    def _code(self, word: str | bool, late: Mapping[str, int]) -> int | None:
        if isinstance(word, bool):
            return TRUE if word else FALSE
        at = self.words.position(word)
        return FIRST_WORD + at if at != MISSING else late.get(word)


def _nothing() -> AttributeColumn:
    none, no_numbers = np.empty(0, np.int32), np.empty(0, np.float64)
    return AttributeColumn(none, none, none, no_numbers, IdMap.from_ids(()), {})


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """The columns of a bundle, one after the other; each is put together when it is first asked for.

    names: of A attributes.  ends (A + 1, 3): where the words, pairs and numbers of each begin.
    """

    names: IdMap
    ends: Longs
    words: Texts
    item: Ints
    code: Ints
    counted: Ints
    number: Doubles

    @classmethod
    def build(cls, told: AttributeChanges) -> "AttributeTable":
        """The table of those items' attributes."""
        by_name: dict[str, dict[int, Attribute]] = {}
        for at, attributes in told.items():
            for name, value in attributes.items():
                by_name.setdefault(name, {})[at] = value
        columns = {name: _in_order(_nothing().with_changes(values)) for name, values in by_name.items()}
        names = IdMap.from_ids(name for name, column in columns.items() if len(column))
        kept = [columns[names[at]] for at in range(len(names))]
        sizes = [(len(column.words), len(column.item), len(column.counted)) for column in kept]
        return cls(
            names,
            np.cumsum([(0, 0, 0), *sizes], axis=0, dtype=np.int64),
            Texts.from_strings(word for column in kept for word in column.words.texts.all()),
            np.concatenate([np.empty(0, np.int32), *(column.item for column in kept)]),
            np.concatenate([np.empty(0, np.int32), *(column.code for column in kept)]),
            np.concatenate([np.empty(0, np.int32), *(column.counted for column in kept)]),
            np.concatenate([np.empty(0, np.float64), *(column.number for column in kept)]),
        )

    def column(self, name: str) -> AttributeColumn | None:
        """The column of that name, None where no item has it.  Nothing is copied."""
        at = self.names.position(name)
        if at == MISSING:
            return None
        (word, pair, count), (last_word, last_pair, last_count) = self.ends[at : at + 2].tolist()
        texts = Texts(self.words.blob, self.words.offsets[word : last_word + 1])
        words, numbers = slice(pair, last_pair), slice(count, last_count)
        return AttributeColumn(
            self.item[words], self.code[words], self.counted[numbers], self.number[numbers], IdMap(texts), {}
        )

    def arrays(self) -> dict[str, AnyArray]:
        return {
            "names/blob": self.names.texts.blob,
            "names/offsets": self.names.texts.offsets,
            "ends": self.ends,
            "words/blob": self.words.blob,
            "words/offsets": self.words.offsets,
            "item": self.item,
            "code": self.code,
            "counted": self.counted,
            "number": self.number,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> "AttributeTable":
        """The table of a bundle; an empty one where it was made before there were any."""
        if "ends" not in arrays:
            return cls.build({})
        return cls(
            IdMap(Texts(arrays["names/blob"], arrays["names/offsets"])),
            arrays["ends"],
            Texts(arrays["words/blob"], arrays["words/offsets"]),
            arrays["item"],
            arrays["code"],
            arrays["counted"],
            arrays["number"],
        )


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a catalogue: those of its bundle and what was told of items since.

    own: columns that stand in the place of the table's.  told: what is in neither yet, all attributes of an item.
    Nobody pays for an attribute that nobody asks for: a column is brought up to date when it is, and from then on.
    """

    table: AttributeTable
    own: Mapping[str, AttributeColumn] = field(default_factory=dict)
    told: AttributeChanges = field(default_factory=dict)
    _current: dict[str, AttributeColumn] = field(default_factory=dict, init=False, repr=False, compare=False)

    def column(self, name: str) -> AttributeColumn | None:
        """The attribute as it is now, None when no item has it and none had it when the bundle was made."""
        current = self._current.get(name)
        if current is None:
            base = self.own[name] if name in self.own else self.table.column(name)
            if base is None and not any(name in attributes for attributes in self.told.values()):
                return None
            base = _nothing() if base is None else base
            current = self._current[name] = base.with_changes(_of(name, self.told))
        return current if len(current) or self.table.names.position(name) != MISSING else None

    def names(self) -> list[str]:
        """Of all attributes that `column` knows, sorted."""
        told = {name for attributes in self.told.values() for name in attributes}
        known = {*self.table.names.texts.all(), *self.own, *told}
        return sorted(name for name in known if self.column(name) is not None)

    def with_changes(self, told: AttributeChanges) -> "Attributes":
        """The attributes after these items were told of anew; one without any has none from now on."""
        after = Attributes(self.table, self.own, {**self.told, **told})
        after._current.update((name, column.with_changes(_of(name, told))) for name, column in self._current.items())
        return after if len(after.told) <= MOST_TOLD else after._settled()

    def _settled(self) -> "Attributes":
        """The same with nothing left beside the columns."""
        told = {name for attributes in self.told.values() for name in attributes}
        columns = {name: self.column(name) for name in {*self.table.names.texts.all(), *self.own, *told}}
        return Attributes(self.table, {name: column for name, column in columns.items() if column is not None})


def _of(name: str, told: AttributeChanges) -> dict[int, Attribute]:
    return {at: attributes.get(name) for at, attributes in told.items()}


def _counted(order: Sequence[int], told: Mapping[int, Attribute]) -> tuple[Ints, Doubles]:
    """Item and value of each number that was told."""
    items, numbers = array("i"), array("d")
    for item in order:
        value = told[item]
        if isinstance(value, (float, int)) and not isinstance(value, bool) and isfinite(value):
            items.append(item)
            numbers.append(value)
    return np.array(items, np.int32), np.array(numbers, np.float64)


def _is_in(numbers: Doubles, wanted: Doubles) -> Bools:
    wanted = np.sort(wanted)
    near: Longs = np.minimum(wanted.searchsorted(numbers), len(wanted) - 1)
    found: Bools = wanted[near] == numbers
    return found


def _replaced(rows: tuple[Ints, AnyArray], at: Ints, new: tuple[Ints, AnyArray]) -> tuple[Ints, AnyArray]:
    """Rows by position with other ones at those positions; the very same where they are no others."""
    positions, values = rows
    starts = positions.searchsorted(at)
    old = ranges(starts, positions.searchsorted(at, "right") - starts)
    if np.array_equal(positions[old], new[0]) and np.array_equal(values[old], new[1]):
        return rows
    positions, values = np.delete(positions, old), np.delete(values, old)
    places = positions.searchsorted(new[0])
    return np.insert(positions, places, new[0]), np.insert(values, places, new[1])


def _in_order(column: AttributeColumn) -> AttributeColumn:
    """The same column, its words in UTF-8 order."""
    words = IdMap.from_ids(column.late)
    renumbered = np.arange(FIRST_WORD + len(words), dtype=np.int32)
    for word, late in column.late.items():
        renumbered[late] = FIRST_WORD + words.position(word)
    code = renumbered[column.code]
    order = np.lexsort((code, column.item))
    return AttributeColumn(column.item[order], code[order], column.counted, column.number, words, {})
