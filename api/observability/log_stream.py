"""Log stream that fails no request: a line that cannot be written, on a full disk or to a closed pipe, is counted."""

from contextlib import suppress
from typing import TextIO

import orjson

FAULTS = (OSError, ValueError)  # ValueError: the stream is closed


class LossyLogStream:
    """Writes what it can.  Behind the first line that is written again stands how many were lost before it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._n_lost = 0

    def write(self, text: str) -> int:
        """Takes text with whole lines or their parts; a line counts where its end is lost."""
        try:
            self._stream.write(text)
        except FAULTS:
            self._n_lost += text.count("\n")
        else:
            if self._n_lost and text.endswith("\n"):
                self._tell()
        return len(text)

    def flush(self) -> None:
        with suppress(*FAULTS):
            self._stream.flush()

    def _tell(self) -> None:
        line = orjson.dumps({"event": "log_lines_lost", "level": "warning", "lines": self._n_lost}).decode()
        with suppress(*FAULTS):
            self._stream.write(f"{line}\n")
            self._n_lost = 0
