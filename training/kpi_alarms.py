"""Alarms of key figures: a run says which left their bands, and each week's figure is notified once."""

from collections.abc import Mapping
from typing import Any

from recsys.data.runs import WATCHED_FIGURES
from recsys.data.store.base import Store
from recsys.jobs.runs import OpenRun

EARLIER_RUNS = 20  # that may have raised the same alarm


def raise_alarms(store: Store, run: OpenRun, report: Mapping[str, Any]) -> None:
    """Notes the figures outside their bands in the run, whose verdict is `alarm` where one of them is news."""
    outside = {each["name"]: each for each in report["watch"] if each["is_outside"]}
    week = report["watch"][0]["week"]["from"] if report["watch"] else None
    earlier = [before.result for before in store.runs(job="kpis", newest=EARLIER_RUNS)]
    same_week = [result[WATCHED_FIGURES] for result in earlier if result.get("week") == week]
    known = {name for watched in same_week for name, is_outside in watched.items() if is_outside}
    watched = {each["name"]: each["is_outside"] for each in report["watch"] if each["low"] is not None}
    run.result = {"week": week, "as_of": report["as_of"], WATCHED_FIGURES: watched}
    news = [_words(each) for name, each in outside.items() if name not in known]
    if news:
        run.decide("alarm", *news)


def _words(figure: Mapping[str, Any]) -> str:
    name = figure["name"].replace("_", " ")
    return f"{name} is {figure['value']:.4g}, outside its band from {figure['low']:.4g} to {figure['high']:.4g}"
