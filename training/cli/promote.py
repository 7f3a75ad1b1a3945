"""Commands `recsys promote | rollback | canary`: which release is live, for all customers or for a share of them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from recsys.cli.completion import complete_release
from recsys.cli.context import EXIT_CODES, GATE_REFUSED, OK, CliContext
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import minute, now_ms

if TYPE_CHECKING:
    from recsys.canary.state import Canary
    from training.canary.judge import CanaryReport
    from training.canary.outcomes import ArmOutcomes

console = Console()

Force = Annotated[
    str | None,
    typer.Option(
        "--force", metavar="REASON", help="Put it live although it was rejected or rolled back; the reason is kept."
    ),
]


def promote(
    ctx: typer.Context,
    version: Annotated[str, typer.Argument(help="Release of `recsys releases`.", autocompletion=complete_release)],
    share: Annotated[
        float | None,
        typer.Option("--share", min=0.1, max=50, metavar="PERCENT", help="Begin a canary: only so many customers."),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=720,
            help="With --share: a canary without fault goes forward after so long.",
            show_default="[canary] hours",
        ),
    ] = None,
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Put a release into service, for all customers or as a canary for a share of them.

    Example: [bold]recsys promote 20261130T020000Z-3f9a --share 10[/]

    A release that the gate rejected, or that a rollback left, needs --force with a reason.
    A canary ends by itself, forward or back; recsys canary shows it, recsys schedule judges it.
    """
    from training.registry import open_registry

    registry = open_registry(ctx.obj.home, ctx.obj.file)
    if share is None:
        if hours is not None:
            raise BadInput("--hours is for a canary; give --share, too")
        _print_live(registry.promote(version, force=force).manifest.version, as_json=as_json)
        return
    from training.canary.settings import CanarySettings

    longest = CanarySettings.load(ctx.obj.file).hours if hours is None else hours
    canary = registry.begin_canary(version, share=share, hours=longest, force=force)
    if as_json:
        print_json(canary.model_dump())
        return
    until = f"until {minute(canary.until_ms)} UTC"
    console.print(f"[green]canary:[/] {version} for {share:g} % of the customers, {until}", soft_wrap=True)
    advice = "`recsys schedule` judges it, or `recsys canary judge` every few minutes; `recsys canary` shows it."
    console.print(advice, soft_wrap=True)


