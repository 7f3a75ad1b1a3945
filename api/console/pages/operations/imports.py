"""Page of imports: an upload, the uploads that wait, and the last imports."""

import asyncio
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.console.page import Action, ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.data.uploads import MIB, Upload
from recsys.errors import BadInput
from recsys.time_units import now_ms

UPLOADS = (
    Column("token", "Upload", href="/console/import?upload=", is_sortable=False),
    Column("name", "File", is_sortable=False),
    Column("at_ms", "Sent", "moment", is_sortable=False),
    Column("mib", "MiB", "number", is_sortable=False),
    Column("state", "State", is_sortable=False),
)
RUNS = (
    Column("started_ms", "Began", "moment", is_sortable=False),
    Column("verdict", "Verdict", "words", is_sortable=False),
    Column("files", "Files", is_sortable=False),
    Column("lines", "Lines", "number", is_sortable=False),
    Column("accepted", "Taken in", "number", is_sortable=False),
    Column("rejected", "Refused", "number", is_sortable=False),
    Column("reasons", "Why", is_sortable=False),
    Column("cause", "Started by", is_sortable=False),
)
N_RUNS = 20


async def view(visit: Visit) -> Response:
    """The form, the uploads and the last runs."""
    uploads = await asyncio.to_thread(visit.home.uploads.all)
    runs = await visit.client.runs(job="import", newest=N_RUNS)
    waiting = [_row(visit, upload) for upload in uploads]
    imports = [_run(run.model_dump()) for run in runs.runs]
    return visit.render(
        "imports.html",
        uploads=table_page(visit, UPLOADS, waiting, default="token", caption="Uploads"),
        runs=table_page(visit, RUNS, imports, default="started_ms", caption="Last imports"),
        most_mib=visit.home.uploads.most_bytes // MIB,
    )


async def upload(visit: Visit) -> Response:
    """Keeps the file and begins to look at it."""
    file = visit.form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise BadInput("choose a file first")
    kept = await asyncio.to_thread(visit.home.uploads.receive, file.filename, file.file, now_ms())
    await visit.note_change(f"upload {kept.token}: {kept.n_bytes} bytes")
    visit.home.jobs.start(kept, "look", ["look", str(kept.file)])
    return visit.redirect("/import", upload=kept.token)


def _row(visit: Visit, upload: Upload) -> dict[str, Any]:
    jobs = visit.home.jobs
    state = jobs.state(upload, "import") or jobs.state(upload, "try") or jobs.state(upload, "look")
    words = "waits"
    if state is not None:
        done = {"look": "waits for you", "try": "tried", "import": "imported"}[state.step]
        words = "is being read" if state.is_running else done if state.report is not None else "could not be read"
    mib = round(upload.n_bytes / MIB, 2)
    return {"token": upload.token, "name": upload.name, "at_ms": upload.at_ms, "mib": mib, "state": words}


def _run(run: dict[str, Any]) -> dict[str, Any]:
    result = run.get("result") or {}
    counts = {name: result.get(name) for name in ("lines", "accepted", "rejected")}
    files = ", ".join(str(name).rpartition("/")[2] for name in result.get("files", ()))
    return {**run, **counts, "files": files, "reasons": "; ".join(run["reasons"])}


PAGE = ConsolePage(
    path="/imports",
    title="Imports",
    sentence="Bring in a file of orders, products or customers: nothing goes in before you have looked at it.",
    view=view,
    menu=MenuGroup.ENGINE,
    role=Role.OPERATOR,
    actions={"upload": Action(upload, Role.OPERATOR, takes_file=True)},
)
