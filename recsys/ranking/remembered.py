"""New things found for customers who were asked about lately: a visit is several answers, and taste lasts for all."""

from typing import NamedTuple

from recsys.arrays import Bools
from recsys.models.blend import Candidates

MOST = 10_000  # some 10 MB a worker


class Taste(NamedTuple):
    """All that the candidates of a customer depend on besides what may be shown: another event, another taste.

    openings: of the catalogue; an item that is shown from now on could have been among them.
    """

    user_id: str
    n_recent: int
    last_event_id: str
    openings: int


class Remembered:
    """Up to `most` lists of candidates, found when only the catalogue narrowed what may be shown; 0 keeps none.

    Each list holds whatever had a say.  As long as all of it may be shown, to forbid other items changes nothing: the
    list is what a search would find now.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: dict[Taste, Candidates] = {}

    def find(self, taste: Taste, allowed: Bools) -> Candidates | None:
        """The candidates, when they hold with these items allowed.  (I,)"""
        found = self._found.get(taste)
        return found if found is not None and allowed[found.items].all() else None

    def keep(self, taste: Taste, found: Candidates) -> None:
        if not self._most:
            return
        if len(self._found) >= self._most:
            self._found.pop(next(iter(self._found), taste), None)
        self._found[taste] = found
