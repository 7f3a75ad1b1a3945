"""Command `recsys runs`: what the jobs did, when, why, from which data, and with which verdict."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import EXIT_CODES, OK, USER_ERROR
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.time_units import now_ms, second

if TYPE_CHECKING:
    from recsys.data.runs import RunRecord


def register_runs(app: typer.Typer) -> None:
    """Adds `recsys runs` and `recsys runs show` to `recsys`."""
    group = typer.Typer(invoke_without_command=True, epilog=EXIT_CODES)
    group.callback(epilog=EXIT_CODES)(runs)
    group.command("show", epilog=EXIT_CODES)(show_run)
    group.command("notify", epilog=EXIT_CODES)(notify)
    app.add_typer(group, name="runs", rich_help_panel="Learn")


def runs(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Option("--job", help="Only runs of that job, such as train.")] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many, from the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs of the jobs, the newest first: when, why, how long, and with which verdict.

    Example: [bold]recsys runs --job train[/]

    With `show ID`, everything about one run.
    """
    if ctx.invoked_subcommand is not None:
        return
    from recsys.data.run_process import with_deaths

    newest = with_deaths(ctx.obj.existing_store().runs(job=job, newest=last), now_ms=now_ms())
    if as_json:
        print_json([_as_data(run) for run in newest])
    elif not newest:
        plain_console().print(f"No run{f' of {job}' if job else ''} yet.")
    else:
        print_table(("run", "job", "cause", "start (UTC)", "took", "verdict", "release", "reasons"), map(_row, newest))


def show_run(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="ID", help="A run of `recsys runs`; its first characters do.")],
    as_json: AsJson = False,
) -> None:
    """Show one run: its cause, data, verdict with the reasons, resources, steps, and the last lines of its log.

    Example: [bold]recsys runs show 20261130T0230[/]
    """
    from recsys.data.run_process import with_deaths

    (run,) = with_deaths([_known_run(ctx, run_id)], now_ms=now_ms())
    if as_json:
        print_json(_as_data(run))
    else:
        _print_run(run)


def notify(
    ctx: typer.Context,
    test: Annotated[bool, typer.Option("--test", help="Send a notification of the type `test` instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deliver the notifications that are due, as every job does at its end; `--test` tries each channel once.

    Example: [bold]recsys runs notify --test[/]
    """
    from recsys.errors import BadInput
    from recsys.jobs.notifications import Notifier, send_test

    context, console = ctx.obj, plain_console()
    store, notifier = context.existing_store(), Notifier.load(context.file)
    if not notifier.channels:
        raise BadInput("[notify] names no webhook and no command; set one of them in recsys.toml")
    failures = send_test(notifier) if test else {}
    result = {channel: failures.get(channel, "arrived") for channel in notifier.channels} if test else {}
    n_arrived = 0 if test else notifier.deliver_due(store)
    if as_json:
        print_json(result if test else {"delivered": n_arrived})
    elif test:
        for channel, words in result.items():
            console.print(f"{channel}: {words}")
    else:
        console.print(f"{n_arrived} delivered")
    raise typer.Exit(USER_ERROR if failures else OK)


def _known_run(ctx: typer.Context, run_id: str) -> "RunRecord":
    """The run with that id, or the only one whose id begins so.  Raises UnknownRun."""
    from recsys.errors import UnknownRun

    store = ctx.obj.existing_store()
    exact = store.run(run_id)
    if exact is not None:
        return exact  # type: ignore[no-any-return]
    similar = [run for run in store.runs(newest=1_000) if run.run_id.startswith(run_id)]
    if len(similar) == 1:
        return similar[0]  # type: ignore[no-any-return]
    problem = f"{len(similar)} runs begin with" if similar else "there is no run"
    raise UnknownRun(f"{problem} {run_id!r:.80}; `recsys runs` lists them")


def _as_data(run: "RunRecord") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(run.without_customers())


def _row(run: "RunRecord") -> tuple[str, ...]:
    started, reasons = second(run.started_ms).removesuffix(" UTC"), "; ".join(run.reasons)
    return run.run_id, run.job, run.cause, started, _took(run), _verdict(run), run.version or "", reasons


def _verdict(run: "RunRecord") -> str:
    return run.verdict.replace("_", " ")


def _took(run: "RunRecord") -> str:
    seconds = run.wall_s if run.ended_ms is not None else (now_ms() - run.started_ms) / 1_000
    return f"{seconds:,.1f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


def _print_run(run: "RunRecord") -> None:
    console = plain_console()
    for name, words in _details(run).items():
        if words:
            console.print(f"{name:<10} {words}")
    for name, cost in run.steps.items():
        console.print(f"  {name:<24} {cost['seconds']:>7.1f} s   {cost['peak_mib']:>6,.0f} MiB peak")
    for line in run.log:
        console.print(f"  {line}")


def _words(value: Any) -> str:
    """A value of the result in one line; the checks of the gate as sentences."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(
            part["words"] if isinstance(part, dict) and "words" in part else _words(part) for part in value
        )
    return f"{value:,}" if isinstance(value, int) else str(value)


def _details(run: "RunRecord") -> dict[str, str]:
    data = f"log {run.log_id} up to {run.log_seq:,}, catalogue up to {run.item_revision:,}" if run.log_id else ""
    return {
        "run": run.run_id,
        "job": f"{run.job}, started by {run.cause}",
        "start": second(run.started_ms),
        "end": second(run.ended_ms) if run.ended_ms is not None else "still running",
        "verdict": _verdict(run),
        "reasons": "; ".join(run.reasons),
        "data": data,
        "digest": run.data_digest,
        "release": run.version or "",
        **{name.replace("_", " "): _words(value) for name, value in run.without_customers().result.items()},
        "took": f"{_took(run)}, {run.cpu_s:,.1f} s of CPU, {run.peak_mib:,.0f} MiB at most" if run.peak_mib else "",
    }
