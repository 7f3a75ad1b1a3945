"""An export of the small shop in this process, in small parts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.export.customers import chosen_customers
from api.export.plan import ListExport
from api.export.recommendations import ExportSummary, export_recommendations
from api.settings import ServerConfig
from recsys.data.files.destination import Destination
from recsys.time_units import now_ms

Export = Callable[..., ExportSummary]


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def export(home: Path) -> Export:
    """Exports the lists of that home to a file, ten customers a part."""

    def run(
        file: Path | str, *, n_workers: int = 1, at_ms: int | None = None, progress: Any = ignore, **more: Any
    ) -> ExportSummary:
        choice = more.pop("choice", chosen_customers())
        placement, k = more.pop("placement", "home"), more.pop("k", 5)
        settings = home / "recsys.toml"
        destination = Destination(str(file))
        return export_recommendations(
            ServerConfig.load(home, settings if settings.is_file() else None, {}),
            ListExport(
                placement, k, destination.table_format.name, choice.text, choice.is_named, part_customers=10, **more
            ),
            choice.user_ids,
            destination,
            now_ms=at_ms or now_ms(),
            n_workers=n_workers,
            progress=progress,
        )

    return run
