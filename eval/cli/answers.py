"""Off-policy evaluation on the answer log, for `recsys evaluate --from-answers`."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from recsys.cli.context import CliContext
from recsys.cli.count_progress import count_progress
from recsys.cli.documents.versioned import read_text
from recsys.cli.output import plain_console, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import DAY_MS, milliseconds, now_ms

if TYPE_CHECKING:
    import polars as pl

    from eval.answers.candidate import Candidate, Replay
    from eval.answers.run import AnswerEvaluation, RewardEstimates
    from eval.export.outputs import Outputs
    from recsys.data.store.base import Store

DEFAULT_DAYS = 28
HOURS = 24.0


_option = partial(typer.Option, rich_help_panel="On the answer log")


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What is tried, where and since when."""

    from_answers: Annotated[
        bool, _option("--from-answers", help="What rules or placements would have earned, from the explored answers.")
    ] = False
    rules: Annotated[Path | None, _option(help="The rules to try, as TOML.")] = None
    placements: Annotated[Path | None, _option(help="A settings file whose [placements] are tried.")] = None
    placement: Annotated[str, _option(help="Whose lists are judged.")] = "home"
    since: Annotated[datetime | None, _option(help="First moment of the answers (UTC); default 28 days ago.")] = None


def evaluate_from_answers(context: CliContext, options: AnswerOptions, k: int, seed: int, outputs: "Outputs") -> None:
    """Prints what the candidate would have earned, or writes it as JSON.  Raises NotEnoughData, with the reason."""
    from eval.answers.candidate import Replay
    from eval.answers.rewards import shown_lists
    from eval.answers.run import evaluate_answers, explored_lists
    from recsys.ranking.rules.repository import open_rule_repository

    if options.rules is None and options.placements is None:
        raise BadInput("nothing to try: give --rules FILE, or --placements FILE with other [placements]")
    with closing(context.existing_store()) as store:
        replay = Replay(store, context.home, context.file, open_rule_repository(context.home, context.file))
        candidate = _candidate(options, replay)
        lists = shown_lists(_logged(context, store, options.since), options.placement)
        lists = explored_lists(lists, replay.lost, seed)
        with count_progress("answers") as progress:
            answers = replay.replayed(lists, options.placement, candidate, progress)
        n_items = 1 + max(
            (int(items.max()) for answer in answers for items, _ in answer.candidate if len(items)), default=0
        )
        n_items = max(n_items, 1 + max((int(answer.items.max()) for answer in answers), default=0))
    _present(evaluate_answers(answers, options.placement, k, n_items, replay.lost), outputs)


def _candidate(options: AnswerOptions, replay: "Replay") -> "Candidate":
    from eval.answers.candidate import Candidate
    from recsys.ranking.candidates.sources import SOURCES
    from recsys.ranking.placements import find_placement, load_placements

    placements = None if options.placements is None else load_placements(options.placements, frozenset(SOURCES))
    known = placements if placements is not None else load_placements(replay.file, frozenset(SOURCES))
    if find_placement(known, options.placement).asks == "context":
        raise BadInput(
            f"placement {options.placement!r} depends on the item on the page, which the answer log does not keep: "
            "what it would have earned cannot be known from it"
        )
    return Candidate(
        None if options.rules is None else replay.repository.parse(read_text(options.rules, "rules")), placements
    )


def _logged(context: CliContext, store: "Store", since: datetime | None) -> "pl.DataFrame":
    import polars as pl

    from recsys.data.answer_log.answer_log import open_answer_log
    from recsys.data.answer_log.attribution import attribute_outcomes

    log = open_answer_log(context.home)
    if log is None:
        raise BadInput(f"{context.home}: nothing was written down yet; [serve] log_answers = true and `recsys serve`")
    until_ms = now_ms() + 1
    since_ms = until_ms - DEFAULT_DAYS * DAY_MS if since is None else milliseconds(since)
    with closing(log):
        items = list(log.items_between(since_ms, until_ms))
    events = (frame.filter(pl.col("at_ms") >= since_ms) for frame in store.scan())
    return attribute_outcomes(items, events, hours=HOURS)


def _present(evaluation: "AnswerEvaluation", outputs: "Outputs") -> None:
    if outputs.prints_json:
        print_json(evaluation.to_json())
        return
    if outputs.json is not None:
        outputs.json.write_bytes(orjson.dumps(evaluation.to_json(), option=orjson.OPT_INDENT_2))
    console = plain_console()
    console.print(
        f"{evaluation.answers:,} explored answers of {evaluation.placement} to {evaluation.customers:,} customers, the "
        f"first {evaluation.places} places; per 1,000 lists, with the 95 % interval"
    )
    print_table(
        ("", "log", "IPS", "SNIPS", "doubly robust", "more than the log"),
        [(name, *_cells(each)) for name, each in evaluation.rewards.items()],
    )
    if evaluation.never_seen:
        console.print(f"no list led to {', '.join(evaluation.never_seen)}: nothing is said of these")
    console.print(f"evidence: worth {evaluation.effective:,.0f} answers of the candidate")
    console.print(f"without support: {evaluation.unsupported:.1%} of what the candidate would show was never drawn")
    for reason, n in evaluation.lost.items():
        typer.echo(f"left out: {n:,} answers: {reason}")


def _cells(estimates: "RewardEstimates") -> list[str]:
    intervals = [estimates.log, *((each.value, each.low, each.high) for each in estimates.candidate)]
    difference = estimates.difference
    cells = [f"{1_000 * value:,.0f} ({1_000 * low:,.0f} to {1_000 * high:,.0f})" for value, low, high in intervals]
    ends = f"({1_000 * difference.low:+,.0f} to {1_000 * difference.high:+,.0f})"
    return [*cells, f"{1_000 * difference.value:+,.0f} {ends}"]
