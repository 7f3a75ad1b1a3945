"""The registry of a home as its settings name it: the home's own, or one that several hosts share."""

import logging
from pathlib import Path

from recsys.errors import BadBundle, BadFile
from recsys.shared_registry.mirror import open_mirror
from recsys.shared_registry.settings import RegistrySettings
from training.registry.registry import Registry

log = logging.getLogger(__name__)


def open_registry(home: Path, file: Path | None) -> Registry:
    """The registry with what other hosts did so far; what this home knows where a shared one does not answer.

    Raises BadSettings.
    """
    mirror = open_mirror(home, RegistrySettings.load(file))
    if mirror is not None:
        try:
            mirror.pull()
        except (BadFile, BadBundle) as error:
            log.warning("registry_not_pulled", extra={"reason": str(error)})
    return Registry(home, mirror)
