"""The story of two releases: the newer one's list beside the older one's."""

from dataclasses import replace
from datetime import datetime

from eval.backtest.releases import line_name
from eval.backtest.results import Evaluation
from eval.formatting import date
from eval.report.builders.backtest import DISCOVERER, OURS, TITLES, Cast, story_with
from eval.report.formatting import span_of_days
from eval.report.story import Side, Story, Wording

WORDS = {"home": "Personal list", "buy-again": "What to buy again", "discover": "Personal list of new things"}


def story_of(found: Evaluation, now: datetime) -> Story:
    """Everything the page tells: is the list of the newer release better?"""
    older, newer = found.settings["releases"]
    window = found.windows[0]
    wording = Wording(
        when=span_of_days(max(1.0, window.until - window.cut)),
        ours=_side("newer"),
        rival=_side("older"),
        theirs="on that of the older release",
    )
    titles = {
        line_name(placement, version): f"{words}, {age} release"
        for placement, words in WORDS.items()
        for version, age in ((older, "older"), (newer, "newer"))
    }
    cast = Cast(
        title="Which release is better?",
        wording=wording,
        ours=line_name(OURS, newer),
        rival=line_name(OURS, older),
        discoverer=line_name(DISCOVERER, newer),
        discovery_rival=line_name(DISCOVERER, older),
        titles={**TITLES, **titles},
        facts=_facts(found),
    )
    return replace(story_with(found, cast, now), settings={"comparison": found.settings})


def _side(age: str) -> Side:
    return Side(f"{age} release", f"the list of the {age} release", f"the lists of the {age} release")


def _facts(found: Evaluation) -> dict[str, str]:
    older, newer = found.settings["releases"]
    window = found.windows[0]
    return {
        "Older release": older,
        "Newer release": newer,
        "Judged by": f"{date(window.cut)} to {date(window.until)}: {window.n_customers:,} customers with "
        f"{window.n_held_back:,} different purchases, all made after both releases were trained",
        "The lists": f"{found.k} long; any of {window.n_items:,} products on sale could stand in them. Both releases "
        "were asked at the moment the newer one was trained, the older one told what customers had done since",
        "Seed of chance": str(found.settings["seed"]),
    }
