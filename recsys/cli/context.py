"""Command context: home, settings file, exit codes, and the live recommender."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.time_units import now_ms

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import Recommender

OK, USER_ERROR, REFUSED, UNAVAILABLE, INTERNAL_ERROR, GATE_REFUSED, NOTHING_NEW = 0, 1, 3, 4, 5, 6, 7

EXIT_CODES = (
    "Exit codes: 0 done; 1 something you can mend (a file, a setting, an id); 2 wrong usage; 3 too much was refused; "
    "4 the event log does not answer; 5 a fault of this program; "
    "6 the gate rejected the release; 7 nothing new to learn; 130 stopped with Ctrl-C."
)


@dataclass(frozen=True, slots=True)
class CliContext:
    """Where the shop's state lives, and the folder of the command: the `obj` of every command."""

    home: Path
    folder: Path

    @property
    def file(self) -> Path | None:
        """The settings file: that of `home`, else that of `folder`, else None."""
        from recsys.config import SETTINGS_FILE  # loads pydantic, which not every command needs

        files = (self.home / SETTINGS_FILE, self.folder / SETTINGS_FILE)
        return next((file for file in files if file.is_file()), None)

    @property
    def database_url(self) -> str | None:
        """The URL of the log, None for the file in the home.  Raises BadSettings."""
        from recsys.config import ShopSettings

        return ShopSettings.load(self.file).database_url

    def store(self) -> "Store":
        """The shop's data.  Raises LogUnavailable, BadFile, BadSettings."""
        from recsys.data.store.open import open_store

        return open_store(self.home, self.database_url)

    @property
    def has_release(self) -> bool:
        """Whether a training has promoted a release."""
        from recsys.bundle import live_version

        return live_version(self.home / "bundles") is not None

    @property
    def has_store(self) -> bool:
        """Whether there is a shop in the home."""
        from recsys.data.store.open import has_store

        return has_store(self.home, self.database_url)

    def existing_store(self) -> "Store":
        """The same for a command that only reads or needs data: makes no home.  Raises BadInput where there is none."""
        from recsys.data.store.open import open_existing_store

        return open_existing_store(self.home, self.database_url)


def live_recommender(context: CliContext, store: "Store") -> "Recommender":
    """The live release with every change of the catalogue since it was made.  Raises NoBundle."""
    from recsys.ranking.recommender import open_recommender, with_segment_members

    recommender = open_recommender(context.home, context.file)
    mark = store.watermark(recommender.bundle.manifest)
    changes = store.items_since(mark.revision)
    recommender = recommender.with_catalogue(recommender.catalogue.with_changes(changes))
    return with_segment_members(recommender, store, mark.seq, context.home, context.file)


def query_for(store: "Store", recommender: "Recommender", user: str | None, *, placement: str, k: int) -> "Query":
    """The query of a customer, with the events since the release; None stands for an anonymous customer."""
    from recsys.data.store.consent import known_user
    from recsys.ranking.query import Query

    if user is None:
        return Query(now_ms(), placement, k)
    known = known_user(store, user, store.watermark(recommender.bundle.manifest).seq)
    return Query(now_ms(), placement, k, known.user_id, known.recent, attributes=known.attributes)
