"""Response to a campaign: how many of those it wrote to were reached, opened, clicked, as messages report it."""

from collections.abc import Iterable, Mapping, Sequence

from recsys.customers.population import MIN_GROUP
from recsys.data.facts import WORDS_BY_KIND, FactKind
from recsys.data.store.campaigns.records import MessageReport


def first_contacts(reports: Iterable[MessageReport]) -> dict[str, int]:
    """The first report of each customer, Unix ms."""
    first: dict[str, int] = {}
    for report in reports:
        first[report.user_id] = min(report.at_ms, first.get(report.user_id, report.at_ms))
    return first


def count_response(reports: Sequence[MessageReport], customers: set[str]) -> Mapping[str, int | None]:
    """How many of the customers have each report; None where it is fewer than MIN_GROUP, but for 0."""
    counts = dict.fromkeys(WORDS_BY_KIND[FactKind.MESSAGE], 0)
    for report in reports:
        if report.user_id in customers:
            counts[report.text] += 1
    return {word: n if n == 0 or n >= MIN_GROUP else None for word, n in counts.items()}
