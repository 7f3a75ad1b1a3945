"""Name search: items whose id, name or category holds all words of a query, whatever their case."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.entities import Item
from recsys.data.ids import MISSING, Texts

if TYPE_CHECKING:
    import polars as pl

MAX_WORDS = 8


class MatchingItems(NamedTuple):
    """total: of all that match.  positions: of the best, in order."""

    total: int
    positions: list[int]


@dataclass(slots=True)
class NameSearch:
    """Keeps ids, names and categories of one release in lower case; of what was changed since, the catalogue is asked.

    Any thread may use it: two that begin at once do the work twice.
    """

    _kept: "tuple[Texts, pl.DataFrame] | None" = None

    def search(self, catalogue: Catalogue, query: str, limit: int) -> MatchingItems:
        """The listed items that match, in the order of `closeness`."""
        import polars as pl

        query, words = " ".join(query.lower().split()), query_words(query)
        if not words:
            return MatchingItems(0, [])  # blanks are no word: nothing matches
        changed = sorted({*catalogue.renamed, *catalogue.new_positions.values()})
        listed = pl.Series(catalogue.is_listed)
        frame = self._names(catalogue).filter(listed[: len(catalogue.ids)] & ~pl.col("position").is_in(changed))
        frame = pl.concat([frame, _names_at(catalogue, (at for at in changed if catalogue.is_listed[at]))])
        named = pl.col("item_id") + " " + pl.col("name")
        text = named + " " + pl.col("category")
        matching = frame.filter([text.str.contains(word, literal=True) for word in words])
        is_named = pl.all_horizontal(named.str.contains(word, literal=True) for word in words)
        rank = pl.col("item_id") != query, ~pl.col("name").str.starts_with(query), ~is_named
        best = matching.sort(*rank, pl.col("name").str.len_chars(), "position").head(limit)
        return MatchingItems(matching.height, best["position"].to_list())

    def _names(self, catalogue: Catalogue) -> "pl.DataFrame":
        """Position, id, name and category of the items of the release, the texts in lower case."""
        kept = self._kept
        if kept is None or kept[0] is not catalogue.names:
            kept = self._kept = (
                catalogue.names,
                _frame(catalogue, range(len(catalogue.ids)), catalogue.ids.texts.all(), catalogue.names.all()),
            )
        return kept[1]


def _names_at(catalogue: Catalogue, positions: Iterable[int]) -> "pl.DataFrame":
    kept = list(positions)
    return _frame(catalogue, kept, [catalogue.item_id(at) for at in kept], [catalogue.name(at) or "" for at in kept])


def _frame(catalogue: Catalogue, positions: Sequence[int], item_ids: list[str], names: list[str]) -> "pl.DataFrame":
    import polars as pl

    categories = pl.Series(catalogue.category.words, dtype=pl.String).gather(catalogue.category.codes[[*positions]])
    columns = {"position": pl.Series(positions, dtype=pl.Int64), "item_id": item_ids, "name": names}
    texts = pl.DataFrame(
        {**columns, "category": categories}, schema_overrides={"item_id": pl.String, "name": pl.String}
    )
    return texts.with_columns(pl.col("item_id", "name", "category").str.to_lowercase())


def query_words(query: str) -> list[str]:
    """The words that count, in lower case."""
    return query.lower().split()[:MAX_WORDS]


def unlisted_items(items: Iterable[Item], catalogue: Catalogue, query: str) -> list[Item]:
    """Those of the items that match, are not deleted, and that the catalogue does not list."""
    words = query_words(query)
    return [item for item in items if not item.deleted and _is_unlisted(item, catalogue) and _holds(item, words)]


def _is_unlisted(item: Item, catalogue: Catalogue) -> bool:
    at = catalogue.position(item.item_id)
    return at == MISSING or not catalogue.is_listed[at]


def _holds(item: Item, words: Sequence[str]) -> bool:
    text = f"{item.item_id} {item.name or ''} {item.category or ''}".lower()
    return all(word in text for word in words)


def closeness(query: str, item_id: str, name: str | None) -> tuple[bool, bool, bool, int]:
    """Order of items that match: the same id, names that begin so, with all words in the name or id, the shortest."""
    text, low = " ".join(query.lower().split()), (name or "").lower()
    is_named = all(word in f"{item_id} {low}".lower() for word in query_words(query))
    return item_id.lower() != text, not low.startswith(text), not is_named, len(low)
