"""Commands `recsys train | releases | sweep`: training, and the releases that it left."""

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from recsys.cli.context import GATE_REFUSED, NOTHING_NEW, OK, USER_ERROR
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_command
from recsys.time_units import date, minute, now_ms
from training.cli.backup import backup, restore
from training.cli.customers.kpis import register_kpis
from training.cli.customers.lookalikes import lookalikes
from training.cli.customers.warn import warn
from training.cli.exclusive import Wait, exclusive_job, yield_to_service
from training.cli.promote import promote, register_canary, rollback
from training.cli.refresh import refresh
from training.cli.runs import register_runs
from training.cli.schedule import schedule
from training.cli.tune import tune

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recsys.bundle import Manifest
    from recsys.cli.context import CliContext
    from training.erasure_sweep import SweepResult
    from training.job import Reader, TrainingResult
    from training.registry import Release
    from training.retention import AgedData

console = Console()
Engine = Literal["native", "spark"]
EngineName = Annotated[
    Engine, typer.Option(help="What learns: this process, or Spark, see the table spark of recsys.toml.")
]
FurtherEvents = Annotated[
    list[str] | None,
    typer.Option(
        help="For Spark: events beside the log, a folder of Parquet files, s3://, s3a:// or jdbc:postgresql://; "
        "several times for more.",
        metavar="ADDRESS",
    ),
]
AGED_WORDS = {
    "facts": "facts",
    "answers": "logged answers",
    "rejects": "files of refused lines",
    "imports": "records of imports",
    "runs": "runs",
    "audit": "rows of the audit",
}


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    register_command(app, lookalikes, panel="Ask", is_job=True)
    register_kpis(app)
    register_command(app, train, panel="Learn", is_job=True)
    register_command(app, refresh, panel="Learn", is_job=True)
    register_command(app, tune, panel="Learn", is_job=True)
    register_command(app, releases, panel="Learn")
    register_command(app, promote, panel="Learn")
    register_canary(app)
    register_command(app, rollback, panel="Learn")
    register_command(app, warn, panel="Ask")
    register_command(app, sweep, panel="Learn", is_job=True)
    register_runs(app)
    register_command(app, schedule, panel="Learn", is_job=True)  # its jobs inherit the limits of threads
    register_command(app, backup, panel="Data", is_job=True)
    register_command(app, restore, panel="Data", is_job=True)


def train(
    ctx: typer.Context,
    force: Annotated[
        str | None,
        typer.Option(help="Put the release into service whatever the gate says; the reason is kept.", metavar="REASON"),
    ] = None,
    always: Annotated[
        bool, typer.Option("--always", help="Learn even where the data and the settings are those of the last release.")
    ] = False,
    engine: EngineName = "native",
    events: FurtherEvents = None,
    cause: Cause = COMMAND_LINE,
    wait: Wait = None,
    as_json: AsJson = False,
) -> None:
    """Learn from the whole log, publish the release, and put it into service if it is no worse than the live one.

    A release that is worse is kept as rejected, the live one stays, and the exit code is 6.
    Where nothing changed since the last release, nothing is learnt, and the exit code is 7.

    Example: [bold]recsys train[/]

    Running services load it by themselves. Settings: the tables train, models and weights of recsys.toml.
    A second job waits for the first.
    """
    from recsys.cli.output import run_with_progress
    from training import job
    from training.cli.data_check_report import show_odd

    context, progress = ctx.obj, Console(stderr=as_json)
    store = context.existing_store()
    yield_to_service(context)
    with exclusive_job(context, "train", wait) as generation, _reader(engine, events or (), context) as read:
        options = job.TrainingOptions(force, generation, cause, skips_unchanged=not always, read=read)
        result = run_with_progress(
            lambda steps: job.train(
                store, context.home, context.file, steps, options, warn=lambda findings: show_odd(findings, progress)
            ),
            progress,
        )
    if as_json:
        verdict = {"verdict": result.verdict.model_dump(), "page": result.page, "is_new": result.is_new}
        print_json(_as_data(result.bundle.manifest) | verdict)
    else:
        _print_result(result)
    raise typer.Exit(_exit_code(result))


def _print_result(result: "TrainingResult") -> None:
    from recsys.cli.output import key_value_table

    if not result.is_new:
        same = result.bundle.manifest.version
        outcome = "" if result.verdict.may_go_live else ", and rejected"
        console.print(f"nothing new: {same} was learnt from the same data and settings{outcome}; --always learns again")
    else:
        console.print(key_value_table(_summary(result)))
        _print_reasons(result)


