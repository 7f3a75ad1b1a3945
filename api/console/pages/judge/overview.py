"""Judge: decisions of the gate on releases, kept evaluations with their reports, and the experiments."""

from typing import Any

from starlette.responses import Response

from api.console.page import Action, ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import ROWS, Column, table_page
from api.console.visit import Visit
from recsys.bundle import is_version
from recsys.client import EngineExperiment, GateDecision, KeptEvaluation
from recsys.errors import BadInput
from recsys.time_units import now_ms

VERDICTS = (
    Column("judged_at_ms", "Judged", "moment"),
    Column("outcome", "Outcome", "words"),
    Column("why", "Why"),
    Column("version", "Release"),
    Column("champion", "In service before"),
    Column("n_customers", "Customers", "number", hint="whose lists were compared"),
    Column("page", "All figures", href="/console/report?verdict=", label="open", is_sortable=False),
)
EVALUATIONS = (
    Column("made_at_ms", "Made", "moment"),
    Column("kind", "Of", "words"),
    Column("verdict", "Verdict"),
    Column("headline", "Figures", is_sortable=False),
    Column("id", "Report", href="/console/report?evaluation=", label="open", is_sortable=False),
)
EXPERIMENTS = (
    Column("id", "Experiment", href="/console/experiment?experiment="),
    Column("outcome", "State", "words"),
    Column("goal", "Goal"),
    Column("measure", "Judged by", "words"),
    Column("began_at_ms", "Since", "moment"),
    Column("ended_at_ms", "Ended", "moment"),
    Column("reasons", "Why it ended"),
)
SUBJECTS = (
    ("lists", "lists of products"),
    ("customers", "what is said about customers"),
    ("releases", "two releases"),
)
# A report is one file with its own styles: it may show those and its pictures, run nothing and reach nobody.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-downloads; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


async def view(visit: Visit) -> Response:
    """The newest of each."""
    verdicts = (await visit.client.verdicts()).verdicts[:ROWS]
    evaluations = (await visit.client.evaluations()).evaluations[:ROWS]
    experiments = (await visit.client.experiments()).experiments[:ROWS]
    return visit.render(
        "judge.html",
        verdicts=table_page(
            visit, VERDICTS, list(map(_verdict, verdicts)), default="judged_at_ms", caption="Decisions of the gate"
        ),
        evaluations=table_page(
            visit, EVALUATIONS, list(map(_evaluation, evaluations)), default="made_at_ms", caption="Evaluations"
        ),
        experiments=table_page(
            visit, EXPERIMENTS, list(map(_experiment, experiments)), default="began_at_ms", caption="Experiments"
        ),
        now=now_ms(),
        job=visit.home.evaluation.state(),
        subjects=SUBJECTS,
    )


async def evaluate(visit: Visit) -> Response:
    """Begins an evaluation; its report stands here when it has ended."""
    subject, windows = visit.typed("subject"), visit.typed("windows", "1")
    if subject not in dict(SUBJECTS):
        raise BadInput(f"{subject!r}: choose what shall be judged")
    if windows not in ("1", "2", "3"):
        raise BadInput(f"{windows!r}: choose 1, 2 or 3 periods")
    if subject == "releases":
        first, second = visit.typed("first"), visit.typed("second")
        if not (is_version(first) and is_version(second)):
            raise BadInput("which two releases? Put in their names, as they stand on the page Operations")
        words = ["compare", first, second]
    else:
        words = ["evaluate", subject, "--windows", windows]
    visit.home.evaluation.start(words, dict(SUBJECTS)[subject])
    return visit.redirect("/judge", "It runs, at the lowest priority; its report stands here when it has ended.")


async def view_report(visit: Visit) -> Response:
    """The page of one evaluation or verdict, as it was written: it is let do nothing but be read."""
    evaluation, version = visit.query("evaluation"), visit.query("verdict")
    if not evaluation and not version:
        raise BadInput("choose a report on the page Judge")
    call = visit.client.evaluation_page(evaluation) if evaluation else visit.client.verdict_page(version)
    headers = {"content-security-policy": REPORT_POLICY}
    return Response(await call, 200, headers, "text/html; charset=utf-8")


def _verdict(decision: GateDecision) -> dict[str, Any]:
    passed = f"{len(decision.checks)} checks, none failed" if decision.checks else "not checked"
    why = "; ".join(decision.reasons) or decision.kept_choices or passed
    if decision.forced_because:
        why = f"forced: {decision.forced_because}; {why}"
    page = decision.version if decision.has_page else None
    return {**decision.model_dump(exclude={"checks"}), "why": why, "page": page}


def _evaluation(kept: KeptEvaluation) -> dict[str, Any]:
    return {**kept.model_dump(), "headline": " ".join(kept.headline)}


def _experiment(experiment: EngineExperiment) -> dict[str, Any]:
    plan = {name: experiment.plan[name] for name in ("id", "goal", "measure")}
    return {**experiment.model_dump(), **plan, "reasons": "; ".join(experiment.reasons)}


PAGE = ConsolePage(
    path="/judge",
    title="Judge",
    sentence="Whether it gets better: what the gate decided, what evaluations say, and which variant of the shop wins.",
    view=view,
    menu=MenuGroup.ENGINE,
    actions={"evaluate": Action(evaluate, Role.OPERATOR)},
)
REPORT = ConsolePage(
    path="/report",
    title="Report",
    sentence="One evaluation, or one verdict of the gate, with all its figures.",
    view=view_report,
)
