"""Segments page: saved conditions on customers, a builder for them, a preview, and saving."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from api.console import conditions
from api.console.forms.documents import StoredDocument
from api.console.forms.fields import typed_name
from api.console.page import Action, ConsolePage, MenuGroup
from api.console.visit import Visit
from recsys.client import SegmentTrial, ShopSegments, calls
from recsys.errors import BadInput, RecsysError

Segment = Mapping[str, Any]
DOCUMENT = StoredDocument(
    "segment", calls.segments, calls.put_segments, calls.segment_version, calls.segment_versions, content="segments"
)


async def view(visit: Visit) -> Response:
    """The saved segments, and the one that is being written."""
    state = await DOCUMENT.state(visit)
    saved: ShopSegments = state["stored"]
    chosen = _named(saved.segments, visit.query("open"))
    text = visit.typed("where") or (conditions.written(chosen["where"]) if chosen else "")
    trial: SegmentTrial | None = None
    if visit.query("do") == "build":
        try:
            text = conditions.written(conditions.built(conditions.typed_rows(visit), visit.query("joint")))
        except RecsysError as error:
            visit.fault = str(error)
    if text and not visit.fault:
        trial = await visit.client.try_segment(conditions.parsed_condition(text))
    shown = _shown_rows(visit, text)
    return visit.render(
        "segments.html",
        **state,
        name=visit.typed("name") or visit.query("open"),
        about=visit.typed("about") or (chosen or {}).get("about", ""),
        where=text,
        trial=trial,
        rows=[*shown[0], *[conditions.ConditionRow()] * (conditions.ROWS - len(shown[0]))],
        joint=shown[1],
        is_simple=shown[2],
        fields=conditions.fields(),
        operators=conditions.OPERATORS,
        suggestions=conditions.suggestions(),
    )


async def save(visit: Visit) -> Response:
    """Stores the segment under its name, in place of one that has it."""
    name, about = typed_name(visit.typed("name")), visit.typed("about")
    if name != visit.typed("name"):
        about = about or visit.typed("name")
    segment = {"name": name, "where": conditions.parsed_condition(visit.typed("where"))}
    segment |= {"about": about} if about else {}
    saved = await visit.client.segments()
    others = [each for each in saved.segments if each["name"] != name]
    await _replace(visit, saved, [*others, segment])
    await visit.note_change(f"segment {name} saved")
    return visit.redirect("/segments", f"{name} is saved. Rules, campaigns and exports may use it now.", open=name)


async def remove(visit: Visit) -> Response:
    """Deletes a saved segment; its versions stay."""
    name = visit.typed("name")
    saved = await visit.client.segments()
    if _named(saved.segments, name) is None:
        raise BadInput(f"There is no segment {name!r}; somebody may have removed it already.")
    await _replace(visit, saved, [each for each in saved.segments if each["name"] != name])
    return visit.redirect("/segments", f"{name} is removed. Earlier versions of the segments are kept.")


async def _replace(visit: Visit, saved: ShopSegments, segments: Sequence[Segment]) -> None:
    """Saves unless somebody else saved since the form was opened."""
    await visit.client.put_segments(segments, if_digest=visit.typed("digest") or saved.digest)


def _named(segments: Sequence[Segment], name: str) -> Segment | None:
    return next((each for each in segments if each["name"] == name), None)


def _shown_rows(visit: Visit, text: str) -> tuple[list[conditions.ConditionRow], str, bool]:
    """Rows and joint of the builder, and whether it can show the text."""
    if visit.fault and visit.query("do") == "build":
        return conditions.typed_rows(visit), visit.query("joint", "all"), True
    if not text:
        return [], "all", True
    try:
        rows = conditions.as_rows(conditions.parsed_condition(text))
    except RecsysError:
        rows = None
    return ([], "all", False) if rows is None else (*rows, True)


PAGE = ConsolePage(
    path="/segments",
    title="Segments",
    sentence="Groups of customers that you name once and use everywhere: in campaigns, rules, exports and figures.",
    view=view,
    menu=MenuGroup.PEOPLE,
    actions={"save": Action(save), "remove": Action(remove), "restore": Action(DOCUMENT.restore)},
)
