"""Promotion checks: items, categories and attributes that only a release and its customers know."""

from collections.abc import Callable, Iterator, Mapping

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import MISSING
from recsys.errors import BadInput, BadPromotions, DocumentFault
from recsys.promotions.document import TABLE
from recsys.promotions.model import Promotion, Promotions
from recsys.ranking.rules.checks import target_checks
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.population import SegmentPopulation
from recsys.versioned_toml.document import entry_line, faults_text


def check_names(
    promotions: Promotions,
    text: str,
    catalogue: Catalogue,
    people: Callable[[], SegmentPopulation],
    conditions: Mapping[str, CustomerWhere],
) -> None:
    """Raises BadPromotions for items, categories, brands and attributes that there are not, each with its line.

    people: asked for only where a promotion has a condition on customers.  conditions: of the saved segments.
    """
    has_customers = any(each.customers is not None for each in promotions.promotions)
    population = people() if has_customers else None
    faults = [
        DocumentFault(entry_line(text, TABLE, at, field), promotion.id, field, problem)
        for at, promotion in enumerate(promotions.promotions)
        for field, problem in (
            *_problems(promotion, catalogue),
            *_customer_problems(promotion, population, conditions),
        )
    ]
    if faults:
        raise BadPromotions(faults_text(faults), faults)


def _customer_problems(
    promotion: Promotion, population: SegmentPopulation | None, conditions: Mapping[str, CustomerWhere]
) -> Iterator[tuple[str, str]]:
    if promotion.customers is None or population is None:
        return
    try:
        members(promotion.customers, population, conditions)
    except BadInput as error:
        yield "customers", str(error)


def _problems(promotion: Promotion, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    target = promotion.target
    for field, ids in (("items", target.items), ("gift", () if promotion.gift is None else (promotion.gift,))):
        unknown = [item_id for item_id in ids if catalogue.position(item_id) == MISSING]
        if unknown:
            yield field, f"no item {', '.join(unknown[:5])} in the catalogue or the events"
    for field, check in target_checks(target, catalogue):
        try:
            check()
        except BadInput as error:
            yield field, str(error)
