"""Live rules: those of the file, or the last valid ones while the file is invalid."""

import asyncio
import time

import structlog

from api.observability.metrics import Metrics
from api.polling import FileStamp, stamp_of
from recsys.errors import BadFile, BadRules, RecsysError
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.repository import RuleRepository
from recsys.ranking.segments.members import SegmentMembers

log = structlog.get_logger()

WRITE_SETTLED_NS = 1_000_000_000  # a file unchanged for that long is fully written
CLOCK_NS = 60_000_000_000  # the clock of a file server may be ahead by that much


class LiveRules:
    """now: rules in use.  refusal: why the file was rejected, or None.  Only the event loop assigns them."""

    def __init__(self, repository: RuleRepository, metrics: Metrics) -> None:
        self.repository = repository
        self._metrics = metrics
        self._stamp: FileStamp | None = None
        self._is_first = True
        self.now: Rules = NO_RULES
        self.refusal: str | None = None

    async def reload_if_changed(self) -> bool:
        """Reads the file if it changed; True if other rules are in use now."""
        stamp = stamp_of(self.repository.file)
        if not self._is_first and (stamp == self._stamp or self._is_being_written(stamp)):
            return False
        rules = await asyncio.to_thread(self._read)
        if rules is not None and (rules.saved_segments or self.now.members.ids_by_segment):
            rules = rules.with_members(self.now.members)
        before, self.now = self.now, rules if rules is not None else self.now
        self._stamp, self._is_first = stamp, False
        return before is not self.now

    def use_members(self, members: SegmentMembers) -> None:
        """The same rules with other members of the segments that they name."""
        self.now = self.now.with_members(members)

    def _is_being_written(self, stamp: FileStamp | None) -> bool:
        """True if modified in place recently, so possibly half-written; a new inode is an atomic replace."""
        if stamp is None or self._stamp is None or stamp.inode != self._stamp.inode:
            return False
        return -CLOCK_NS < time.time_ns() - stamp.changed_ns < WRITE_SETTLED_NS

    def _read(self) -> Rules | None:
        """The rules to put in service, None to keep those in service."""
        try:
            text = self.repository.text()
            rules = NO_RULES if text is None else self.repository.parse(text)
        except BadRules as error:
            return self._refused(error)
        except Exception as error:  # the error boundary of this job: whatever is wrong, the rules in service stay
            log.exception("rules_failed")
            return self._refused(BadRules(f"the rules cannot be read ({error!r})"))
        self.refusal = None
        if text is not None:
            self._keep(text)
        log.info("rules_in_service", digest=rules.digest, rules=len(rules.rules))
        return rules

    def _refused(self, error: RecsysError) -> Rules | None:
        """The rules in service stay; a worker that has none yet takes the last valid ones."""
        self.refusal = f"{self.repository.file.name}: {error}"
        self._metrics.rules_refused.inc()
        rules = self.repository.newest_version() if self._is_first else None
        kept = self.now if rules is None else rules
        log.error("rules_refused", code=error.code, detail=str(error), kept=kept.digest)
        return rules

    def _keep(self, text: str) -> None:
        try:
            self.repository.add_version(text)
        except BadFile as error:
            log.warning("rules_not_kept", detail=str(error))
