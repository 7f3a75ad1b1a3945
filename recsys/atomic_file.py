"""Atomic file replacement, private files and file lock: a crash leaves the old file or the new; writers take turns."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
PUBLIC_FILE = 0o644


def make_private(path: Path) -> None:
    """Nobody but the owner may read that file or folder with data of customers, whatever the umask.

    What root makes belongs to the owner of the folder around it, so that the service may read it.  Nothing happens to
    a device, and to a file that this process may not change.
    """
    with suppress(OSError):
        if path.is_file() or path.is_dir():
            path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE)
            if os.geteuid() == 0:
                around = path.parent.stat()
                os.chown(path, around.st_uid, around.st_gid)


def keep_others_from_writing() -> None:
    """Nobody outside the group may write what this process makes from now on, whatever the umask.

    Whoever may write into the folder of a home may put another file of keys in its place.
    """
    os.umask(os.umask(PRIVATE_FOLDER) | 0o002)


def open_private(file: Path, mode: Literal["wb", "xb", "ab"]) -> IO[bytes]:
    """Opens a file with data of customers for writing, see `make_private`.  Raises OSError."""
    opened: IO[bytes] = open(file, mode, opener=lambda path, flags: os.open(path, flags, PRIVATE_FILE))  # noqa: SIM115
    make_private(file)
    return opened


def replace_file(file: Path, content: bytes, mode: int = PUBLIC_FILE) -> None:
    """Replaces the content of the file in one step, durably.

    Raises OSError; then the old file is still there, and no temporary file beside it.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            os.fchmod(out.fileno(), mode)  # mkstemp makes 0600, and the service may run as another user
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
