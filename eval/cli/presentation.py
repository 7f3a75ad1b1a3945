"""Presentation of an evaluation: tables on the screen, and files as JSON, CSV and HTML."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
import typer
from rich.console import Console, RenderableType

from eval.export.outputs import Outputs
from eval.report.html import page_of, render_page, write_page
from eval.report.page import Page
from eval.report.ranking_report import RankingReport
from recsys.cli.file_progress import EVERY_S, TextProgress
from recsys.cli.output import print_json, run_with_progress, wide_console
from recsys.jobs.evaluation_files import EvaluationFiles, EvaluationKind
from recsys.progress import StepLog

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Presentation(Generic[T]):
    """The functions that present one kind of evaluation; None where it has no such file.

    kind: under which its page is kept in the home; None for what is not about the shop.
    """

    tables: Callable[[T], RenderableType]
    data: Callable[[T], Mapping[str, Any]]
    report: Callable[[T, datetime], RankingReport | Page]
    write_csv: Callable[[T, Path], object] | None = None
    write_lists: Callable[[T, Path], None] | None = None
    kind: EvaluationKind | None = None

    def run(self, evaluate: Callable[[StepLog], T], outputs: Outputs, home: Path | None = None) -> None:
        """Evaluates with the steps on the screen, then shows the tables, or the JSON document, and writes the files.

        home: where the page is kept.
        """
        evaluation = run_with_progress(evaluate, Console(stderr=outputs.prints_json))
        if not outputs.prints_json:
            wide_console().print(self.tables(evaluation))
        if outputs.lists is not None and self.write_lists is not None:
            self.write_lists(evaluation, outputs.lists)
        if outputs.prints_json:
            print_json(self.data(evaluation))
        elif outputs.json is not None:
            outputs.json.write_bytes(orjson.dumps(self.data(evaluation), option=orjson.OPT_INDENT_2))
        if outputs.csv is not None and self.write_csv is not None:
            self.write_csv(evaluation, outputs.csv)
        self._write_pages(evaluation, outputs.report, home)

    def _write_pages(self, evaluation: T, path: Path | None, home: Path | None) -> None:
        is_kept = home is not None and self.kind is not None
        if path is None and not is_kept:
            return
        made_at = datetime.now(UTC)
        page = page_of(self.report(evaluation, made_at))
        content = render_page(page)
        if path is not None:
            write_page(content, path)
        if home is not None and self.kind is not None:
            try:
                EvaluationFiles(home).keep(
                    self.kind, content, made_at, title=page.title, verdict=page.verdict, headline=tuple(page.headline)
                )
            except OSError as error:
                typer.echo(f"the page is not kept in {home}: {error.strerror}", err=True)


def reading_progress(steps: StepLog) -> TextProgress:
    """How far files are read, beside the name of the step; without a terminal, on lines of their own."""
    if Console().is_terminal:
        return TextProgress(steps.on_step, every_s=0.2)
    return TextProgress(lambda text: typer.echo(text, err=True), EVERY_S)
