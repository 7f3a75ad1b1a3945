"""Commands `recsys experiment plan | start | list | stop`: A/B tests of the engine."""

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
    from recsys.shared_registry.mirror import RegistryMirror

PlanFile = Annotated[Path, typer.Argument(help="The experiment, as TOML; docs/experiments.md has an example; or -.")]


def register_experiments(app: typer.Typer) -> None:
    """Adds `recsys experiment`."""
    text = "Experiments (A/B tests) of the engine: two releases, rule files, placements or blends."
    register_group(app, "experiment", (plan, start, list_, stop), panel="Ask", help=text)


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
    experiments = known_experiments(ctx.obj)
    if as_json:
        print_json([experiment.model_dump(mode="json") for experiment in experiments])
        return
    names = ("experiment", "since", "outcome", "A", "B", "why")
    print_table(names, [_row(experiment) for experiment in reversed(experiments)])


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


def known_experiments(context: CliContext) -> "tuple[Experiment, ...]":
    """The experiments of the home, or of all hosts that share its registry, the oldest first."""
    from recsys.experiments.state import read_experiments

    context.existing_store()  # a mistyped home is named
    mirror = _mirror(context)
    if mirror is not None:
        mirror.pull(whole=False)
    return read_experiments(context.home / "bundles")


def _row(experiment: "Experiment") -> tuple[str, ...]:
    arms = experiment.plan.a.words, experiment.plan.b.words
    return experiment.id, minute(experiment.began_at_ms), experiment.outcome, *arms, "; ".join(experiment.reasons)
