"""Tables and charts of the page on customers, and the glossary of its figures."""

from collections.abc import Mapping, Sequence

from eval.customers.results import OURS, ChanceTest, CustomerEvaluation
from eval.customers.table import ahead, day, precision_words
from eval.report.charts import Chart, ChartRow, axis_of, bar_chart
from eval.report.formatting import percent, plain
from eval.report.ranking_report import Cell, ReportTable, Role
from eval.stats.bootstrap import Estimate

GLOSSARY: Mapping[str, str] = {
    "AUC": "Of a customer with the outcome and one without, the chance that the first has the higher score: 0.5 is "
    "chance, 1 is perfect. Ties count half.",
    "AP": "Average precision: how pure the top of the list is, at every depth.",
    "lift": "Share with the outcome among the tenth with the highest scores, over that of all.",
    "lift quality": "Area between the lift curve and 1, over that of a perfect order: 1 is perfect, 0 is chance.",
    "Brier": "Mean squared error of the chance; beside it that of saying the same share for all (base).",
    "ECE": "Expected calibration error: how far chances are from shares in ten groups of equal size.",
    "noise": "The ECE that right chances would have on average, by luck, with so many customers.",
    "P@5": "Share of the five likeliest items of each customer that were bought; fewer items fill fewer places, and "
    "“of all” counts an empty place as a miss.  The interval is by customers.",
    "visits of 91 days": "The rule: who ordered less often in 91 days is likelier to leave; of equals who ordered "
    "longer ago.",
    "recency": "The rule: who ordered longer ago is likelier to leave.",
    "frequency": "The rule: what was bought on more days is bought again.",
    "last order + mean gap": "The rule that is often used: an item is due one mean gap after the last purchase.",
    "window": "The value is what was spent in the last 91 days.",
    "simple": "The value is order value x frequency x duration: money per day so far, times 91 days.",
    "combined": "The value is the mean of the last window and of what BG/NBD with Gamma-Gamma expect.",
    "bg_nbd": "The value is what BG/NBD (how often) and Gamma-Gamma (how much) expect.",
    "95 % interval": "Of a difference in AUC on the same customers, by DeLong's test.",
    "stability": "How alike the clusters are when customers are drawn anew (adjusted Rand index): 1 is the same.",
}


def order_chart(name: str, test: ChanceTest) -> Chart:
    """Bars of the AUC of the chance on the card and of each rule."""
    bars: list[tuple[str, Role, Estimate, str]] = [
        ("On the card" if key == OURS else key, "ours" if key == OURS else "baseline", Estimate(m.auc), percent(m.auc))
        for key, m in test.metrics.items()
    ]
    title = f"Who is right about the order, {test.horizon_days} days"
    return bar_chart(name, title, "share of pairs in the right order (AUC); half is chance", bars, is_share=True)


def calibration_chart(name: str, test: ChanceTest) -> Chart:
    """Dots of the mean chance and the share that came, in tenths by chance."""
    axis = axis_of([Estimate(value) for each in test.calibration for value in (each.chance, each.share)])
    rows = [
        ChartRow(
            f"Tenth {at}",
            "ours",
            [axis.mark("dot", "baseline", Estimate(each.chance)), axis.mark("dot", "ours", Estimate(each.share))],
            f"{percent(each.chance)} / {percent(each.share)}",
        )
        for at, each in enumerate(test.calibration, start=1)
    ]
    legend: list[tuple[Role, str]] = [("ours", "Share that came"), ("baseline", "Chance that was said")]
    title = f"Chances and what came, {test.horizon_days} days"
    return Chart(
        name, title, "tenths by chance: chance that was said / share that came", rows, axis.ticks(is_share=True), legend
    )


def chance_table(task: str, tests: Sequence[ChanceTest]) -> ReportTable:
    """A row for each horizon and date."""
    rules = list(tests[0].against)
    columns = ("days, from", "n", "share", "AUC", "AP", "lift", "lift quality", "Brier", "base", "ECE", "noise")
    rows: list[tuple[Cell, ...]] = []
    for test in tests:
        own, base = test.metrics[OURS], test.share * (1 - test.share)
        numbers = [own.auc, own.average_precision, own.lift, own.lift_quality, own.brier, base, own.ece, own.ece_noise]
        cells: list[Cell] = [f"{test.n:,}", f"{test.share:.3f}", *(f"{number:.3f}" for number in numbers)]
        if tests[0].precision_at_5 is not None:
            cells.append(precision_words(test))
        cells += [f"{test.against[name].rule:.3f}\n{ahead(test, name)}" for name in rules]
        rows.append((f"{test.horizon_days}, {day(test.at_ms)}", *cells, test.method))
    precision = ("P@5",) if tests[0].precision_at_5 is not None else ()
    note = "Beside each rule: its AUC, and by how much the card is ahead (95 %, paired)."
    return ReportTable(task.capitalize(), (*columns, *precision, *rules, "on the card"), rows, note)


def group_table(test: ChanceTest) -> ReportTable:
    """A row for each group of customers."""
    rows = [
        (f"{group.family}: {group.title}", f"{group.n:,}", percent(group.share), plain(group.comparison.model, 3),
         plain(group.comparison.rule, 3), f"{group.comparison.low:+.3f} to {group.comparison.high:+.3f}")
        for group in test.groups
    ]  # fmt: skip
    columns = ("group", "customers", "with the outcome", "AUC", "of the rule", "ahead by")
    return ReportTable(f"By group, {test.horizon_days} days", columns, rows, "Groups with 20 of each outcome or more.")


def value_table(evaluation: CustomerEvaluation) -> ReportTable:
    """A row for each date: the error in total and per customer of each method."""
    methods = list(evaluation.values[0].total)
    columns = ("from", "customers", "spent", *methods, "inside the 80 % interval")
    rows = [
        (
            day(test.at_ms),
            f"{test.n:,}",
            f"{test.spent:,.0f}",
            *(f"{test.total[name]:+.1%} in total\n±{test.error[name]:,.1f} each" for name in methods),
            percent(test.covered),
        )
        for test in evaluation.values
    ]
    return ReportTable("What customers would spend, and did", columns, rows, "± is the mean absolute error.")


def stage_table(evaluation: CustomerEvaluation) -> ReportTable:
    """A row for each stage."""
    rows = [(test.stage, f"{test.n:,}", percent(test.left)) for test in evaluation.stages]
    return ReportTable("Stages", ("stage", "customers", "without an order in 28 days"), rows)


def cluster_table(evaluation: CustomerEvaluation) -> ReportTable:
    """A row for each number of clusters."""
    rows = [
        (str(n.n_clusters), plain(n.silhouette, 3), plain(n.stability, 2), "stable" if n.is_stable else "unstable")
        for n in evaluation.clusters
    ]
    return ReportTable("How many kinds", ("kinds", "silhouette", "stability", ""), rows)


def figures_of(evaluation: CustomerEvaluation) -> ReportTable:
    """For a machine: a row for each test and metric."""
    rows: list[tuple[Cell, ...]] = [
        (test.task, test.horizon_days, day(test.at_ms), score, name, getattr(metrics, name))
        for test in evaluation.chances
        for score, metrics in test.metrics.items()
        for name in metrics.__slots__
    ]
    return ReportTable("Figures", ("task", "days", "from", "score", "name", "value"), rows)
