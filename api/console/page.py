"""Page of the console as a row of a table: its place, its title, who may open it, and what its forms do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.responses import Response

from api.console.roles import Role
from api.console.visit import Visit

View = Callable[[Visit], Awaitable[Response]]
ROOT = "/console"


class MenuGroup(StrEnum):
    """Menu groups in their order, by their heading; the first has none."""

    TODAY = ""
    PEOPLE = "People"
    OFFERS = "Offers"
    SALES = "Sales"
    SHOP = "Shop"
    ENGINE = "Engine"
    ACCESS = "Access"


@dataclass(frozen=True, slots=True)
class Action:
    """What a form does: POST to PATH/NAME.  run: does it and answers, usually with `visit.redirect`.

    A fault that the service tells (ApiError), or one of ours (RecsysError), is shown above the page again, with what
    was typed.  subject: the field with the id of a customer whom it is about, for the audit.  takes_file: whether the
    form holds an upload, and so may be large.
    """

    run: View
    role: Role = Role.MARKETER
    subject: str = ""
    takes_file: bool = False


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page.  path: below /console, a constant; ids stand in the query (`?id=`), because they may hold anything.

    sentence: what the page is for, in plain words; it stands on top.  menu: its group in the menu, None for a page that
    is reached from another one.  role: the least role that opens it.  reads: the query parameter with the id of a
    customer whom the page shows, for the audit.
    """

    path: str
    title: str
    sentence: str
    view: View
    menu: MenuGroup | None = None
    role: Role = Role.VIEWER
    reads: str = ""
    actions: Mapping[str, Action] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return ROOT + self.path


def menu_of(pages: Sequence[ConsolePage], role: Role) -> Mapping[MenuGroup, Sequence[ConsolePage]]:
    """The pages that stand in the menu of that role, by group; a group without pages is left out."""
    shown = [page for page in pages if page.menu is not None and page.role <= role]
    groups = {group: [page for page in shown if page.menu is group] for group in MenuGroup}
    return {group: pages for group, pages in groups.items() if pages}
