"""Command context: home, settings file, exit codes, and the live recommender."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import Recommender


OK, MENDABLE, REFUSED, UNAVAILABLE, OUR_FAULT = 0, 1, 3, 4, 5


EXIT_CODES = (
    "Exit codes: 0 done; 1 something you can mend (a file, a setting, an id); 2 wrong usage; 3 everything was refused; "
    "4 the event log does not answer; 5 a fault of this program; 130 stopped with Ctrl-C."
)


@dataclass(frozen=True, slots=True)
class CliContext:
    """Where the shop's state lives, and its settings file, None when there is none: the `obj` of every command."""

    home: Path
    file: Path | None

    def store(self) -> "Store":
        """The shop's data.  Raises LogUnavailable, BadFile, BadSettings."""
        from recsys.config import ShopSettings
        from recsys.data.store.base import open_store

        return open_store(self.home, ShopSettings.load(self.file).database_url)


def cli_context(home: Path, folder: Path) -> CliContext:
    """The settings file is the one in `home`, else the one in `folder`."""
    from recsys.config import SETTINGS_FILE

    files = (home / SETTINGS_FILE, folder / SETTINGS_FILE)
    return CliContext(home, next((file for file in files if file.is_file()), None))


def live_recommender(place: CliContext, store: "Store") -> "Recommender":
    """The live bundle with every change of the catalogue since it was made.  Raises NoBundle."""
    from recsys.ranking.recommender import open_recommender

    found = open_recommender(place.home, place.file)
    changes = store.items_since(found.bundle.manifest.item_revision)
    return found.with_catalogue(found.catalogue.with_changes(changes))


def query_of(store: "Store", recommender: "Recommender", user: str | None, *, placement: str, k: int) -> "Query":
    """The question of a customer, with all that may be known of them by now; None is anybody."""
    from recsys.data.store.base import known_user
    from recsys.ranking.query import Query

    if user is None:
        return Query(_now_ms(), placement, k)
    known = known_user(store, user, recommender.bundle.manifest.log_seq)
    return Query(_now_ms(), placement, k, known.user_id, known.recent, attributes=known.attributes)


def _now_ms() -> int:
    return int(time.time() * 1_000)
