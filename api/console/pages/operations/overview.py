"""Operations: health, releases with promotion and rollback, and the runs of the jobs."""

from starlette.responses import Response

from api.console.page import Action, ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.errors import BadInput

RUNS = (
    Column("job", "Job"),
    Column("started_ms", "Began", "moment"),
    Column("verdict", "Verdict", "words"),
    Column("reasons", "Why"),
    Column("version", "Release"),
    Column("wall_s", "Seconds", "number"),
    Column("cause", "Started by", "words"),
)
RELEASES = (
    Column("version", "Release", is_sortable=False),
    Column("made_at_ms", "Made", "moment", is_sortable=False),
    Column("state", "State", "words", is_sortable=False),
    Column("gate", "Gate", "words", is_sortable=False),
    Column("mib", "MiB", "number", is_sortable=False),
)
N_RUNS = 200


async def view(visit: Visit) -> Response:
    """Health, releases, runs."""
    health = await visit.client.ready()
    releases = (await visit.client.releases())["releases"]
    runs = await visit.client.runs(newest=N_RUNS)
    rows = [{**run.model_dump(), "reasons": "; ".join(run.reasons)} for run in runs.runs]
    shown = [
        {
            **each,
            "state": "in service" if each["is_live"] else each["damage"] or each["state"],
            "gate": (each["verdict"] or {}).get("outcome", "not judged"),
            "mib": round(each["n_bytes"] / 2**20),
        }
        for each in releases
    ]
    return visit.render(
        "operations.html",
        health=health,
        runs=table_page(visit, RUNS, rows, default="started_ms", caption="Runs"),
        releases=table_page(visit, RELEASES, shown, default="made_at_ms", caption="Releases"),
        others=[each["version"] for each in releases if not each["is_live"]],
    )


async def promote(visit: Visit) -> Response:
    """Puts the chosen release into service."""
    _check_tick(visit)
    answer = await visit.client.promote_release(visit.typed("version"))
    return visit.redirect("/operations", f"{answer['live']} is in service.")


async def roll_back(visit: Visit) -> Response:
    """Goes back to the release before."""
    _check_tick(visit)
    answer = await visit.client.roll_back()
    return visit.redirect("/operations", f"{answer['live']} is in service again.")


def _check_tick(visit: Visit) -> None:
    if visit.typed("sure") != "1":
        raise BadInput("nothing was changed: tick that all customers shall get another release")


PAGE = ConsolePage(
    path="/operations",
    title="Operations",
    sentence="Whether everything runs, what the jobs did, and which release serves your customers.",
    view=view,
    menu=MenuGroup.ENGINE,
    role=Role.OPERATOR,
    actions={"promote": Action(promote, Role.OPERATOR), "roll-back": Action(roll_back, Role.OPERATOR)},
)
