"""Name search: items whose id or name holds all words of a query, whatever their case."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import Texts

if TYPE_CHECKING:
    import polars as pl

MAX_WORDS = 8


class MatchingItems(NamedTuple):
    """total: of all that match.  positions: of the best, in order."""

    total: int
    positions: list[int]


@dataclass(slots=True)
class NameSearch:
    """Keeps the ids and names of one release in lower case; of what was changed since, the catalogue is asked.

    Any thread may use it: two that begin at once do the work twice.
    """

    _kept: "tuple[Texts, pl.DataFrame] | None" = None

    def search(self, catalogue: Catalogue, query: str, limit: int) -> MatchingItems:
        """The listed items that match, the same id first, then names that begin so, then the shortest names."""
        import polars as pl

        query = " ".join(query.lower().split())
        changed = sorted({*catalogue.renamed, *catalogue.new_positions.values()})
        listed = pl.Series(catalogue.is_listed)
        frame = self._names(catalogue).filter(listed[: len(catalogue.ids)] & ~pl.col("position").is_in(changed))
        frame = pl.concat([frame, _names_at(catalogue, (at for at in changed if catalogue.is_listed[at]))])
        text = pl.col("item_id") + " " + pl.col("name")
        words = [text.str.contains(word, literal=True) for word in query.split()[:MAX_WORDS]]
        matching = frame.filter(words) if words else frame.clear()  # blanks are no word: nothing matches
        rank = pl.col("item_id") != query, ~pl.col("name").str.starts_with(query), pl.col("name").str.len_chars()
        best = matching.sort(*rank, "position").head(limit)
        return MatchingItems(matching.height, best["position"].to_list())

    def _names(self, catalogue: Catalogue) -> "pl.DataFrame":
        """Position, id and name of the items of the release, those in lower case."""
        kept = self._kept
        if kept is None or kept[0] is not catalogue.names:
            kept = self._kept = (
                catalogue.names,
                _frame(range(len(catalogue.ids)), catalogue.ids.texts.all(), catalogue.names.all()),
            )
        return kept[1]


def _names_at(catalogue: Catalogue, positions: Iterable[int]) -> "pl.DataFrame":
    kept = list(positions)
    return _frame(kept, [catalogue.item_id(at) for at in kept], [catalogue.name(at) or "" for at in kept])


def _frame(positions: Iterable[int], item_ids: list[str], names: list[str]) -> "pl.DataFrame":
    import polars as pl

    columns = {"position": pl.Series(positions, dtype=pl.Int64), "item_id": item_ids, "name": names}
    texts = pl.DataFrame(columns, schema_overrides={"item_id": pl.String, "name": pl.String})
    return texts.with_columns(pl.col("item_id", "name").str.to_lowercase())
