"""Page builder for back-tests of customers: what is said about them beside simple rules, for a marketer."""

from collections.abc import Sequence
from datetime import datetime

from eval.customers.chances import ANYTHING, CATEGORY, CHURN, ITEM
from eval.customers.results import OURS, ChanceTest, CustomerEvaluation
from eval.customers.table import as_data, day
from eval.report.builders.customers_tables import (
    GLOSSARY,
    calibration_chart,
    chance_table,
    cluster_table,
    figures_of,
    group_table,
    order_chart,
    stage_table,
    value_table,
)
from eval.report.caveats import few_customers_warning
from eval.report.formatting import counted, percent, plain
from eval.report.page import Fold, Page, PagePart, PageSection
from eval.report.ranking_report import EvaluationRecord
from eval.stats.paired import ComparisonVerdict
from recsys.customers.prediction.value import VALUE_DAYS

TITLES = {
    CHURN: ("leave", "Who will leave"),
    ANYTHING: ("buy", "Who will buy anything"),
    ITEM: ("again", "Who will buy an item again"),
    CATEGORY: ("category", "Who will buy from a category again"),
}
OUTCOMES = {
    CHURN: "had no order in the {} days after",
    ANYTHING: "bought in the {} days after",
    ITEM: "were bought in the {} days after",
    CATEGORY: "were bought from in the {} days after",
}


def build_page(evaluation: CustomerEvaluation, now: datetime) -> Page:
    """The whole page."""
    data = as_data(evaluation)
    return Page(
        title="How well are customers known?",
        verdict=_verdict(evaluation),
        headline=_headline(evaluation),
        question="Is the model better than the simple rule?",
        answers=[_answer(test) for test in _latest(evaluation)],
        warnings=[*few_customers_warning(evaluation.n_customers), *evaluation.notes],
        sections=_sections(evaluation),
        caveats=_caveats(evaluation),
        record=EvaluationRecord(
            facts={
                "Customers": f"{evaluation.n_customers:,} with {evaluation.n_orders:,} orders",
                "Money": f"{evaluation.money:,.2f}",
                "As of": day(evaluation.as_of_ms),
                "Random seed": str(evaluation.seed),
            },
            exclusions=[],
            tables=[chance_table(task, tests) for task, tests in _by_task(evaluation)],
            figures=figures_of(evaluation),
            settings={},
            data=data,
            run_id=data["run"],
            made_at=f"{now:%Y-%m-%d %H:%M}",
        ),
        glossary=GLOSSARY,
    )


def _by_task(evaluation: CustomerEvaluation) -> list[tuple[str, list[ChanceTest]]]:
    tests = [(task, [test for test in evaluation.chances if test.task == task]) for task in TITLES]
    return [(task, own) for task, own in tests if own]


def _latest(evaluation: CustomerEvaluation) -> list[ChanceTest]:
    """The test of each task and horizon at its latest moment."""
    latest: dict[tuple[str, int], ChanceTest] = {}
    for test in evaluation.chances:
        latest.setdefault((test.task, test.horizon_days), test)
    return list(latest.values())


def _verdict(evaluation: CustomerEvaluation) -> str:
    tests = _latest(evaluation)
    better = [test for test in tests if _outcome(test) == "better"]
    if not tests:
        return "There is too little to judge what is said about customers."
    return f"In {len(better)} of {counted(len(tests), 'question')}, the model knows more than the simple rule."


def _headline(evaluation: CustomerEvaluation) -> list[str]:
    sentences = []
    test = next((test for test in _latest(evaluation) if test.task == CHURN), None)
    if test is not None:
        own = test.metrics[OURS]
        sentences.append(
            f"Of the tenth of active customers who were likeliest to leave, {percent(own.lift * test.share)} did; "
            f"of all, {percent(test.share)}."
        )
    if evaluation.values and evaluation.pooled_value is not None:
        value, method = evaluation.values[0], evaluation.pooled_value[0]
        sentences.append(
            f"What customers would spend in {VALUE_DAYS} days was {percent(abs(value.total[method]))} too "
            f"{'high' if value.total[method] > 0 else 'low'} in total."
        )
    return sentences


