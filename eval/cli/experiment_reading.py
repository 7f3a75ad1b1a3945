"""Command `recsys experiment read`: what an experiment shows so far, on the screen, as JSON or as a page."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext
from recsys.cli.experiments import known_experiments
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.time_units import minute, now_ms

if TYPE_CHECKING:
    from recsys.experiments.state import Experiment
    from recsys.experiments.verdict import ExperimentResult
    from recsys.experiments.watch import WatchedMark
    from recsys.inference.welch import Effect

ExperimentId = Annotated[str | None, typer.Argument(help="Id of the experiment; the newest when left out.")]


def read(
    ctx: typer.Context,
    experiment_id: ExperimentId = None,
    answers: Annotated[
        list[Path] | None,
        typer.Option("--answers", help="Also the answers of another host: a copy of its shown.db.  Several times."),
    ] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a page to read and to pass on.")] = None,
    as_json: AsJson = False,
) -> None:
    """What an experiment shows so far, and whether to stop it, in one sentence.

    Example: recsys experiment read more-new --html more-new.html

    Read it as often as you like: only the looks that were planned decide, so that reading raises no false alarm.
    """
    from eval.export.outputs import Outputs, shop_files
    from recsys.customers.population import MIN_GROUP
    from recsys.experiments.outcomes import answer_logs, read_log
    from recsys.experiments.verdict import read_result
    from recsys.experiments.watch import watched_marks

    context: CliContext = ctx.obj
    Outputs(None, html).check(shop_files(context.home, context.file))
    experiment, now = _chosen(context, experiment_id), now_ms()
    logs = answer_logs(context.home, answers or [])
    log = read_log(context.existing_store(), logs, experiment, min(now, experiment.ended_at_ms or now))
    result = read_result(log, experiment, now, least=MIN_GROUP)
    watched = watched_marks(context.home, experiment, now, least=MIN_GROUP)
    if html is not None:
        from eval.report.builders.effects.experiment import build_page
        from eval.report.html import write_page

        write_page(build_page(experiment, result, watched, datetime.now(UTC)), html)
    if as_json:
        figures = {"result": result.as_data(), "watched": [asdict(mark) for mark in watched]}
        print_json({"experiment": experiment.model_dump(mode="json"), **figures})
    else:
        _print(experiment, result, watched)


def _chosen(context: CliContext, experiment_id: str | None) -> "Experiment":
    from recsys.errors import BadInput
    from recsys.experiments.state import find_experiment

    experiments = known_experiments(context)
    if not experiments:
        raise BadInput(f"{context.home}: no experiment was started; `recsys experiment start FILE` starts one")
    return experiments[-1] if experiment_id is None else find_experiment(experiments, experiment_id)


def _print(experiment: "Experiment", result: "ExperimentResult", watched: "list[WatchedMark]") -> None:
    console = plain_console()
    console.print(result.verdict)
    console.print(f"{experiment.id}: A is {experiment.plan.a.words}; B is {experiment.plan.b.words}")
    left_out = f"; {result.n_left_out:,} left out" if result.n_left_out else ""
    arms = f"{result.n_a:,} customers in A, {result.n_b:,} in B{left_out}"
    if result.sample_ratio_p is None:
        arms = f"{result.n_a + result.n_b:,} customers with mixed lists{left_out}"
    console.print(f"{arms}; {minute(experiment.began_at_ms)} to {minute(result.as_of_ms)} UTC")
    if result.preference is not None:
        preferred = result.preference
        counts = f"{preferred.prefer_b:,} prefer B, {preferred.prefer_a:,} prefer A, {preferred.ties:,} neither"
        console.print(f"{counts}; p = {preferred.p:.3g}")
    rows = [(name, *_cells(effect)) for name, effect in result.effects.items()]
    if rows:
        print_table(("for each customer", "B - A", "95 % interval", "p", "method"), rows)
    looks = [(str(look.number), minute(look.at_ms), f"{look.z:+.2f}", f"{look.bound:.2f}") for look in result.looks]
    if looks:
        print_table(("look", "at", "z", "ends beyond"), looks)
    if watched:
        print_table(("on this host, this hour", "A", "B", "B may have"), _shares(watched))


def _cells(effect: "Effect") -> tuple[str, ...]:
    if effect.is_unseen:
        return "none in either arm yet", "", "", ""
    interval = f"{effect.low:+.4g} to {effect.high:+.4g}"
    return f"{effect.difference:+.4g}", interval, f"{effect.p:.3g}", effect.method


def _shares(watched: "list[WatchedMark]") -> Iterator[tuple[str, ...]]:
    for mark in watched:
        yield mark.words, f"{mark.share_a:.1%}", f"{mark.share_b:.1%}", f"{mark.allowed:.0%} more"
