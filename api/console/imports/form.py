"""Form of an import: what each column is taken for and how values are written, as words of `recsys import`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from recsys.errors import BadInput

TARGET_WORDS: Mapping[str, str] = {
    "user_id": "customer",
    "item_id": "product",
    "at": "time",
    "kind": "kind of event",
    "quantity": "quantity",
    "price": "price of one unit",
    "amount": "money of the line",
    "order_id": "order",
    "discount": "discount on the line",
    "rating": "rating",
    "channel": "channel",
    "coupon": "coupon",
    "campaign": "campaign",
    "event_id": "id of the line",
    "name": "name of the product",
    "category": "category",
    "brand": "brand",
    "stock": "stock",
    "available_from": "on sale from",
    "available_until": "on sale until",
    "cost": "cost of one unit",
}
TARGETS: Mapping[str, Sequence[str]] = {
    "events": [*TARGET_WORDS][:14],
    "items": ["item_id", "name", "category", "brand", "price", "stock", "available_from", "available_until", "cost"],
    "users": ["user_id"],
}
NEEDED: Mapping[str, Sequence[str]] = {
    "events": ("user_id", "item_id", "at"),
    "items": ("item_id",),
    "users": ("user_id",),
}
TABLES = {"events": "events: orders, views, baskets, ratings", "items": "products", "users": "customers"}
KINDS = ("purchase", "view", "click", "cart", "wishlist", "return", "rating", "impression", "dismiss")
ATTRIBUTE = "attribute"
UNFIT = re.compile(r"[,=+]")  # in the name of a column the command line would take them for its own signs
# The fields of the form that stand for an option, with the words of the option for people.
TEXTS: Mapping[str, str] = {
    "time-format": "Format of times",
    "time-zone": "Time zone",
    "decimal": "Decimal sign",
    "delimiter": "Separator",
    "encoding": "Encoding",
    "kinds": "Words for kinds",
    "sheet": "Sheet",
    "member": "File in the archive",
    "where": "Only lines",
}
REPEATED = frozenset({"time-format"})
_OTHERS = {"kind": "Kind of lines without one", "max-refused": "Most refused lines, percent"}
_TICKS = {
    "correct": "Replace the events that this file became before",
    "returns-by-sign": "Negative numbers are returns",
}


@dataclass(frozen=True, slots=True)
class ImportForm:
    """How a file shall be read.  columns: the target of each, ATTRIBUTE, or "" for one that is left out.

    profile: name of an import profile that says so instead, or "".  options: texts of TEXTS.  explode: see
    `recsys import --explode`.
    """

    table: str = "events"
    profile: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    max_refused: str = "1"
    has_returns: bool = False
    is_corrected: bool = False
    explode: str = ""

    @classmethod
    def of_look(cls, look: Mapping[str, Any]) -> Self:
        """What the look at the file took it for."""
        values = _values(look["words"])
        options = {name: "\n".join(values[name]) for name in TEXTS if name in values}
        columns = {each["column"]: each["target"] or "" for each in look["columns"]}
        kind, explode = (next(iter(values.get(name, ())), "") for name in ("kind", "explode"))
        return cls(look["table"], look["profile"] or "", columns, kind, options, explode=explode)

    @classmethod
    def of_fields(cls, typed: Callable[[str], str], look: Mapping[str, Any]) -> Self:
        """What was typed into each field; the columns are those of the look, by their number."""
        names = [each["column"] for each in look["columns"]]
        return cls(
            table=typed("table"),
            profile=(look["profile"] or "") if typed("profile") else "",
            columns={name: typed(f"column_{at}") for at, name in enumerate(names)},
            kind=typed("kind"),
            options={name: typed(name) for name in TEXTS if typed(name)},
            max_refused=typed("max_refused") or "1",
            has_returns=bool(typed("has_returns")),
            is_corrected=bool(typed("is_corrected")),
            explode=next(iter(_values(look["words"]).get("explode", ())), ""),
        )

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    def as_document(self) -> dict[str, Any]:
        return asdict(self)

    def words(self, file: str) -> list[str]:
        """The words after `recsys import`.  Raises BadInput for what cannot be read so."""
        self._check()
        if self.profile:
            head = ["--profile", self.profile, file]
        else:
            pairs = [f"{target}={column}" for column, target in self._mapped() if target != column]
            head = [self.table, file, *(word for pair in pairs for word in ("--map", pair)), *self._attributes()]
        is_event = self.table == "events"
        more = [("kind", self.kind)] if is_event and self.kind and not self.profile else []
        more += [("explode", self.explode)] if self.explode and not self.profile else []
        given = {name: text for name, text in self.options.items() if is_event or name != "kinds"}
        more += [
            (name, each) for name, text in given.items() for each in (text.split("\n") if name in REPEATED else [text])
        ]
        flags = ["--returns-by-sign"] if is_event and self.has_returns else []
        flags += ["--correct"] if is_event and self.is_corrected else []
        return [
            *head,
            *(word for name, text in more for word in (f"--{name}", text.strip())),
            *flags,
            "--max-refused",
            self.max_refused,
        ]

    def _mapped(self) -> list[tuple[str, str]]:
        return [(column, target) for column, target in self.columns.items() if target not in ("", ATTRIBUTE)]

    def _attributes(self) -> list[str]:
        """Which columns become attributes, where it is not all that have no target."""
        kept = [column for column, target in self.columns.items() if target == ATTRIBUTE]
        if self.table == "events" or "" not in self.columns.values():
            return []
        if kept:
            return ["--keep", ",".join(kept)]
        return ["--no-attributes"] if self.table == "items" else []

    def _check(self) -> None:
        if self.table not in TARGETS:
            raise BadInput("say what the file holds: events, products or customers")
        if not re.fullmatch(r"\d{1,3}(\.\d{1,4})?", self.max_refused) or float(self.max_refused) > 100:
            raise BadInput(f"{self.max_refused!r:.20}: the most refused lines are a number of percent from 0 to 100")
        if self.kind not in ("", *KINDS):
            raise BadInput(f"{self.kind!r:.40} is no kind of events")
        if not self.profile:
            self._check_columns()

    def _check_columns(self) -> None:
        chosen: dict[str, str] = {}
        for column, target in self._mapped():
            words = TARGET_WORDS.get(target, target)
            if target not in TARGETS[self.table]:
                raise BadInput(
                    f"column {column!r:.60}: a file of {TABLES[self.table]} holds no {words}; choose another"
                )
            if target in chosen:
                raise BadInput(
                    f"columns {chosen[target]!r:.60} and {column!r:.60} are both taken for {words}: choose one"
                )
            chosen[target] = column
        for column, target in self.columns.items():
            is_named = bool(target) and not (target == ATTRIBUTE and self._attributes() == [])
            if is_named and UNFIT.search(column):
                raise BadInput(f"column {column!r:.60}: rename it in the file, without the signs , = and +")
            if column in TARGETS[self.table] and target in ("", ATTRIBUTE) and column not in chosen:
                raise BadInput(
                    f"column {column!r:.60} is read as {TARGET_WORDS[column]} for its name; rename it in the file"
                )
        missing = [TARGET_WORDS[target] for target in NEEDED[self.table] if target not in chosen]
        if missing:
            raise BadInput(f"no column is taken for {' and '.join(missing)}: choose it below")


def plain_words(text: str) -> str:
    """Advice of the command line in words of the form: `say --decimal ,` is about the field Decimal sign."""
    return re.sub(r"(say )?--([a-z-]+)( )?", _named, re.sub(r"name it: --map (\w+)=COLUMN", _column, text))


def _column(advice: re.Match[str]) -> str:
    return f"choose the column of the {TARGET_WORDS.get(advice[1], advice[1])} below"


def _named(option: re.Match[str]) -> str:
    is_said, name, blank = bool(option[1]), option[2], option[3] or ""
    if name in _TICKS:
        return f"{'tick ' if is_said else ''}“{_TICKS[name]}”{blank}"
    label = TEXTS.get(name) or _OTHERS.get(name)
    if label is None:
        return option[0]
    return f"write into the field “{label}”{':' if blank else ''}{blank}" if is_said else f"the field “{label}”{blank}"


def _values(words: Sequence[str]) -> dict[str, list[str]]:
    """The options among the words of a command, each with its values."""
    values: dict[str, list[str]] = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--"):
            values.setdefault(word[2:], []).append(following)
    return values
