"""Summary of an import, as text or data: every line counted, and refused lines with what would be read."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from recsys.cli.context import OK, REFUSED
from recsys.cli.output import plain_console
from recsys.data.store.identity import CONFLICT

if TYPE_CHECKING:
    from recsys.data.files.column_mapping import ColumnMapping
    from training.importing.rejects import Reject, Tally
    from training.importing.trial import ImportTrial

TIMES = (
    "read are 2019-12-31, 2019-12-31T18:30:00Z (ISO 8601), 31.12.2019 18:30, 12/31/2019 6:30 PM and 31 Dec 2019; for "
    "other formats say --time-format, such as '%d/%m/%y %H:%M'"
)
NUMBERS = (
    "1299.50 is read, and so are $1299.50 and 1 299.50 EUR; for numbers with commas say --decimal , or --decimal ."
)
RETURNS = "if such lines are returns, say --returns-by-sign; to leave them out, say --where"
HINTS = {
    "a time that cannot be read": TIMES,
    "an available_from that cannot be read": TIMES,
    "an available_until that cannot be read": TIMES,
    "a date whose day and month cannot be told apart": "say --time-format '%d/%m/%Y' if 03/02/2024 is 3 February, or "
    "--time-format '%m/%d/%Y' if it is 2 March; with a time, add it: '%d/%m/%Y %H:%M'",
    "a time in the future": "if the times are those of the shop's own clock, name its zone, such as --time-zone "
    "Australia/Sydney; years of the Buddhist calendar are 543 too high",
    CONFLICT.format(
        "event"
    ): "the stored events stay as they are; to replace them by the lines of this file, import it with --correct",
    "an unknown kind": "kinds are view, click, cart, wishlist, purchase, return, rating, impression and dismiss; for "
    "other words say --kinds transaction=purchase",
    "a purchase with a quantity of 0 or less": RETURNS,
    "a price below 0": RETURNS,
    "a quantity that is no finite number": NUMBERS,
    "a price or amount that is no finite number": NUMBERS,
    "a price that is no finite number": NUMBERS,
    "a stock that is no finite number": NUMBERS,
    "a discount that is no finite number": NUMBERS,
    "a cost that is no finite number": NUMBERS,
    "a value that is no finite number": NUMBERS,
    "the line does not parse": "if accents are the reason, name the encoding of the file, such as --encoding cp1252",
}
TALLY_FIELDS = ("file", "accepted", "known", "corrected", "left_out", "reasons", "n_short", "notes", "rejects_file")


def print_tally(tally: "Tally", mapping: "ColumnMapping", known: str) -> None:
    """Prints what became of the lines of a file.  known: the word for lines that were stored already."""
    console = plain_console()
    corrected = "" if tally.corrected is None else f"{tally.corrected:,} corrected, "
    console.print(
        f"{tally.file}: {tally.lines:,} lines: {tally.accepted:,} accepted, {tally.known:,} {known}, {corrected}"
        f"{tally.rejected:,} rejected"
    )
    if tally.left_out:
        console.print(f"  {tally.left_out:,} lines left out by --where")
    for reason, count in tally.reasons.most_common():
        console.print(f"  {count:,} rejected: {reason}")
        if hint := hint_for(reason):
            console.print(f"    {hint}")
        for reject in tally.first[reason]:
            unread = "".join(f"{cell}; " for cell in _unread_cells(reject, mapping))
            console.print(f"    line {reject.line}: {unread}{_row_text(reject.row)}", style="dim")
    if tally.n_short:
        console.print(
            f"  {tally.n_short:,} lines have fewer cells than the header; the missing last ones are read as empty"
        )
    for note in tally.notes:
        console.print(f"  {note}")
    if tally.rejects_file is not None:
        console.print(f"  all rejected lines: {tally.rejects_file}")


def hint_for(reason: str) -> str | None:
    """What to do about lines that were refused for this reason: what would be read."""
    return next((hint for start, hint in HINTS.items() if reason.startswith(start)), None)


def tallies_data(
    tallies: "list[Tally]", mapping: "ColumnMapping", notes: Sequence[str] = (), trial: "ImportTrial | None" = None
) -> dict[str, Any]:
    """The tallies for a program: counts by file, the reasons of refused lines, and the first of them.

    Of a trial also the first rows as they would be stored.
    """
    files = []
    for tally in tallies:
        first = {reason: [_reject_data(each, mapping) for each in rejects] for reason, rejects in tally.first.items()}
        counts = {"lines": tally.lines, "rejected": tally.rejected}
        hints = {reason: hint for reason in tally.reasons if (hint := hint_for(reason))}
        fields = {name: getattr(tally, name) for name in TALLY_FIELDS}
        files.append({**counts, **fields, "hints": hints, "first": first})
    sample = {} if trial is None else {"is_trial": True, "sample": trial.sample}
    return {"files": files, "notes": notes, **sample}


def _reject_data(reject: "Reject", mapping: "ColumnMapping") -> dict[str, Any]:
    """The line, and its cells of which nothing could be read."""
    return {"line": reject.line, "row": _row_text(reject.row), "unread": list(_unread_cells(reject, mapping))}


def _unread_cells(reject: "Reject", mapping: "ColumnMapping") -> Iterator[str]:
    """The columns of the line that hold something of which nothing could be read, each with its value."""
    for name, value in (reject.read or {}).items():
        for column in mapping.sources(name.removesuffix("_ms"), list(reject.row)) if value is None else ():
            if reject.row.get(column) not in (None, ""):
                yield f"{column} is {reject.row[column]!r:.60}"


def _row_text(row: object, longest: int = 200) -> str:
    import orjson

    text = orjson.dumps(row, default=str).decode()
    return text if len(text) <= longest else f"{text[:longest]}..."


def exit_code(tallies: "list[Tally]", max_refused: float) -> int:
    """3 when more than `max_refused` percent of the lines, or all, were refused, else 0."""
    refused, n_lines = sum(tally.rejected for tally in tallies), sum(tally.lines for tally in tallies)
    is_too_much = refused > 0 and (refused == n_lines or refused > n_lines * max_refused / 100)
    return REFUSED if is_too_much else OK


def print_tallies(
    tallies: "list[Tally]",
    mapping: "ColumnMapping",
    known: str,
    max_refused: float,
    trial: "ImportTrial | None" = None,
) -> None:
    """Prints what became of the lines of each file.  known: the word for lines that were stored already."""
    for tally in tallies:
        print_tally(tally, mapping, known)
    if trial is not None:
        _print_trial(trial)
    if exit_code(tallies, max_refused) == REFUSED:
        plain_console().print(f"more than {max_refused:g} % of the lines were refused: exit 3, see --max-refused")


def _print_trial(trial: "ImportTrial") -> None:
    console = plain_console()
    for row in trial.sample:
        console.print(f"  would be stored: {_row_text(row)}", style="dim")
    console.print("nothing was stored: without --try this is imported")
