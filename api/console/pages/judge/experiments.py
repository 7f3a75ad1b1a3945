"""Experiments: one with its verdict, split, effects and looks; and the plan of another."""

import tomllib
from typing import Any

from starlette.responses import Response

from api.console.forms.fields import typed_number
from api.console.page import Action, ConsolePage
from api.console.roles import Role
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client import ApiError, EngineExperiment, EngineExperimentTrial
from recsys.errors import BadInput
from recsys.experiments.definition import Variant
from recsys.time_units import DAY_MS, now_ms

EFFECTS = (
    Column("name", "For each customer", "words", is_sortable=False),
    Column("difference", "B minus A", "number", is_sortable=False),
    Column("low", "From", "number", is_sortable=False),
    Column("high", "To", "number", hint="interval of 95 %", is_sortable=False),
    Column("relative", "Relative", "share", is_sortable=False),
    Column("p", "p", hint="how likely chance alone makes a difference as large", is_sortable=False),
    Column("n_treated", "Customers in B", "number", is_sortable=False),
    Column("n_control", "in A", "number", is_sortable=False),
    Column("method", "Method", "words", is_sortable=False),
)
LOOKS = (
    Column("number", "Look", is_sortable=False),
    Column("at_ms", "At", "moment", is_sortable=False),
    Column("z", "z", "number", is_sortable=False),
    Column(
        "bound",
        "Ends beyond",
        "number",
        hint="where z is further from zero than this, the look decides",
        is_sortable=False,
    ),
    Column("state", "State", is_sortable=False),
)
MEASURES = (
    ("money", "money of each customer"),
    ("margin", "margin"),
    ("orders", "orders"),
    ("clicks", "clicks"),
)
NO_RESULT: dict[str, Any] = {"effects": {}, "looks": [], "sample_ratio_p": None}
MISMATCH = 0.001  # below, the sizes of the arms are not chance


async def view(visit: Visit) -> Response:
    """One experiment as it was planned; its result is worked out on a page of its own, because that takes seconds."""
    experiment = await _chosen(visit)
    return visit.render(
        "experiment.html",
        title=f"Experiment {experiment.plan['id']}",
        experiment=experiment,
        arms=[(arm.upper(), Variant.model_validate(experiment.plan[arm]).words) for arm in ("a", "b")],
        until_ms=experiment.began_at_ms + experiment.plan["days"] * DAY_MS,
    )


async def view_result(visit: Visit) -> Response:
    """What it shows by now: verdict, split, effects and looks."""
    experiment = await _chosen(visit)
    name, result, unknown = experiment.plan["id"], NO_RESULT, ""
    try:
        result = (await visit.client.experiment_result(name)).result
    except ApiError as error:
        unknown = error.message
    effects = [_effect(measure, each) for measure, each in result["effects"].items()]
    return visit.render(
        "experiment_result.html",
        title=f"Result of {name}",
        experiment=experiment,
        result=result,
        unknown=unknown,
        effects=table_page(visit, EFFECTS, effects, default="name", caption="Effects"),
        looks=table_page(visit, LOOKS, _looks(experiment, result["looks"]), default="number", caption="Looks"),
        is_split_broken=(result["sample_ratio_p"] or 1.0) < MISMATCH,
    )


async def _chosen(visit: Visit) -> EngineExperiment:
    if not visit.typed("experiment"):
        raise BadInput("choose an experiment on the page Judge")
    return await visit.client.experiment(visit.typed("experiment"))


async def stop(visit: Visit) -> Response:
    """Ends it: everybody gets the shop as it is again."""
    name = visit.typed("experiment")
    if visit.typed("sure") != "1":
        raise BadInput("nothing was stopped: tick that everybody shall get the shop as it is")
    await visit.client.stop_experiment(name, visit.typed("reason") or "stopped in the console")
    return visit.redirect("/experiment", "It is stopped; its result can still be read.", experiment=name)


async def view_plan(visit: Visit, trial: EngineExperimentTrial | None = None) -> Response:
    """The form; with a trial, whether the shop has enough customers for it."""
    places = await visit.client.placements()
    return visit.render(
        "experiment_plan.html",
        trial=trial,
        measures=MEASURES,
        placements=[(each.name, each.name) for each in places.placements],
        now=now_ms(),
    )


async def preview(visit: Visit) -> Response:
    """Checks the plan of the form; nothing starts."""
    return await view_plan(visit, await visit.client.try_experiment(typed_plan(visit)))


async def start(visit: Visit) -> Response:
    """Starts the experiment of the form in every worker."""
    plan = typed_plan(visit)
    await visit.client.start_experiment(plan)
    return visit.redirect("/experiment", "It runs; only the planned looks decide.", experiment=plan["id"])


def typed_plan(visit: Visit) -> dict[str, Any]:
    """The plan of the form.  Raises BadInput for a number that is none, and for a text that is no TOML."""
    variant = {"rules": visit.typed("rules"), "release": visit.typed("release_b")}
    plan: dict[str, Any] = {
        "id": visit.typed("name"),
        "goal": visit.typed("goal"),
        "measure": visit.typed("measure", "money"),
        "lift": typed_number(visit.typed("lift") or "5", "percent, such as 5") / 100,
        "share": typed_number(visit.typed("share") or "100", "percent, such as 100"),
        "days": typed_number(visit.typed("days") or "28", "days, such as 28"),
        "looks": typed_number(visit.typed("looks") or "4", "how many, such as 4"),
        "b": _toml(visit.typed("variant")) | {field: text for field, text in variant.items() if text},
    }
    if visit.typed("release_a"):
        plan["a"] = {"release": visit.typed("release_a")}
    return plan | ({"interleaved": visit.typed("interleaved")} if visit.typed("interleaved") else {})


def _effect(measure: str, effect: dict[str, Any]) -> dict[str, Any]:
    p = effect["p"]
    if effect["difference"] == effect["low"] == effect["high"] == 0 and effect["relative"] is None:
        arms = {name: effect[name] for name in ("n_treated", "n_control")}
        return {"name": measure, **arms, "method": "none in either arm yet"}
    return {"name": measure, **effect, "p": None if p is None else f"{p:.2g}"}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"what else B gets is no TOML: {error}") from None


def _looks(experiment: EngineExperiment, due: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All looks that were planned, those that are due with their figures."""
    plan, by_number = experiment.plan, {look["number"]: look for look in due}
    return [
        {
            "number": number,
            "at_ms": experiment.began_at_ms + round(plan["days"] * DAY_MS * number / plan["looks"]),
            "z": by_number.get(number, {}).get("z"),
            "bound": by_number.get(number, {}).get("bound"),
            "state": _state(by_number.get(number)),
        }
        for number in range(plan["looks"], 0, -1)
    ]


def _state(look: dict[str, Any] | None) -> str:
    if look is None:
        return "not judged"
    return "decided" if abs(look["z"]) >= look["bound"] else "goes on"


EXPERIMENT = ConsolePage(
    path="/experiment",
    title="Experiment",
    sentence="Two variants of the shop for two halves of the customers, and which of them earns more.",
    view=view,
    actions={"stop": Action(stop, Role.OPERATOR)},
)
RESULT = ConsolePage(
    path="/experiment/result",
    title="Result of an experiment",
    sentence="Which variant earns more by now, and whether to stop.",
    view=view_result,
)
PLAN = ConsolePage(
    path="/experiment-plan",
    title="Plan an experiment",
    sentence="Gives half of the customers another variant of the shop, so that you learn which one earns more.",
    view=view_plan,
    actions={"preview": Action(preview), "start": Action(start, Role.OPERATOR)},
)
