"""Rule checks: names that only the catalogue and the log know."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.store.base import Store
from recsys.errors import BadInput, BadRules, DocumentFault
from recsys.ranking.filters.columns import check_labels, check_words, value_codes
from recsys.ranking.filters.eligibility import passing
from recsys.ranking.rules.model import Rule, Rules, Target
from recsys.ranking.segments.attributes import check_attributes
from recsys.versioned_toml.document import MOST_FAULTS, entry_line, faults_text, read_toml


def check_rule_names(rules: Rules, text: str, catalogue: Catalogue | None, store: Store) -> None:
    """Raises BadRules for names that no item or no customer has, each with its line and the nearest one.

    Names of attributes, of categories and of brands.

    catalogue: None before the first training, when items are not checked.
    """
    content = read_toml(text)
    entries = content.get("rules", []) if isinstance(content, dict) else []
    number_by_id = {entry["id"]: number for number, entry in enumerate(entries)}
    faults = list(islice(_faults(rules, catalogue, store), MOST_FAULTS))
    if faults:
        named = [
            DocumentFault(entry_line(text, "rules", number_by_id.get(rule.id, 0), field), rule.id, field, problem)
            for rule, field, problem in faults
        ]
        raise BadRules(faults_text(named), named)


def _faults(rules: Rules, catalogue: Catalogue | None, store: Store) -> Iterator[tuple[Rule, str, str]]:
    for rule in rules.rules:
        for field, check in _checks(rule, catalogue, store):
            try:
                check()
            except BadInput as error:
                yield rule, field, str(error)


def _checks(rule: Rule, catalogue: Catalogue | None, store: Store) -> Iterator[tuple[str, Callable[[], object]]]:
    if rule.segment:
        yield "segment", lambda: check_attributes((user.attributes for user in store.users()), rule.segment)
    if catalogue is not None:
        yield from target_checks(rule.target, catalogue)
        if rule.per:
            yield "per", partial(value_codes, rule.per, catalogue)


def target_checks(target: Target, catalogue: Catalogue) -> Iterator[tuple[str, Callable[[], object]]]:
    """Checks of the names in a target by their field; each raises BadInput with the nearest name."""
    yield "categories", partial(check_labels, "category", target.categories, catalogue)
    yield "brands", partial(check_labels, "brand", target.brands, catalogue)
    if target.where is not None:
        yield "where", partial(passing, target.where, catalogue, 0.0)
        yield "where", partial(check_words, target.where.expression, catalogue)