def rollback(
    ctx: typer.Context,
    version: Annotated[
        str | None,
        typer.Argument(help="Release to go back to; default: the one live before.", autocompletion=complete_release),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release into service again, and end a canary.

    Example: [bold]recsys rollback[/]

    Run it again to go back further. No rollback goes back to a release that another one left.
    """
    from training.registry import open_registry

    _print_live(open_registry(ctx.obj.home, ctx.obj.file).rollback(version).manifest.version, as_json=as_json)


def _print_live(version: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"live": version})
    else:
        console.print(f"[green]live:[/] {version}", soft_wrap=True)


def register_canary(app: typer.Typer) -> None:
    """Adds `recsys canary` and the commands below it to `recsys`."""
    group = typer.Typer(invoke_without_command=True, epilog=EXIT_CODES)
    group.callback(epilog=EXIT_CODES)(canary)
    for command in (judge, stop):
        group.command(command.__name__, epilog=EXIT_CODES)(command)
    app.add_typer(group, name="canary", rich_help_panel="Learn")


def canary(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the canary: its share, what it does beside the live release, and how it ended.

    Example: [bold]recsys canary[/]

    A canary is a release that serves a share of the customers; recsys promote VERSION --share 10 begins it.
    """
    if ctx.invoked_subcommand is not None:
        return
    from training.canary.judge import look_at_canary
    from training.registry import open_registry

    store = ctx.obj.existing_store()
    _print_report(look_at_canary(store, open_registry(ctx.obj.home, ctx.obj.file), now_ms()), as_json=as_json)


def judge(ctx: typer.Context, cause: Cause = COMMAND_LINE, as_json: AsJson = False) -> None:
    """Judge the canary, and end it where it is decided: forward to all customers, or back to none.

    Example: [bold]recsys canary judge[/]

    Run it every few minutes, by recsys schedule or a timer. Exits with 6 when the canary went back. Without a canary it
    does nothing.
    """
    from training.canary.judge import judge_canary
    from training.canary.settings import CanarySettings
    from training.registry import open_registry

    context: CliContext = ctx.obj
    store, settings = context.existing_store(), CanarySettings.load(context.file)
    report = judge_canary(store, open_registry(context.home, context.file), settings, now_ms())
    if report is not None and report.is_news:
        _record(context, report.canary, cause)
    _print_report(report, as_json=as_json)
    raise typer.Exit(GATE_REFUSED if report is not None and report.is_news and _went_back(report.canary) else OK)


def stop(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option(help="Why, for `recsys canary`.")] = "stopped by hand",
    as_json: AsJson = False,
) -> None:
    """End the canary without a verdict: every customer gets the live release again.

    Example: [bold]recsys canary stop --reason "the page was broken"[/]
    """
    from training.canary.judge import stop_canary
    from training.registry import open_registry

    ended = stop_canary(open_registry(ctx.obj.home, ctx.obj.file), reason)
    if as_json:
        print_json(ended.model_dump())
    else:
        plain_console().print(f"{ended.version}: {ended.outcome}; {ended.champion} is live for all customers")


def _record(context: CliContext, ended: "Canary", cause: str) -> None:
    """The run that ended a canary, with its notification."""
    from recsys.jobs.notifications import Notifier
    from recsys.jobs.runs import run_record

    with run_record(context.existing_store(), "canary", cause) as run:
        run.notifier = Notifier.load(context.file)
        run.version = ended.version
        verdicts = {"forward": "promoted", "back": "rejected"}
        run.decide(verdicts.get(ended.outcome, "done"), *ended.reasons)  # type: ignore[arg-type]


def _went_back(ended: "Canary") -> bool:
    return ended.outcome == "back"


def _print_report(report: "CanaryReport | None", *, as_json: bool) -> None:
    if as_json:
        print_json({} if report is None else _as_data(report))
        return
    console = plain_console()
    if report is None:
        console.print("No canary runs; `recsys promote VERSION --share 10` begins one.")
        return
    state = report.canary
    until = f"until {minute(state.until_ms)} UTC at the latest" if state.is_running else state.outcome
    console.print(f"{state.version}: {state.share:g} % of the customers since {minute(state.began_at_ms)} UTC; {until}")
    for reason in state.reasons:
        console.print(f"  - {reason}")
    arms = ("canary", report.outcomes.canary), ("live", report.outcomes.live)
    names = ("release", "lists", "customers", "who clicked", "who bought", "clicks a list", "purchases a list")
    print_table(names, [_outcome_row(name, arm) for name, arm in arms])
    if state.is_running:
        rows = [(mark, *(f"{arm.marked:,} of {arm.n:,}" for arm in arms)) for mark, arms in report.counts.items()]
        print_table(("customers in this hour with", "canary", "live"), rows[1:])


def _outcome_row(name: str, arm: "ArmOutcomes") -> tuple[str, ...]:
    clicked, bought = arm.customers.values()
    means = [f"{arm.per_list[key].mean:.4f}" if key in arm.per_list else "" for key in arm.customers]
    return name, f"{arm.n_lists:,}", f"{clicked.n:,}", f"{clicked.marked:,}", f"{bought.marked:,}", *means


def _as_data(report: "CanaryReport") -> dict[str, Any]:
    from dataclasses import asdict

    counts = {
        mark: {"canary": arms.canary._asdict(), "live": arms.live._asdict()} for mark, arms in report.counts.items()
    }
    return {**report.canary.model_dump(), "this_hour": counts, "outcomes": asdict(report.outcomes)}
