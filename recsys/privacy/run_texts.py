"""Erasure from runs: an error may quote the id of a customer, and changes of customers wait to be notified."""

import re
from collections.abc import Sequence
from dataclasses import replace

from recsys.data.runs import CHANGED_CUSTOMERS
from recsys.data.store.base import Store
from recsys.data.store.people.held_texts import id_pattern
from recsys.data.store.serialization import json_text
from recsys.privacy.mentions import is_code
from recsys.redaction import HIDDEN


def erase_from_runs(store: Store, user_ids: Sequence[str]) -> None:
    """Hides those ids where reasons and logs of runs quote them, and drops their changes.  Raises LogUnavailable."""
    for user_id in user_ids:
        quoted = repr(user_id)[1:-1]
        in_quotes = rf"(?<=['\"]){re.escape(quoted)}(?=['\"])"
        pattern = id_pattern(quoted) if is_code(user_id) else re.compile(in_quotes)
        for run in store.runs_holding(json_text(quoted)):
            reasons = [pattern.sub(HIDDEN, line) for line in run.reasons]
            log = [pattern.sub(HIDDEN, line) for line in run.log]
            result = dict(run.result)
            if CHANGED_CUSTOMERS in result:
                result[CHANGED_CUSTOMERS] = [row for row in result[CHANGED_CUSTOMERS] if row["user_id"] != user_id]
            if (reasons, log, result) != ([*run.reasons], [*run.log], run.result):
                store.rewrite_run(replace(run, reasons=reasons, log=log, result=result))