def _outcome(test: ChanceTest) -> ComparisonVerdict:
    """Beside the strongest rule."""
    low, high = (getattr(test.against[strongest_rule(test)], end) for end in ("low", "high"))
    return "better" if low > 0 else "worse" if high < 0 else "level"


def strongest_rule(test: ChanceTest) -> str:
    """The rule with the highest AUC."""
    return max(test.against, key=lambda name: test.against[name].rule)


def _answer(test: ChanceTest) -> tuple[ComparisonVerdict, str, str]:
    rule, verdict = strongest_rule(test), _outcome(test)
    compared = test.against[rule]
    words = {"better": "yes", "worse": "no", "level": "cannot tell", "too few": "too few"}[verdict]
    stands = "" if test.method == "logistic" else f" On the card stands the rule {test.method} instead."
    return (
        verdict,
        f"{TITLES[test.task][1]} within {test.horizon_days} days?",
        f"{words[:1].upper()}{words[1:]}: it puts {percent(compared.model)} of the pairs in order, the rule “{rule}” "
        f"{percent(compared.rule)} (difference {plain(100 * compared.low, 1)} to {plain(100 * compared.high, 1)} "
        f"points).{stands}",
    )


def _sections(evaluation: CustomerEvaluation) -> list[PageSection]:
    hidden = f"{counted(evaluation.n_groups_hidden, 'group')} of fewer than 20 customers: not shown."
    sections = [_chance_section(task, tests, hidden) for task, tests in _by_task(evaluation)]
    if evaluation.values:
        sections.append(
            PageSection("value", "What customers will spend", [_value_text(evaluation), value_table(evaluation)])
        )
    if evaluation.stages:
        text = "Who ordered again within 28 days, by the stage in which each customer was before."
        sections.append(PageSection("stages", "Whether stages say what happens", [text, stage_table(evaluation)]))
    if evaluation.clusters:
        sentences = [text for text in evaluation.descriptions if text is not None]
        sections.append(PageSection("clusters", "Kinds of customers", [cluster_table(evaluation), *sentences]))
    return sections


def _chance_section(task: str, tests: Sequence[ChanceTest], hidden: str) -> PageSection:
    name, title = TITLES[task]
    noun = "pairs of customer and item" if task in (ITEM, CATEGORY) else "customers"
    latest = list({test.horizon_days: test for test in reversed(tests)}.values())[::-1]
    parts: list[PagePart] = [
        f"From {day(latest[0].at_ms)} on, {percent(latest[0].share)} of {latest[0].n:,} {noun} "
        f"{OUTCOMES[task].format(latest[0].horizon_days)}.",
        *(order_chart(f"{name}-{test.horizon_days}", test) for test in latest[:1]),
        *(Fold(f"The same within {test.horizon_days} days", [order_chart(f"{name}-{test.horizon_days}", test)])
          for test in latest[1:]),
        *(Fold(f"Whether the chances come true, {test.horizon_days} days",
               [calibration_chart(f"{name}-true-{test.horizon_days}", test)], is_open=at == 0)
          for at, test in enumerate(latest)),
    ]  # fmt: skip
    groups = [test for test in latest[:1] if test.groups]
    parts += [group_table(test) for test in groups]
    return PageSection(name, title, parts, hidden if groups and not hidden.startswith("0 ") else "")


def _value_text(evaluation: CustomerEvaluation) -> str:
    assert evaluation.pooled_value is not None
    method, why = evaluation.pooled_value
    return f"Of three methods the card uses “{method}”: {why}."


def _caveats(evaluation: CustomerEvaluation) -> list[str]:
    level = [test for test in _latest(evaluation) if _outcome(test) == "level"]
    caveats = [f"{TITLES[test.task][1]} within {test.horizon_days} days: more customers could tell." for test in level]
    return [
        *caveats,
        "Other months: a season that the log has seen once or never may change how much is bought.",
        "A chance says what happens if nothing is done. Whether a message changes it, only a control group can tell.",
    ]
