"""Logging: one JSON object per line on standard error, from every library; short coloured lines on a terminal."""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from api.observability.log_stream import LossyLogStream

LogFormat = Literal["auto", "json", "text"]

log = structlog.get_logger()

# uvicorn's message for an answer that stops in the middle.  The edge completes every answer, unless the client
# disconnects, which is counted as 499 and not an error of the service.
_DISCONNECTED = "ASGI callable returned without completing response."


def configure_logs(level: str, line_format: LogFormat = "auto") -> None:
    """Formats the log lines of this project, of uvicorn and of every library alike; lines below `level` cost little."""
    is_text = line_format == "text" or (line_format == "auto" and sys.stderr.isatty())
    stages, renderer = _text_stages() if is_text else _json_stages()
    stream = cast(TextIO, LossyLogStream(sys.stderr))
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, *stages, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder(), _without_copy, *stages],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(lambda record: record.msg != _DISCONNECTED)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def _without_copy(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The line without the coloured copy of its text that uvicorn adds."""
    event.pop("color_message", None)
    return event


def _json_stages() -> tuple[list[Processor], Processor]:
    stages: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    return stages, structlog.processors.JSONRenderer()


def _text_stages() -> tuple[list[Processor], Processor]:
    """For people: the time of the day, the level, the event, and the fields; colours on a terminal only."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    return [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)], renderer


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
