"""Command `recsys import facts`: what happened to customers, from a shop's files into its log."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, print_json
from recsys.cli.reading_options import with_reading_options
from training.cli.import_summary import print_tallies, tallies_data
from training.cli.importing.rounds import ImportTerms, import_given
from training.cli.options import (
    Constants,
    FilesOrNone,
    ImportOptions,
    Maps,
    MaxRefused,
    SourceOptions,
    Try,
    rejects_folder,
    rules_zone,
)

if TYPE_CHECKING:
    from training.importing.rejects import Tally

Kind = Annotated[
    str | None,
    typer.Option(help="The kind of lines without one: search, survey, message, ...", show_default=False),
]


@with_reading_options(SourceOptions, "source")
@with_reading_options(ImportOptions)
def facts(
    ctx: typer.Context,
    files: FilesOrNone = None,
    maps: Maps = None,
    constants: Constants = None,
    kind: Kind = None,
    max_refused: MaxRefused = 1.0,
    cause: Cause = COMMAND_LINE,
    is_trial: Try = False,
    as_json: AsJson = False,
    *,
    options: ImportOptions,
    source: SourceOptions,
) -> None:
    """Add facts of customers: searches, surveys, messages, coupons, service, referrals, sign-ups, consent.

    Targets: user_id, kind, at; by kind value, text, ref and channel, see docs/facts.md; optionally fact_id.  To import
    a file again adds nothing.  A consent changes the consent of its customer, if no later one is known.

    Example: recsys import facts searches.csv --kind search --map user_id=customer,at=time,text=query,value=hits

    Example: recsys import facts mailing.csv --kind message --const ref=spring --const channel=email \\
        --map user_id=customer,at=time,text=status
    """
    from recsys.data.files.column_mapping import ColumnMapping
    from recsys.privacy.stated_facts import add_facts
    from training.importing.corrections import EventReading
    from training.importing.facts import TARGETS, import_facts, kind_number
    from training.importing.trial import ImportTrial

    mapping = ColumnMapping.parse(maps or (), constants or (), TARGETS)
    mapping = options.applied_to(mapping, default_zone=rules_zone(ctx.obj))
    given = source.input_of(files, b"facts" + EventReading(mapping, kind).to_json())
    trial = ImportTrial() if is_trial else None
    add = partial(add_facts, ctx.obj.store(), ctx.obj.home) if trial is None else trial.append
    rejects = rejects_folder(ctx.obj) if trial is None else None
    read = partial(import_facts, add=add, mapping=mapping, kind=kind_number(kind), rejects=rejects)

    def show(tallies: "list[Tally]") -> None:
        if as_json:
            print_json(tallies_data(tallies, mapping, trial=trial))
        else:
            print_tallies(tallies, mapping, "duplicate", max_refused, trial)

    import_given(ctx.obj, given, mapping, lambda: (read, show), ImportTerms(cause, max_refused, is_trial))
