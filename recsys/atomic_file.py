"""Atomic file replacement and file lock: a reader or a crash sees the old file or the new one, writers take turns."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_file(file: Path, content: bytes) -> None:
    """Replaces the content of the file in one step, durably; everybody may read the new file.

    Raises OSError; then the old file is still there, and no temporary file beside it.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            os.fchmod(out.fileno(), 0o644)  # mkstemp makes 0600, and the service may run as another user
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(file.parent)


def sync(path: Path) -> None:
    """Writes the file or directory to disk, and returns when it is there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def file_lock(file: Path) -> Iterator[None]:
    """Holds an exclusive lock on that file, which is made with its folder; waits for any other holder.

    It holds between threads and between processes.  The kernel releases it when the holder dies.  Raises OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
