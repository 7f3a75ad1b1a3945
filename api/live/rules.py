"""The rules in service: those of the file, or the last good ones where the file is no good."""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

import structlog

from api.observability.metrics import Metrics
from recsys.errors import BadFile, BadRules, RecsysError
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.repository import RuleRepository

log = structlog.get_logger()

AT_REST_NS = 1_000_000_000  # a file that is written in place is whole when nothing came for so long
CLOCK_NS = 60_000_000_000  # so far ahead the clock of a file server may be


class FileStamp(NamedTuple):
    """Tells one content of a file from the next."""

    changed_ns: int
    inode: int
    size: int


class LiveRules:
    """`now` is what is in service; `refusal` says why the file is not.  Only the event loop assigns them."""

    def __init__(self, book: RuleRepository, metrics: Metrics) -> None:
        self.book = book
        self._metrics = metrics
        self._seen: FileStamp | None = None
        self._is_first = True
        self.now: Rules = NO_RULES
        self.refusal: str | None = None

    async def look(self) -> bool:
        """Takes the file when it is another than before; True when other rules are in service now."""
        stamp = stamp_of(self.book.file)
        if not self._is_first and (stamp == self._seen or self._is_being_written(stamp)):
            return False
        found = await asyncio.to_thread(self._read)
        before, self.now = self.now, found if found is not None else self.now
        self._seen, self._is_first = stamp, False
        return before is not self.now

    def _is_being_written(self, stamp: FileStamp | None) -> bool:
        """Whether somebody wrote into the file itself a moment ago: what is replaced is whole, this may not be."""
        if stamp is None or self._seen is None or stamp.inode != self._seen.inode:
            return False
        return -CLOCK_NS < time.time_ns() - stamp.changed_ns < AT_REST_NS

    def _read(self) -> Rules | None:
        """What is to be in service now, None for what is."""
        try:
            text = self.book.text()
            rules = NO_RULES if text is None else self.book.parsed(text)
        except BadRules as error:
            return self._refused(error)
        except Exception as error:  # the rim of this job: whatever is wrong with the file, the old rules stay
            log.exception("rules_failed")
            return self._refused(BadRules(f"the rules cannot be read ({error!r})"))
        self.refusal = None
        if text is not None:
            self._keep(text)
        log.info("rules_in_service", digest=rules.digest, rules=len(rules.rules))
        return rules

    def _refused(self, error: RecsysError) -> Rules | None:
        """The old rules stay; a worker that has none yet takes the last that were good."""
        self.refusal = f"{self.book.file.name}: {error}"
        self._metrics.rules_refused.inc()
        found = self.book.last_taken() if self._is_first else None
        kept = self.now if found is None else found
        log.error("rules_refused", code=error.code, detail=str(error), kept=kept.digest)
        return found

    def _keep(self, text: str) -> None:
        try:
            self.book.keep(text)
        except BadFile as error:
            log.warning("rules_not_kept", detail=str(error))


def stamp_of(file: Path) -> FileStamp | None:
    """The stamp of a file, None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return FileStamp(found.st_mtime_ns, found.st_ino, found.st_size)
