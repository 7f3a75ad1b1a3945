"""Rule checks: names that only the catalogue and the log know."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.store.base import Store
from recsys.errors import BadInput, BadRules, DocumentFault
from recsys.ranking.filters.columns import value_codes
from recsys.ranking.filters.eligibility import passing
from recsys.ranking.rules.model import Rule, Rules
from recsys.ranking.rules.parser import MOST_FAULTS
from recsys.ranking.segments.attributes import check_attributes
from recsys.versioned_toml.document import entry_line, faults_text, read_toml


def check_rule_names(rules: Rules, text: str, catalogue: Catalogue | None, store: Store) -> None:
    """Raises BadRules for attributes that no item or no customer has, each with its line and the nearest name.

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
    if catalogue is not None and rule.target.where is not None:
        yield "where", partial(passing, rule.target.where, catalogue, 0.0)
    if catalogue is not None and rule.per:
        yield "per", partial(value_codes, rule.per, catalogue)
