"""Page of a verdict: every check in words, and the lists of the comparison behind them, in the style of the reports."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from eval.backtest.releases import list_name
from eval.backtest.results import Evaluation
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY
from eval.report.builders.backtest import DISCOVERY, OURS, TITLES, ComparedLists, report_on_lists
from eval.report.builders.releases import TITLE_BY_PLACEMENT
from eval.report.formatting import span_of_days
from eval.report.html import page_of, render_page
from eval.report.labels import GLOSSARY
from eval.report.page import Fold, Page, PageSection
from eval.report.ranking_report import EvaluationRecord, ListLabel, ReportTable, Wording
from eval.stats.paired import ComparisonVerdict
from recsys.gate.verdict import GateVerdict
from recsys.time_units import minute
from training.gate.comparison import CHALLENGER, CHAMPION, LIVE, PUBLISHED

MARKS: Mapping[str, ComparisonVerdict] = {"failed": "worse", "not judged": "too few", "passed": "better"}
ORDER = tuple(MARKS)  # what failed comes first
DECISIVE = ("champion", BEST_SELLERS, OWN_FREQUENCY, "groups")  # shown where they passed, too
OWN_CHOICES = (
    "The mix and the settings of both were chosen by weeks that partly judge them here; both have that advantage."
)


def verdict_page(verdict: GateVerdict, evaluation: Evaluation | None) -> str:
    """HTML.  evaluation: None where the lists were not compared."""
    page = _plain_page(verdict) if evaluation is None else _compared_page(verdict, evaluation)
    checks = sorted(verdict.checks, key=lambda check: ORDER.index(check.result))
    first = [check for check in checks if check.result != "passed" or check.name in DECISIVE]
    others = [f"{_capital(check.words)}." for check in checks if check not in first]
    fold = Fold(f"The other {len(others)} checks: all passed", others)
    return render_page(
        replace(
            page,
            title=f"May release {verdict.version} go live?",
            verdict=_sentence(verdict),
            question="What was checked",
            answers=[
                (MARKS[check.result], f"{_capital(check.name)}: {check.result}.", f"{_capital(check.words)}.")
                for check in first
            ],
            sections=[PageSection("passed", "What else was checked", [fold]), *page.sections],
        )
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sentence(verdict: GateVerdict) -> str:
    stays = f"release {verdict.champion} stays live" if verdict.champion else "nothing is live"
    return {
        "promoted": f"Promoted: none of {len(verdict.checks)} checks failed.",
        "rejected": f"Rejected: {len(verdict.reasons)} of {len(verdict.checks)} checks failed; {stays}.",
        "forced": f"Promoted by force, though {len(verdict.reasons)} checks failed: {verdict.forced_because}.",
    }[verdict.outcome]


def _facts(verdict: GateVerdict) -> dict[str, str]:
    return {
        "New release": verdict.version,
        "Live release": verdict.champion or "none: this is the first one",
        **({"Choices": verdict.kept_choices} if verdict.kept_choices else {}),
        "Made comparable": verdict.fairness or "the lists were not compared",
        "Judged": f"{minute(verdict.judged_at_ms)} UTC, {verdict.seconds:.0f} s, {verdict.n_customers:,} customers",
    }


def _plain_page(verdict: GateVerdict) -> Page:
    empty = ReportTable("Figures", ("fact", "value"), [(name, value) for name, value in verdict.facts.items()])
    record = EvaluationRecord(
        facts=_facts(verdict),
        exclusions=[],
        tables=[empty],
        figures=empty,
        settings={},
        data=verdict.model_dump(),
        run_id=verdict.version,
        made_at=minute(verdict.judged_at_ms),
    )
    return Page("", "", [], "", [], [], [], ["A check that failed by mistake: see its words above."], record, GLOSSARY)


def _compared_page(verdict: GateVerdict, evaluation: Evaluation) -> Page:
    """Without customers by example: the page is kept beside the release."""
    names = {line.name for task in evaluation.tasks for line in task.lines}
    has_champion = list_name(OURS, CHAMPION) in names
    lists = ComparedLists(
        ours=list_name(OURS, CHALLENGER),
        rival=list_name(OURS, CHAMPION) if has_champion else BEST_SELLERS,
        discovery_ours=list_name(DISCOVERY, CHALLENGER),
        discovery_rival=list_name(DISCOVERY, CHAMPION) if has_champion else BEST_SELLERS,
        titles=TITLES
        | {
            list_name(placement, name): f"{title}, {name}"
            for placement, title in TITLE_BY_PLACEMENT.items()
            for name in (CHALLENGER, CHAMPION, PUBLISHED, LIVE)
        },
    )
    window = evaluation.windows[0]
    wording = Wording(period=span_of_days(max(1.0, window.until - window.cut)), ours=_label(CHALLENGER))
    if has_champion:
        wording = replace(wording, rival=_label(CHAMPION), rival_items="on that of the live release")
    report = report_on_lists(
        replace(evaluation, samples=()), lists, datetime.fromtimestamp(verdict.judged_at_ms / 1_000, UTC)
    )
    report = replace(
        report,
        wording=wording,
        facts={**_facts(verdict), **report.facts},
        settings={"comparison": evaluation.settings},
        data={**report.data, "verdict": verdict.model_dump()},
        notes=[*report.notes, OWN_CHOICES],
    )
    return page_of(report)


def _label(name: str) -> ListLabel:
    return ListLabel(name, f"the list of the {name}", f"the lists of the {name}")
