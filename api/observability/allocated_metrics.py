"""Allocated metric files: the mapped files of several workers' metrics get their place on the disk before any value.

`prometheus_client` maps files with holes.  On a full disk the first write into a hole is no error but a SIGBUS, which
ends the worker.
"""

import mmap
import os
from pathlib import Path

import structlog
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

log = structlog.get_logger()

_BYTES = 1 << 16  # that the library maps at first


class AllocatedDict(MmapedDict):
    """The values of one file; without room on the disk they are kept in memory, and other workers do not see them."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        super().__init__(filename if read_mode else _allocated(filename), read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        if self._used + len(key.encode()) + 32 > self._capacity:  # 32: length, padding, value and time
            self._grow(2 * self._capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _grow(self, size: int) -> None:
        try:
            os.posix_fallocate(self._f.fileno(), 0, size)
        except OSError as error:
            _warn(error)
            content, self._f = self._m[:], Path(_in_memory()).open("a+b")  # noqa: SIM115 # the library closes it
            self._f.truncate(size)
            self._m = mmap.mmap(self._f.fileno(), size)
            self._m[: len(content)] = content
            self._capacity = size


def allocate_metrics() -> None:
    """From now on the library maps allocated files only."""
    values.MmapedDict = AllocatedDict  # type: ignore[attr-defined]


def _allocated(filename: str) -> str:
    try:
        with Path(filename).open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, max(_BYTES, os.fstat(file.fileno()).st_size))
    except OSError as error:
        _warn(error)
        return _in_memory()
    return filename


def _in_memory() -> str:
    """The path of a new file that lies in memory."""
    return f"/proc/self/fd/{os.memfd_create('metrics')}"


def _warn(error: OSError) -> None:
    log.warning("metrics_not_shared", detail=str(error))