@contextmanager
def _reader(engine: Engine, sources: "Sequence[str]", context: "CliContext") -> "Iterator[Reader]":
    """What reads the log for that engine, and learns from it."""
    from recsys.errors import BadInput
    from training.job import read_natively
    from training.spark.start import spark_training

    if engine == "native":
        if sources:
            raise BadInput("--events: only Spark reads events beside the log; add --engine spark, or import them first")
        yield read_natively
    else:
        with spark_training(context.home, context.file, sources) as spark:
            yield spark.read


def _exit_code(result: "TrainingResult") -> int:
    if not result.is_new:
        return NOTHING_NEW
    return OK if result.verdict.may_go_live else GATE_REFUSED


def releases(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the published releases, and which one is live.

    Example: [bold]recsys releases[/]
    """
    from training.registry import open_registry

    registry = open_registry(ctx.obj.home, ctx.obj.file)
    published, canary = registry.releases(), registry.canary()
    shares = {canary.version: f"{canary.share:g} %"} if canary is not None and canary.is_running else {}
    if as_json:
        print_json([_release_data(release) for release in published])
    elif not published:
        console.print(f"Nothing published in {ctx.obj.home} yet; run [bold]recsys train[/].")
    else:
        rows = (_row(release, shares.get(release.version, "")) for release in published)
        print_table(("release", "live", "made", "MiB", "state"), rows)
        for release in published:
            if release.is_rejected and release.verdict is not None:
                console.print(f"{release.version} rejected: {'; '.join(release.verdict.reasons)}", markup=False)


def sweep(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much is too old.")] = False,
    wait: Wait = None,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Delete what is older than the table keep says, and the remains of erased customers.

    These are releases that hold them, and free pages in the log's file.

    Run it after [bold]recsys train[/]. The live release is never deleted: if it holds an erased customer, train first.
    While the file is rewritten, about 20 s for each GB, events are refused with 503.

    Example: [bold]recsys train && recsys sweep[/]
    """
    from recsys.clock import deletion_time
    from recsys.config import KeepSettings
    from recsys.jobs.notifications import Notifier
    from recsys.jobs.runs import run_record
    from training.erasure_sweep import sweep as sweep_erased
    from training.registry import open_registry
    from training.retention import count_aged, delete_aged

    home, keep, store = ctx.obj.home, KeepSettings.load(ctx.obj.file), ctx.obj.existing_store()
    if dry_run:
        would_go = count_aged(store, home, keep, now_ms())
        print_json(would_go) if as_json else _print_aged(would_go, "would be deleted")
        return
    with exclusive_job(ctx.obj, "sweep", wait), run_record(store, "sweep", cause) as run:
        run.notifier = Notifier.load(ctx.obj.file)
        at_ms = deletion_time(home)
        aged = None if at_ms is None else delete_aged(store, home, keep, at_ms)
        result = sweep_erased(store, open_registry(home, ctx.obj.file))
        problems = _sweep_problems(result)
        run.decide("failed" if problems else "done", *problems)
        run.result = {"deleted": result.deleted, "aged": aged and asdict(aged)}
    if as_json:
        print_json({**asdict(result), "aged": aged})
    else:
        _print_aged(aged, "deleted")
        _print_sweep(result, problems)
    raise typer.Exit(USER_ERROR if problems else OK)


def _print_aged(aged: "AgedData | None", done: str) -> None:
    """None stands for a clock that is in doubt."""
    if aged is None:
        console.print("nothing was deleted for its age: the clock is in doubt; run it again in some hours")
        return
    others = {name: n for name, n in asdict(aged).items() if name in AGED_WORDS and n}
    parts = [f"{n:,} events of kind {kind}" for kind, n in aged.events.items()]
    parts += [f"{n:,} {AGED_WORDS[name]}" for name, n in others.items()]
    console.print(f"too old, {done}: {', '.join(parts) or 'nothing'}")


def _sweep_problems(result: "SweepResult") -> list[str]:
    """Sentences about the remains that could not be deleted."""
    problems = []
    if result.live is not None:
        held = f"{result.live} is live and holds {result.n_held} erased"
        problems.append(f"{held}; run `recsys train`, then this again")
    for name, n in result.mentions.items():
        advice = "import the catalogue without it, or run `recsys users erase` again"
        problems.append(f"{name}: {n:,} values of the catalogue name an erased customer; {advice}")
    if not result.is_clean:
        problems.append("the file of the log is in use; run it again")
    return problems


def _print_sweep(result: "SweepResult", problems: list[str]) -> None:
    plain = plain_console()
    for line in (*(f"deleted: {version}" for version in result.deleted), *problems):
        plain.print(line)
    if result.is_clean and not result.mentions:
        plain.print("the file of the log is clean")


def _print_reasons(result: "TrainingResult") -> None:
    verdict = result.verdict
    if verdict.reasons:
        forced = f"promoted in spite of this, because: {verdict.forced_because}"
        console.print("rejected, the live release stays:" if verdict.outcome == "rejected" else forced, style="yellow")
    for reason in verdict.reasons:
        console.print(f"  - {reason}", markup=False, highlight=False, soft_wrap=True)
    if verdict.kept_choices:
        console.print(verdict.kept_choices, markup=False, highlight=False, soft_wrap=True)
    if result.page is not None:
        console.print(f"every check: {result.page}", markup=False, highlight=False, soft_wrap=True)


def _as_data(manifest: "Manifest") -> dict[str, object]:
    """The release as a program reads it: version, window of the data, sizes, what was chosen, and the steps."""
    names = ("version", "made_at_ms", "window", "sizes", "metrics", "blend", "steps")
    return {name: getattr(manifest, name) for name in names}


def _summary(result: "TrainingResult") -> dict[str, str]:
    manifest, verdict = result.bundle.manifest, result.verdict
    sizes, blend = manifest.sizes, manifest.blend
    late, unvouched = manifest.window["stragglers"], manifest.window.get("unvouched", 0)
    return {
        "live" if verdict.may_go_live else "rejected": manifest.version,
        "events": f"{sizes['events']:,} from {date(manifest.window['from'])} to {date(manifest.window['until'])}",
        **({"left out": f"{unvouched:,} of browsers alone, beyond their share of an item"} if unvouched else {}),
        **({"of these": f"{late:,} long after all others, taken as the last of them"} if late else {}),
        "customers": f"{sizes['users']:,}",
        "items": f"{sizes['items']:,}",
        "repeat share": f"{blend['repeat_share']:.1%} of what customers buy they have bought before",
        "new things from": _blend(manifest),
        **_choices(manifest),
        "gate": f"{verdict.outcome}: {len(verdict.checks)} checks, {verdict.n_customers:,} customers judged in "
        f"{verdict.seconds:.0f} s",
        "took": f"{sum(step['seconds'] for step in manifest.steps.values()):.1f} s, "
        f"{max(step['peak_mib'] for step in manifest.steps.values()):,.0f} MiB at most",
    }


def _blend(manifest: "Manifest") -> str:
    weights = sorted(manifest.blend["weights"].items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {weight:.0%}" for name, weight in weights if weight > 0)


def _choices(manifest: "Manifest") -> dict[str, str]:
    """Optional models that were left out, with the reason; how models were split; and their longest half-lives."""
    left_out: dict[str, str] = manifest.blend["left_out"]
    names_by_reason: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        names_by_reason.setdefault(reason, []).append(name)
    choices = {"not made": "; ".join(f"{', '.join(names)} ({reason})" for reason, names in names_by_reason.items())}
    half_lives = manifest.blend["half_lives"].items()
    choices |= {f"{name} is parted": words for name, words in manifest.blend.get("parted", {}).items()}
    choices["strangers"] = manifest.blend.get("segments", {}).get("why", "")
    choices["longest half-life"] = ", ".join(f"{name} {_days(choice['days'])}" for name, choice in half_lives)
    return {name: words for name, words in choices.items() if words}


def _days(days: float | None) -> str:
    """None stands for inf, which JSON does not have."""
    return "never forgets" if days is None or days == float("inf") else f"{days:.0f} days"


def _release_data(release: "Release") -> dict[str, object]:
    names = ("version", "is_live", "made_at_ms", "n_bytes", "metrics", "damage")
    verdict = None if release.verdict is None else release.verdict.model_dump()
    return {name: getattr(release, name) for name in names} | {"state": _state(release), "verdict": verdict}


def _row(release: "Release", share: str) -> tuple[str, ...]:
    """share: of the customers that get it as a canary."""
    return (
        release.version,
        "live" if release.is_live else share,
        f"{minute(release.made_at_ms)} UTC" if release.made_at_ms else "",
        f"{release.n_bytes / 2**20:,.1f}",
        _state(release),
    )


def _state(release: "Release") -> str:
    if release.damage or not release.verdict:
        return release.damage or "whole"
    return {"promoted": "whole", "rejected": "rejected", "forced": "whole, promoted by force"}[release.verdict.outcome]
