"""Catalogue: the items of a bundle and every change since, column by column."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Floats, Ints, frozen
from recsys.bundle.array_spec import ArraySpec, positions, texts
from recsys.data.catalogue.attributes import ATTRIBUTES, Attributes, AttributeTable
from recsys.data.catalogue.mask_cache import MaskCache
from recsys.data.entities import Attribute, Item
from recsys.data.ids import MISSING, IdMap, Texts
from recsys.time_units import DAY_MS

NeverShow = Mapping[str, frozenset[str]]
FIELDS = ("name", "category", "brand")
MAX_LABELS = 20_000  # some 4 MB a worker
NO_ITEMS = frozen(np.empty(0, np.int32))


class Label(NamedTuple):
    """Id and name of an item."""

    item_id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """One text per item, as codes into a vocabulary; code 0 is none.  codes (I,) int32."""

    codes: Ints
    words: tuple[str, ...]
    code_by_word: Mapping[str, int]

    @classmethod
    def build(cls, codes: Ints, words: Iterable[str]) -> "LabelColumn":
        vocabulary = tuple(words)
        return cls(codes, vocabulary, {word: code for code, word in enumerate(vocabulary)})

    def isin(self, words: Iterable[str]) -> Bools:
        """Which items have one of the words.  (I,)"""
        is_wanted = np.zeros(len(self.words), bool)
        is_wanted[[self.code_by_word[word] for word in words if word in self.code_by_word]] = True
        return is_wanted.take(self.codes)  # a third of the time of indexing

    def with_changes(self, n: int, changes: Mapping[int, str | None]) -> "LabelColumn":
        """The column for n items, with new words at some positions."""
        codes = np.zeros(n, np.int32)
        codes[: len(self.codes)] = self.codes
        code_by_word = dict(self.code_by_word)
        for position, word in changes.items():
            codes[position] = code_by_word.setdefault(word or "", len(code_by_word))
        return LabelColumn(codes, tuple(code_by_word), code_by_word)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """I items: those of the bundle in its numbering, then those that the shop added since.

    price, stock (I,) float32, NaN where unknown or not counted; paid: what customers paid for an item of the bundle,
    which is the price if the shop gives none; is_priced (I,): whether it gives one; opens, closes (I,) days since 1970,
    infinite if open; is_listed (I,): neither deleted nor excluded by `never_show`.  renamed: names given since.
    name_order: positions of the bundle's items by name, in UTF-8 order.  masks: filter results, see ranking.
    """

    ids: IdMap
    new_ids: tuple[str, ...]
    new_positions: Mapping[str, int]
    names: Texts
    name_order: Ints
    renamed: Mapping[int, str]
    category: LabelColumn
    brand: LabelColumn
    price: Floats
    paid: Floats
    is_priced: Bools
    stock: Floats
    opens: Doubles
    closes: Doubles
    is_listed: Bools
    attributes: Attributes
    never_show: NeverShow
    sellable: Bools  # listed and not sold out; computed once, because every request needs it
    has_dates: bool
    openings: int = 0  # how often a change listed an item that was deleted or hidden before
    masks: MaskCache = field(default_factory=MaskCache, init=False, repr=False, compare=False)
    _labels: dict[int, Label] = field(default_factory=dict, init=False, repr=False, compare=False)
    _positions: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_items(self) -> int:
        return len(self.is_listed)

    def item_id(self, position: int) -> str:
        n = len(self.ids)
        return self.ids[position] if position < n else self.new_ids[position - n]

    def position(self, item_id: str) -> int:
        """The position of the item, MISSING when it is unknown; cached for popular items."""
        at = self._positions.get(item_id, MISSING)
        if at == MISSING:
            at = self.ids.position(item_id)
            if at == MISSING:
                return self.new_positions.get(item_id, MISSING)
            if len(self._positions) >= MAX_LABELS:
                self._positions.clear()
            self._positions[item_id] = at
        return at

    def positions(self, item_ids: Collection[str]) -> Ints:
        """The positions of the items; unknown ids are left out."""
        if not item_ids:
            return NO_ITEMS
        return np.array([item for item in map(self.position, item_ids) if item != MISSING], np.int32)

    def name(self, position: int) -> str | None:
        renamed = self.renamed.get(position)
        if renamed is not None:
            return renamed or None
        return (self.names[position] or None) if position < len(self.names) else None

    def has_name_in(self, names: Collection[str]) -> Bools:
        """Which items have one of these names.  Fresh (I,)"""
        mask = np.zeros(self.n_items, bool)
        for name in map(str.encode, names):
            start = bisect_left(self.name_order, name, key=self.names.raw)
            end = bisect_right(self.name_order, name, start, key=self.names.raw)
            mask[self.name_order[start:end]] = True
        mask[list(self.renamed)] = False
        mask[[at for at, new_name in self.renamed.items() if new_name in names]] = True
        return mask

    def has_name(self) -> Bools:
        """Which items have a name.  Fresh (I,)"""
        mask = np.zeros(self.n_items, bool)
        mask[: len(self.names)] = self.names.offsets[1:] > self.names.offsets[:-1]
        mask[list(self.renamed)] = list(map(bool, self.renamed.values()))
        return mask

    def label(self, position: int) -> Label:
        """Id and name of the item; cached, because most lists share their items."""
        label = self._labels.get(position)
        if label is None:
            if len(self._labels) >= MAX_LABELS:
                self._labels.clear()
            label = self._labels[position] = Label(self.item_id(position), self.name(position))
        return label

    def labels(self, positions: Iterable[int]) -> list[Label]:
        """The label of each: a list of ten asks for twenty, and most are known."""
        known = self._labels.get
        return [known(position) or self.label(position) for position in positions]

    def on_sale(self, now: float) -> Bools:
        """Which items may be shown at that moment: listed, not sold out, available.  (I,), read-only."""
        if not self.has_dates:
            return self.sellable
        return self.sellable & (self.opens <= now) & (now < self.closes)

    def with_changes(self, items: Iterable[Item]) -> "Catalogue":
        """The catalogue after these items were put or deleted; the last change of an item counts."""
        latest = {item.item_id: item for item in items}
        if not latest:
            return self
        new_ids = list(self.new_ids)
        new_positions = dict(self.new_positions)
        position_by_id: dict[str, int] = {}
        for item_id in latest:
            at = self.position(item_id)
            if at == MISSING:
                at = len(self.ids) + len(new_ids)
                new_ids.append(item_id)
                new_positions[item_id] = at
            position_by_id[item_id] = at
        grown = self._grow(len(self.ids) + len(new_ids), tuple(new_ids), new_positions)
        item_by_position = {position_by_id[item_id]: item for item_id, item in latest.items()}
        attributes = self.attributes.with_changes({at: item.attributes for at, item in item_by_position.items()})
        return replace(grown._overwrite(item_by_position), attributes=attributes)

    def _grow(self, n: int, new_ids: tuple[str, ...], new_positions: Mapping[str, int]) -> "Catalogue":
        """A copy with room for n items; its columns may be written until it is shared."""
        return replace(
            self,
            new_ids=new_ids,
            new_positions=new_positions,
            price=_extend(self.price, n, np.nan),
            is_priced=_extend(self.is_priced, n, False),
            stock=_extend(self.stock, n, np.nan),
            opens=_extend(self.opens, n, -np.inf),
            closes=_extend(self.closes, n, np.inf),
            is_listed=_extend(self.is_listed, n, True),
        )

    def _overwrite(self, item_by_position: Mapping[int, Item]) -> "Catalogue":
        """Writes these items into the columns of this copy."""
        hidden = [at for at in item_by_position if not self.is_listed[at]]
        for at, item in item_by_position.items():
            self.price[at] = self._paid_for(at) if item.price is None else item.price
            self.is_priced[at] = item.price is not None
            self.stock[at] = np.nan if item.stock is None else item.stock
            self.opens[at] = -np.inf if item.available_from_ms is None else item.available_from_ms / DAY_MS
            self.closes[at] = np.inf if item.available_until_ms is None else item.available_until_ms / DAY_MS
            self.is_listed[at] = not item.deleted and not is_hidden(item, self.never_show)
        names = {at: item.name or "" for at, item in item_by_position.items()}
        categories = {at: item.category for at, item in item_by_position.items()}
        brands = {at: item.brand for at, item in item_by_position.items()}
        return replace(
            self,
            openings=self.openings + bool(self.is_listed[hidden].any()),
            renamed={**self.renamed, **names},
            category=self.category.with_changes(self.n_items, categories),
            brand=self.brand.with_changes(self.n_items, brands),
            is_listed=frozen(self.is_listed),
            sellable=frozen(self.is_listed & ~(self.stock <= 0)),
            has_dates=_has_dates(self.opens, self.closes),
        )

    def _paid_for(self, at: int) -> float:
        return float(self.paid[at]) if at < len(self.paid) else np.nan

    def arrays(self) -> dict[str, AnyArray]:
        """The state of a catalogue without changes, for a bundle."""
        return {
            **self.ids.texts.arrays("ids/"),
            **self.names.arrays("names/"),
            "names/order": self.name_order,
            "category/codes": self.category.codes,
            **Texts.from_strings(self.category.words).arrays("category/"),
            "brand/codes": self.brand.codes,
            **Texts.from_strings(self.brand.words).arrays("brand/"),
            "price": self.price,
            "paid": self.paid,
            "is_priced": self.is_priced,
            "stock": self.stock,
            "opens": self.opens,
            "closes": self.closes,
            "is_listed": self.is_listed,
            **self.attributes.table.arrays(),
        }

    @classmethod
    def specs(cls, names: Collection[str]) -> dict[str, ArraySpec]:
        """What each array of a bundle must be: C categories, B brands.  names: of all; old releases lack attributes."""
        has_attributes = any(name.startswith(ATTRIBUTES) for name in names)
        return {
            **texts("ids/", "I", order="rising strictly"),
            **texts("names/", "I"),
            "names/order": positions("I", "I", order="each once", is_optional=True),
            "category/codes": positions("I", "C"),
            **texts("category/", "C"),
            "brand/codes": positions("I", "B"),
            **texts("brand/", "B"),
            "price": ArraySpec("I", "float32", nan=True),
            "paid": ArraySpec("I", "float32", nan=True, is_optional=True, may_be_empty=True),
            "is_priced": ArraySpec("I", "bool", is_optional=True),
            "stock": ArraySpec("I", "float32", nan=True),
            "opens": ArraySpec("I", "float64", inf=True),
            "closes": ArraySpec("I", "float64", inf=True),
            "is_listed": ArraySpec("I", "bool"),
            **(AttributeTable.specs() if has_attributes else {}),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray], never_show: NeverShow) -> "Catalogue":
        names = Texts.from_arrays(arrays, "names/")
        order = arrays.get("names/order")
        return cls(
            ids=IdMap(Texts.from_arrays(arrays, "ids/")),
            new_ids=(),
            new_positions={},
            names=names,
            name_order=_name_order(names) if order is None else order,  # missing in older bundles
            renamed={},
            category=LabelColumn.build(arrays["category/codes"], Texts.from_arrays(arrays, "category/").all()),
            brand=LabelColumn.build(arrays["brand/codes"], Texts.from_arrays(arrays, "brand/").all()),
            price=arrays["price"],
            paid=arrays.get("paid", np.empty(0, np.float32)),  # missing in older bundles
            is_priced=arrays.get("is_priced", ~np.isnan(arrays["price"])),  # missing in older bundles
            stock=arrays["stock"],
            opens=arrays["opens"],
            closes=arrays["closes"],
            is_listed=arrays["is_listed"],
            attributes=Attributes(AttributeTable.from_arrays(arrays)),
            never_show=never_show,
            sellable=frozen(arrays["is_listed"] & ~(arrays["stock"] <= 0)),
            has_dates=_has_dates(arrays["opens"], arrays["closes"]),
        )


def build_catalogue(ids: IdMap, items: Iterable[Item], never_show: NeverShow, paid: Floats | None = None) -> Catalogue:
    """The catalogue of those ids; items with other ids are left out.  An id without an item is on sale, without a name.

    paid (I,): what customers paid per piece, NaN where unknown; see Catalogue.
    """
    position_by_id = {item_id: at for at, item_id in enumerate(ids.texts.all())}
    known = {position_by_id[item.item_id]: item for item in items if item.item_id in position_by_id}
    n = len(ids)
    paid = np.full(n, np.nan, np.float32) if paid is None else paid
    bare = Catalogue(
        ids=ids,
        new_ids=(),
        new_positions={},
        names=Texts.from_strings([""] * n),
        name_order=np.arange(n, dtype=np.int32),
        renamed={},
        category=LabelColumn.build(np.zeros(n, np.int32), [""]),
        brand=LabelColumn.build(np.zeros(n, np.int32), [""]),
        price=paid.copy(),
        paid=paid,
        is_priced=np.zeros(n, bool),
        stock=np.full(n, np.nan, np.float32),
        opens=np.full(n, -np.inf),
        closes=np.full(n, np.inf),
        is_listed=np.ones(n, bool),
        attributes=Attributes(AttributeTable.build({at: item.attributes for at, item in known.items()})),
        never_show=never_show,
        sellable=frozen(np.ones(n, bool)),
        has_dates=False,
    )
    full = bare._overwrite(known)
    names = Texts.from_strings(full.renamed.get(i, "") for i in range(n))
    return replace(full, names=names, name_order=_name_order(names), renamed={})


def _name_order(names: Texts) -> Ints:
    return np.array(sorted(range(len(names)), key=names.raw), np.int32)


def build_never_show(values_by_field: Mapping[str, Iterable[str]]) -> NeverShow:
    """The setting `never_show` as sets."""
    return {key: frozenset(values) for key, values in values_by_field.items()}


def is_hidden(item: Item, never_show: NeverShow) -> bool:
    """Whether one of the item's fields or attributes has a value that is never shown."""
    return hiding_field(item, never_show) is not None


def hiding_field(item: Item, never_show: NeverShow) -> str | None:
    """The first field or attribute of the item whose value is never shown."""
    return next((key for key, values in never_show.items() if _text(item, key) in values), None)


def field_value(item: Item, key: str) -> Attribute:
    """The field of that name, else the attribute."""
    value: Attribute = getattr(item, key) if key in FIELDS else item.attributes.get(key)
    return value


def _text(item: Item, key: str) -> str | None:
    value = field_value(item, key)
    return value if isinstance(value, str) else None


def _has_dates(opens: Doubles, closes: Doubles) -> bool:
    return bool(np.isfinite(opens).any() or np.isfinite(closes).any())


def _extend(column: AnyArray, n: int, filler: float) -> AnyArray:
    extended = np.full(n, filler, column.dtype)
    extended[: len(column)] = column
    return extended
