"""Log stream on a full disk and on a pipe that nobody reads."""

import io
import json
import os

import pytest
import structlog

from api.observability.log_stream import LossyLogStream


class FullDisk(io.RawIOBase):
    """Takes nothing while it is full."""

    is_full = True

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.content += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def test_lines_without_room_are_lost_and_told_by_the_next_one_that_has_room() -> None:
    disk = FullDisk()
    stream = LossyLogStream(io.TextIOWrapper(disk, line_buffering=True))  # type: ignore[type-var]
    log = structlog.PrintLogger(stream)  # type: ignore[arg-type]
    for n in range(3):
        log.info(f"lost {n}")
    disk.is_full = False
    log.info("there is room")
    log.info("after it")
    first, second, *rest = disk.content.decode().splitlines()[-3:]
    assert (first, rest) == ("there is room", ["after it"])
    assert json.loads(second) == {"event": "log_lines_lost", "level": "warning", "lines": 3}


def test_a_pipe_without_a_reader_and_a_closed_stream_raise_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    pipe = os.fdopen(writer, "w", buffering=1)
    stream = LossyLogStream(pipe)
    stream.write("to nobody\n")
    stream.flush()
    with pytest.raises(BrokenPipeError):
        pipe.close()
    stream.write("to a closed one\n")
    stream.flush()
