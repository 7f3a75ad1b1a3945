"""Logging: one JSON object per line on standard error, from every library."""

import logging
import sys

import structlog

log = structlog.get_logger()

# uvicorn's message for an answer that stops in the middle.  The edge completes every answer, unless the client
# disconnects, which is counted as 499 and not an error of the service.
_DISCONNECTED = "ASGI callable returned without completing response."


def configure_logs(level: str) -> None:
    """Formats the log lines of this project, of uvicorn and of every library alike; lines below `level` cost little."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared[:1], *shared[2:], structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(lambda record: record.msg != _DISCONNECTED)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


class LogOnce:
    """Logs a lasting problem once, when it begins."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._lasts = False

    def begin(self, error: Exception) -> None:
        if not self._lasts:
            log.warning(self._event, error=type(error).__name__, detail=str(error)[:200])
        self._lasts = True

    def end(self) -> None:
        self._lasts = False
