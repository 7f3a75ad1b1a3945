"""Registry sync: one worker of a host follows the shared registry; all serve what it brings into the home."""

import asyncio
import fcntl
import time
from pathlib import Path
from typing import IO

import structlog

from api.live.shared_rules import SharedRules
from api.observability.metrics import Metrics
from api.polling import Poller
from api.settings import ServerConfig
from recsys.errors import BadBundle, BadFile
from recsys.ranking.rules.repository import open_rule_repository
from recsys.shared_registry.mirror import RegistryMirror, open_mirror
from recsys.shared_registry.object_storage import check_library

log = structlog.get_logger()

LOCK = "run/registry.lock"  # held by the worker that follows; the kernel gives it to another one when it dies
WHOLE_EVERY_S = 60.0


class RegistrySync:
    """Without `registry.url` it does nothing.  While the storage is gone the host serves what it has."""

    def __init__(self, config: ServerConfig, metrics: Metrics) -> None:
        """Raises BadSettings where the settings name a registry that this installation cannot reach."""
        if config.registry.url:
            check_library(config.registry.url)
        self._config = config
        self._metrics = metrics
        self._poller = Poller("registry", self.pull, config.registry.look_every_s)
        self._lock: IO[bytes] | None = None
        self._mirror: RegistryMirror | None = None
        self._rules: SharedRules | None = None
        self._whole_at = 0.0
        self._trouble: str | None = None

    def start(self) -> None:
        if self._config.registry.url:
            self._poller.start(at_once=True)

    async def close(self) -> None:
        await self._poller.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def pull(self) -> None:
        """Takes over what changed in the registry, if this is the worker that does so."""
        if self._lock is None and not self._take_lock(self._config.home / LOCK):
            return
        is_whole = time.monotonic() >= self._whole_at
        try:
            await asyncio.to_thread(self._pull, is_whole)
        except BadFile as error:
            self._begin_trouble("registry_gone", str(error))
        except OSError as error:
            self._begin_trouble("registry_not_stored", str(error))
        except BadBundle as error:
            if self._trouble is None:
                self._metrics.refused.inc()
            self._begin_trouble("registry_refused", str(error))
        else:
            self._end_trouble()

    def _pull(self, is_whole: bool) -> None:
        if self._mirror is None:  # only the worker that follows loads the library
            config = self._config
            self._mirror = open_mirror(config.home, config.registry, config.serve.trusted_keys)
            repository = open_rule_repository(config.home, config.file)
            self._rules = SharedRules(repository, self._mirror) if self._mirror is not None else None
        if self._mirror is not None and self._rules is not None:
            self._mirror.pull(whole=is_whole)
            if is_whole:
                self._whole_at = time.monotonic() + WHOLE_EVERY_S
            self._rules.sync()  # after it: a host may lack the right to write

    def _take_lock(self, file: Path) -> bool:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _begin_trouble(self, event: str, detail: str) -> None:
        """Says it once, and counts it as down until the next pull that succeeds."""
        if self._trouble is None:
            self._metrics.opened("registry")
        if self._trouble != event:
            log.error(event, detail=detail)
        self._trouble = event

    def _end_trouble(self) -> None:
        if self._trouble is not None:
            self._metrics.back("registry")
            log.info("registry_back")
        self._trouble = None
