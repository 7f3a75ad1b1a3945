"""Page of one upload: what each column is taken for, a trial, the import with its progress, and what was refused."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from api.console.imports.form import (
    ATTRIBUTE,
    KINDS,
    TABLES,
    TARGET_WORDS,
    TEXTS,
    ImportForm,
    plain_words,
)
from api.console.imports.job import WORDS, Step
from api.console.imports.refusals import refusal_files, refusals_csv
from api.console.page import Action, ConsolePage
from api.console.roles import Role
from api.console.visit import Visit
from recsys.cli.context import REFUSED
from recsys.data.uploads import Upload
from recsys.errors import BadInput

FORM = "form"


async def view(visit: Visit) -> Response:
    """The upload as far as it is, or the way to upload one."""
    token = visit.typed("upload")
    if not token:
        return visit.render("import.html", upload=None, running=None)
    upload, jobs = _upload(visit), visit.home.jobs
    states = {step: jobs.state(upload, step) for step in WORDS}
    running = next((state for state in states.values() if state is not None and state.is_running), None)
    look = _first_look(states["look"].report) if states["look"] is not None else None
    return visit.render(
        "import.html",
        upload=upload,
        title=upload.name,
        running=running,
        words=WORDS,
        states=states,
        look=look,
        form=None if look is None else _form(visit, upload, look),
        tables=TABLES,
        targets=TARGET_WORDS,
        attribute=ATTRIBUTE,
        kinds=KINDS,
        texts=TEXTS,
        plain=plain_words,
        refused_code=REFUSED,
    )


async def attempt(visit: Visit) -> Response:
    """Reads every line and stores nothing."""
    return await _start(visit, "try", ["--try"])


async def import_(visit: Visit) -> Response:
    """Imports the file."""
    return await _start(visit, "import", ["--cause", f"console, {visit.session.who}"])


async def refused(visit: Visit) -> Response:
    """The refused lines as a file."""
    state = visit.home.jobs.state(_upload(visit), "import")
    if state is None or state.report is None:
        raise BadInput("nothing of this upload was imported yet")
    files = await asyncio.to_thread(refusal_files, visit.home.config.home, state.report)
    headers = {"content-disposition": 'attachment; filename="refused-lines.csv"'}
    return StreamingResponse(refusals_csv(files), headers=headers, media_type="text/csv; charset=utf-8")


async def remove(visit: Visit) -> Response:
    """Removes the upload; what was imported of it stays."""
    upload = _upload(visit)
    await asyncio.to_thread(visit.home.uploads.remove, upload)
    return visit.redirect("/imports", f"{upload.name} is removed; what was imported of it stays.")


async def _start(visit: Visit, step: Step, more: list[str]) -> Response:
    upload = _upload(visit)
    state = visit.home.jobs.state(upload, "look")
    look = None if state is None else _first_look(state.report)
    if look is None:
        raise BadInput("the file was not looked at yet; wait a moment")
    form = ImportForm.of_fields(visit.typed, look)
    words = form.words(str(upload.file))
    await visit.note_change(f"{step} {form.table} of upload {upload.token}")
    visit.home.jobs.start(upload, step, [*words, *more])
    await asyncio.to_thread(upload.write, FORM, form.as_document())
    return visit.redirect("/import", upload=upload.token)


def _upload(visit: Visit) -> Upload:
    return visit.home.uploads.get(visit.typed("upload"))


def _first_look(report: Any) -> Mapping[str, Any] | None:
    """The look at the file, or at the first one of an archive."""
    return report[0] if report else None


def _form(visit: Visit, upload: Upload, look: Mapping[str, Any]) -> ImportForm:
    """What was typed just now, else last time, else what the look took the file for."""
    if visit.typed("table"):
        return ImportForm.of_fields(visit.typed, look)
    document = upload.read(FORM)
    return ImportForm.of_look(look) if document is None else ImportForm.of_document(document)


PAGE = ConsolePage(
    path="/import",
    title="Import",
    sentence="What the columns of your file are taken for, what would go in, and what would be refused and why.",
    view=view,
    role=Role.OPERATOR,
    actions={
        "try": Action(attempt, Role.OPERATOR),
        "import": Action(import_, Role.OPERATOR),
        "refused": Action(refused, Role.OPERATOR),
        "remove": Action(remove, Role.OPERATOR),
    },
)
