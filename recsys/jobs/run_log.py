"""Log tail of a run: the last lines that our packages log while a job runs."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from recsys.log_fields import extra_fields
from recsys.redaction import redacted
from recsys.time_units import second

MAX_LINES = 200
MAX_CHARS = 500  # of a line
_LOGGERS = ("recsys", "training", "eval")


@contextmanager
def log_tail() -> Iterator["deque[str]"]:
    """The last lines at INFO or above; it fills as long as the block lasts."""
    handler = LogTailHandler()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


class LogTailHandler(logging.Handler):
    """Handler that keeps the last lines: time, level, event and its fields."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: deque[str] = deque(maxlen=MAX_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        extras = (f"{name}={value}" for name, value in extra_fields(record).items())
        words = " ".join((record.levelname.lower(), record.getMessage(), *extras))
        self.lines.append(plain_line(f"{second(round(record.created * 1_000))} {words}"))
        if not logging.root.handlers and logging.lastResort is not None and record.levelno >= logging.WARNING:
            logging.lastResort.handle(record)  # to standard error, as if this handler were not there


def plain_line(words: str) -> str:
    """One line that every database holds, without passwords."""
    line = " ".join(redacted(words[: 2 * MAX_CHARS]).split())[:MAX_CHARS]  # redaction of long words takes long
    return line.encode("utf-8", "replace").decode()
