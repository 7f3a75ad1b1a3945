"""Provenance of an evaluation of files: run id, files and exclusions."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from eval.files.file_rows import FileFacts
from eval.files.run import ALREADY_HAD, TWICE
from eval.report.ranking_report import Exclusion

MANY_NEW = 0.1  # of the customers are new to the training file: above, the page warns


def run_id(data: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits: the same for the same files, settings and figures, however long it took."""
    models = [{key: value for key, value in model.items() if not key.endswith("_seconds")} for model in data["models"]]
    content = orjson.dumps({**data, "models": models}, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(content).hexdigest()[:12]


def with_run_id(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an evaluation with its run id."""
    return {"run": run_id(data), **data}


def file_summary(facts: FileFacts) -> str:
    """The content of a file: its name, days, rows, customers and items."""
    days = f"{facts.first_day} to {facts.last_day}, " if facts.first_day else ""
    return f"{Path(facts.path).name}: {days}{facts.used:,} rows, {facts.users:,} customers, {facts.items:,} items"


def exclusions_of(*files: FileFacts) -> list[Exclusion]:
    """The rows of each file that could not be used, by reason."""
    return [
        Exclusion(f"rows of {Path(facts.path).name}", why, count, facts.rows, is_by_rule=why in (TWICE, ALREADY_HAD))
        for facts in files
        for why, count in facts.dropped.items()
    ]
