"""Promotion checks: items, categories and attributes that only the catalogue knows."""

from collections.abc import Iterator

from recsys.config import spelling_hint
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.data.ids import MISSING
from recsys.errors import BadInput, BadPromotions, DocumentFault
from recsys.promotions.document import TABLE
from recsys.promotions.model import Promotion, Promotions
from recsys.ranking.filters.eligibility import passing
from recsys.versioned_toml.document import entry_line, faults_text


def check_names(promotions: Promotions, text: str, catalogue: Catalogue) -> None:
    """Raises BadPromotions for items, categories, brands and attributes that there are not, each with its line."""
    faults = [
        DocumentFault(entry_line(text, TABLE, at, field), promotion.id, field, problem)
        for at, promotion in enumerate(promotions.promotions)
        for field, problem in _problems(promotion, catalogue)
    ]
    if faults:
        raise BadPromotions(faults_text(faults), faults)


def _problems(promotion: Promotion, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    target = promotion.target
    for field, ids in (("items", target.items), ("gift", () if promotion.gift is None else (promotion.gift,))):
        unknown = [item_id for item_id in ids if catalogue.position(item_id) == MISSING]
        if unknown:
            yield field, f"no item {', '.join(unknown[:5])} in the catalogue or the events"
    yield from _label_problems("categories", target.categories, catalogue.category)
    yield from _label_problems("brands", target.brands, catalogue.brand)
    if target.where is not None:
        try:
            passing(target.where, catalogue, 0.0)
        except BadInput as error:
            yield "where", str(error)


def _label_problems(field: str, words: tuple[str, ...], column: LabelColumn) -> Iterator[tuple[str, str]]:
    for word in words:
        if word not in column.words:
            yield field, f"no item has {word!r:.60}; {spelling_hint(word, [each for each in column.words if each])}"
