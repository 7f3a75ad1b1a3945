"""Commands `recsys experiment plan | start | list | read | stop`: A/B tests of the engine."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import CliContext, live_recommender
from recsys.cli.given_files import STDIN
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_group
from recsys.time_units import minute, now_ms

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.experiments.definition import ExperimentPlan
    from recsys.experiments.state import Experiment
    from recsys.experiments.verdict import ExperimentResult
    from recsys.shared_registry.mirror import RegistryMirror

PlanFile = Annotated[Path, typer.Argument(help="The experiment, as TOML; docs/experiments.md has an example; or -.")]
ExperimentId = Annotated[str | None, typer.Argument(help="Id of the experiment; the newest when left out.")]


def register_experiments(app: typer.Typer) -> None:
    """Adds `recsys experiment`."""
    text = "Experiments (A/B tests) of the engine: two releases, rule files, placements or blends."
    register_group(app, "experiment", (plan, start, list_, read, stop), panel="Ask", help=text)


def plan(ctx: typer.Context, file: PlanFile, as_json: AsJson = False) -> None:
    """Check an experiment and say how many customers it needs; nothing starts.

    Example: recsys experiment plan more-new.toml
    """
    from recsys.experiments.power import plan_power

    store = ctx.obj.existing_store()
    checked = _checked(ctx.obj, store, file)
    power = plan_power(store, checked)
    if as_json:
        print_json({**checked.model_dump(mode="json"), "power": asdict(power), "words": power.words})
        return
    console = plain_console()
    console.print(f"{checked.id}: A is {checked.a.words}; B is {checked.b.words}")
    console.print(f"{checked.share:g} % of the customers for {checked.days} days, {checked.looks} looks")
    spread = f"{power.mean:.2f} a customer in {checked.days} days, standard deviation {power.sd:.2f}"
    console.print(f"money: {spread}, correlation with the money before {power.correlation:.2f}")
    console.print(f"to see {checked.lift:.1%}: {power.words}")


def start(ctx: typer.Context, file: PlanFile, as_json: AsJson = False) -> None:
    """Start an experiment in every worker of every host; customers keep their arm to its end.

    Example: recsys experiment start more-new.toml

    Refused while a canary or another experiment runs.
    """
    from recsys.shared_registry.experiments import start_experiment

    context: CliContext = ctx.obj
    checked = _checked(context, context.existing_store(), file)
    started = start_experiment(context.home / "bundles", _mirror(context), checked, now_ms())
    if as_json:
        print_json(started.model_dump(mode="json"))
    else:
        until = f"until {minute(started.until_ms)} UTC"
        plain_console().print(f"{started.id} runs for {checked.share:g} % of the customers {until}")


def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the experiments: the one that runs, and those that are over.

    Example: recsys experiment list
    """
    experiments = _experiments(ctx.obj)
    if as_json:
        print_json([experiment.model_dump(mode="json") for experiment in experiments])
        return
    names = ("experiment", "since", "outcome", "A", "B", "why")
    print_table(names, [_row(experiment) for experiment in reversed(experiments)])


def read(ctx: typer.Context, experiment_id: ExperimentId = None, as_json: AsJson = False) -> None:
    """What an experiment shows so far, and whether to stop it, in one sentence.

    Example: recsys experiment read more-new

    Read it as often as you like: only the looks that were planned decide, so that reading raises no false alarm.
    """
    from recsys.customers.population import MIN_GROUP
    from recsys.errors import BadInput
    from recsys.experiments.outcomes import read_log
    from recsys.experiments.state import find_experiment
    from recsys.experiments.verdict import read_result

    context: CliContext = ctx.obj
    experiments = _experiments(context)
    if not experiments:
        raise BadInput(f"{context.home}: no experiment was started; `recsys experiment start FILE` starts one")
    experiment = experiments[-1] if experiment_id is None else find_experiment(experiments, experiment_id)
    now = now_ms()
    log = read_log(context.existing_store(), context.home, experiment, min(now, experiment.ended_at_ms or now))
    result = read_result(log, experiment, now, least=MIN_GROUP)
    if as_json:
        print_json({"experiment": experiment.model_dump(mode="json"), "result": result.as_data()})
    else:
        _print_result(experiment, result)


def stop(
    ctx: typer.Context,
    experiment_id: Annotated[str, typer.Argument(help="Id of the experiment.")],
    reason: Annotated[str, typer.Option(help="Why, for `recsys experiment list`.")] = "stopped by hand",
    as_json: AsJson = False,
) -> None:
    """Stop an experiment: everybody gets the shop as it is again. Its result can still be read.

    Example: recsys experiment stop more-new --reason "B is better"
    """
    from recsys.shared_registry.experiments import stop_experiment

    context: CliContext = ctx.obj
    stopped = stop_experiment(context.home / "bundles", _mirror(context), experiment_id, reason, now_ms())
    if as_json:
        print_json(stopped.model_dump(mode="json"))
    else:
        plain_console().print(f"{stopped.id}: stopped; everybody gets the shop as it is")


def _checked(context: CliContext, store: "Store", file: Path) -> "ExperimentPlan":
    from recsys.experiments.definition import parse_plan
    from recsys.ranking.rules.repository import open_rule_repository
    from recsys.ranking.variants import checked_plan

    repository = open_rule_repository(context.home, context.file)
    recommender = live_recommender(context, store)
    return checked_plan(parse_plan(_fields(file)), repository, context.file, recommender, context.home / "bundles")


def _fields(file: Path) -> dict[str, Any]:
    """Of standard input for `-`, where no other file is read."""
    from recsys.experiments.definition import plan_fields, read_plan

    return plan_fields(sys.stdin.read(), "standard input") if file == STDIN else read_plan(file)


def _mirror(context: CliContext) -> "RegistryMirror | None":
    from recsys.shared_registry.mirror import open_mirror
    from recsys.shared_registry.settings import RegistrySettings

    return open_mirror(context.home, RegistrySettings.load(context.file))


def _experiments(context: CliContext) -> "tuple[Experiment, ...]":
    from recsys.experiments.state import read_experiments

    context.existing_store()  # a mistyped home is named
    mirror = _mirror(context)
    if mirror is not None:
        mirror.pull(whole=False)
    return read_experiments(context.home / "bundles")


def _row(experiment: "Experiment") -> tuple[str, ...]:
    arms = experiment.plan.a.words, experiment.plan.b.words
    return experiment.id, minute(experiment.began_at_ms), experiment.outcome, *arms, "; ".join(experiment.reasons)


def _print_result(experiment: "Experiment", result: "ExperimentResult") -> None:
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
    rows = [
        (
            name,
            f"{effect.difference:+.4g}",
            f"{effect.low:+.4g} to {effect.high:+.4g}",
            f"{effect.p:.3g}",
            effect.method,
        )
        for name, effect in result.effects.items()
    ]
    if rows:
        print_table(("for each customer", "B - A", "95 % interval", "p", "method"), rows)
    looks: list[Any] = [
        (str(look.number), minute(look.at_ms), f"{look.z:+.2f}", f"{look.bound:.2f}") for look in result.looks
    ]
    if looks:
        print_table(("look", "at", "z", "ends beyond"), looks)
