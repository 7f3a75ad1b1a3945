"""Commands `recsys segments check | try | put | history | restore | list`: saved conditions on customers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import OK, USER_ERROR, CliContext, live_recommender
from recsys.cli.documents.versioned import read_text, versioned_commands
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_group
from recsys.errors import BadSegments
from recsys.time_units import minute

if TYPE_CHECKING:
    from recsys.ranking.segments.document import SavedSegments
    from recsys.ranking.segments.population import SegmentPopulation
    from recsys.ranking.segments.repository import SegmentRepository

MANY = "fewer than 20"


def register_segments(app: typer.Typer) -> None:
    """Adds `recsys segments`."""
    text = "Segments of customers: saved conditions, used by rules, audiences, exports and evaluations."
    versioned = versioned_commands("segments", "saved", _repository, _save)
    register_group(app, "segments", (list_, check, try_, *versioned), panel="Ask", help=text)


def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the saved segments with their sizes.

    Example: recsys segments list
    """
    from recsys.ranking.segments.preview import segment_sizes

    saved, population = _repository(ctx).last_valid(), live_population(ctx.obj)
    sizes = segment_sizes(saved, population)
    if as_json:
        rows = [{"name": each.name, "about": each.about, "customers": sizes[each.name]} for each in saved.segments]
        print_json({"as_of": population.as_of_ms, "segments": rows})
        return
    print_table(("segment", "customers", "about"), ((s.name, _n(sizes[s.name]), s.about) for s in saved.segments))
    plain_console().print(f"{len(saved.segments)} segments, as of {minute(population.as_of_ms)} UTC")


def check(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The segments to read; those of the home when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with segments, line by line, and how many customers are in each.

    Exits with 1 when something is wrong.  Example: recsys segments check segments.toml
    """
    from recsys.ranking.segments.document import NO_SEGMENTS
    from recsys.ranking.segments.preview import segment_sizes

    repository = _repository(ctx)
    path = repository.file if file is None else file
    saved, faults, sizes = NO_SEGMENTS, list[str](), dict[str, int | None]()
    try:
        saved = checked_segments(ctx.obj, repository, read_text(path, "segments"))
    except BadSegments as error:
        faults = [str(fault) for fault in error.faults]
    if saved.segments:
        sizes = segment_sizes(saved, live_population(ctx.obj)) if ctx.obj.has_release else {}
    if as_json:
        rows = [{"name": each.name, "customers": sizes.get(each.name)} for each in saved.segments]
        print_json({"file": str(path), "segments": rows, "faults": faults})
    else:
        console = plain_console()
        for fault in faults:
            console.print(f"{path}: {fault}")
        for each in saved.segments:
            console.print(f"{each.name}: {_n(sizes[each.name])} customers" if sizes else each.name)
        if not faults:
            console.print(f"{path}: {len(saved.segments)} segments, none of them wrong")
    raise typer.Exit(USER_ERROR if faults else OK)


def try_(
    ctx: typer.Context,
    segment: Annotated[str, typer.Argument(help="A condition as JSON, or the name of a saved segment.")],
    as_json: AsJson = False,
) -> None:
    """Show size, revenue, reach by consent and overlap of a segment; nothing is stored.

    Example: recsys segments try '{"stage": "at_risk", "money": {"gte": 500}}'
    """
    from recsys.ranking.segments.preview import preview_segment

    repository, population = _repository(ctx), live_population(ctx.obj)
    saved = repository.last_valid()
    where = repository.condition(segment, saved)
    preview = preview_segment(where, saved, population)
    if as_json:
        print_json(preview.to_json())
        return
    console = plain_console()
    head = f"{_n(preview.customers)} customers"
    if preview.customers is not None:
        head += f" ({preview.share:.1%}), revenue {preview.revenue:,.2f} ({preview.revenue_share or 0:.1%})"
    console.print(f"{head}, as of {minute(preview.as_of)} UTC; {preview.seconds:.3f} s")
    if preview.customers is None:
        return
    reach = ((r.purpose, r.channel or "any", _n(r.open), _n(r.agreed)) for r in preview.reach)
    print_table(("consent to", "channel", "did not refuse", "agreed"), reach)
    if preview.overlap:
        rows = ((o.segment, _n(o.customers), "-" if o.share is None else f"{o.share:.1%}") for o in preview.overlap)
        print_table(("also in", "customers", "share"), rows)


def live_population(context: CliContext) -> "SegmentPopulation":
    """The customers of the live release.  Raises NoBundle, BadInput."""
    from recsys.ranking.segments.population import release_population

    store = context.existing_store()
    recommender = live_recommender(context, store)
    log_seq = store.watermark(recommender.bundle.manifest).seq
    return release_population(recommender.engine, recommender.catalogue, store, log_seq)


def checked_segments(context: CliContext, repository: "SegmentRepository", text: str) -> "SavedSegments":
    """The segments of a text; after a training each name is looked up, too.  Raises BadSegments."""
    from recsys.ranking.segments.checks import check_names

    saved = repository.parse(text)
    if context.has_release:
        check_names(saved, text, live_population(context))
    return saved


def _save(ctx: typer.Context, text: str) -> tuple[int, str]:
    """How many segments were saved, and their digest.  Raises BadSegments."""
    from recsys.promotions.repository import open_promotion_repository
    from recsys.ranking.rules.repository import open_rule_repository
    from recsys.ranking.segments.checks import check_uses

    repository = _repository(ctx)
    saved = checked_segments(ctx.obj, repository, text)
    check_uses(saved, open_rule_repository(ctx.obj.home, ctx.obj.file).used_segments())
    promotions = open_promotion_repository(ctx.obj.home, ctx.obj.file).last_valid()
    check_uses(saved, promotions.segments(), "promotion")
    repository.replace(text)
    return len(saved.segments), saved.digest


def _repository(ctx: typer.Context) -> "SegmentRepository":
    from recsys.ranking.segments.repository import open_segment_repository

    return open_segment_repository(ctx.obj.home, ctx.obj.file)


def _n(n: int | None) -> str:
    return MANY if n is None else f"{n:,}"
