"""Report builder for a comparison of releases: the newer one's list beside the older one's."""

from dataclasses import replace
from datetime import datetime

from eval.backtest.releases import list_name
from eval.backtest.results import Evaluation
from eval.report.builders.backtest import DISCOVERY, OURS, TITLES, ComparedLists, report_on_lists
from eval.report.formatting import span_of_days
from eval.report.ranking_report import ListLabel, RankingReport, Wording
from recsys.time_units import date

TITLE_BY_PLACEMENT = {
    "home": "Personal list",
    "buy-again": "What to buy again",
    "discover": "Personal list of new things",
}


def build_report(evaluation: Evaluation, now: datetime) -> RankingReport:
    """The report that says whether the list of the newer release is better."""
    older, newer = evaluation.settings["releases"]
    window = evaluation.windows[0]
    wording = Wording(
        period=span_of_days(max(1.0, window.until - window.cut)),
        ours=_label("newer"),
        rival=_label("older"),
        rival_items="on that of the older release",
    )
    titles = {
        list_name(placement, version): f"{title}, {age} release"
        for placement, title in TITLE_BY_PLACEMENT.items()
        for version, age in ((older, "older"), (newer, "newer"))
    }
    lists = ComparedLists(
        ours=list_name(OURS, newer),
        rival=list_name(OURS, older),
        discovery_ours=list_name(DISCOVERY, newer),
        discovery_rival=list_name(DISCOVERY, older),
        titles=TITLES | titles,
    )
    return replace(
        report_on_lists(evaluation, lists, now),
        title="Which release is better?",
        wording=wording,
        facts=_facts(evaluation),
        settings={"comparison": evaluation.settings},
    )


def _label(age: str) -> ListLabel:
    return ListLabel(f"{age} release", f"the list of the {age} release", f"the lists of the {age} release")


def _facts(evaluation: Evaluation) -> dict[str, str]:
    older, newer = evaluation.settings["releases"]
    window = evaluation.windows[0]
    return {
        "Older release": older,
        "Newer release": newer,
        "Judged by": f"{date(window.cut)} to {date(window.until)}: {window.n_customers:,} customers with "
        f"{window.n_held_back:,} different purchases, all made after both releases were trained",
        "The lists": f"{evaluation.k} long, chosen from {window.n_items:,} products on sale. Both "
        "releases made their lists at the moment the newer one was trained; the older one got the events since its own "
        "training",
        "Random seed": str(evaluation.settings["seed"]),
    }
