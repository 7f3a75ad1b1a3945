"""Command `recsys refresh`: a small release between two trainings."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.cli.context import GATE_REFUSED, NOTHING_NEW, OK
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, print_json
from recsys.time_units import date
from training.cli.exclusive import Wait, exclusive_job, yield_to_service

if TYPE_CHECKING:
    from recsys.bundle import Manifest
    from training.refresh import RefreshResult

console = Console()


def refresh(
    ctx: typer.Context,
    always: Annotated[
        bool, typer.Option("--always", help="Make a release even where the log and the settings did not change.")
    ] = False,
    cause: Cause = COMMAND_LINE,
    wait: Wait = None,
    as_json: AsJson = False,
) -> None:
    """Bring best-sellers, trends, prices, segments and customers up to now, in seconds, without learning the models.

    The new release stands on the models of the live one. Items that came since stay new items until the next training.
    Where nothing changed, nothing is made, and the exit code is 7. It is 6 where something is wrong with the release.

    Example: [bold]recsys refresh[/]

    Running services load it by themselves. A second job waits for the first.
    """
    from recsys.cli.output import key_value_table, run_with_progress
    from training.refresh import refresh as refresh_release

    context, progress = ctx.obj, Console(stderr=as_json)
    store = context.existing_store()
    yield_to_service(context)
    with exclusive_job(context, "refresh", wait) as generation:
        result = run_with_progress(
            lambda steps: refresh_release(
                store,
                context.home,
                context.file,
                steps,
                generation=generation,
                cause=cause,
                skips_unchanged=not always,
            ),
            progress,
        )
    if as_json:
        print_json(_as_data(result))
    elif result.verdict is None:
        console.print(f"nothing new: {result.reason}", markup=False)
    else:
        console.print(key_value_table(_summary(result.bundle.manifest, is_live=result.verdict.may_go_live)))
        for reason in result.verdict.reasons:
            console.print(f"  - {reason}", markup=False, highlight=False)
    raise typer.Exit(_exit_code(result))


def _exit_code(result: "RefreshResult") -> int:
    if result.verdict is None:
        return NOTHING_NEW
    return OK if result.verdict.may_go_live else GATE_REFUSED


def _as_data(result: "RefreshResult") -> dict[str, object]:
    names = ("version", "models_of", "made_at_ms", "window", "sizes", "steps")
    verdict = None if result.verdict is None else result.verdict.model_dump()
    fields = {name: getattr(result.bundle.manifest, name) for name in names}
    return fields | {"verdict": verdict, "is_new": result.verdict is not None, "reason": result.reason}


def _summary(manifest: "Manifest", *, is_live: bool) -> dict[str, str]:
    sizes, window = manifest.sizes, manifest.window
    return {
        "live" if is_live else "rejected": manifest.version,
        "models of": manifest.models_of,
        "events": f"{sizes['events']:,} from {date(window['from'])} to {date(window['until'])}",
        "customers": f"{sizes['users']:,}",
        "took": f"{sum(step['seconds'] for step in manifest.steps.values()):.1f} s",
    }
