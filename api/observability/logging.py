"""The log: one JSON object per line on standard error, whoever wrote it."""

import logging
import sys

import structlog

log = structlog.get_logger()

# uvicorn's word for an answer that stops in the middle.  The rim ends whatever it begins, unless its client hung up,
# which is nobody's fault and counted as 499.
_HUNG_UP = "ASGI callable returned without completing response."


def configure_logs(level: str) -> None:
    """Ours, uvicorn's and every library's lines in one form; less important ones cost next to nothing."""
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
    handler.addFilter(lambda record: record.msg != _HUNG_UP)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


class LogOnce:
    """Logged when it begins, and not again before it ended."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._lasts = False

    def met(self, error: Exception) -> None:
        if not self._lasts:
            log.warning(self._event, error=type(error).__name__, detail=str(error)[:200])
        self._lasts = True

    def ended(self) -> None:
        self._lasts = False
