"""A folder for one process at a time.

    with folder_lock("runs/7", "BackupAndRestore"):
        ...

The lock is the system's, through `filelock`, on a file `.lock` in the folder; the file's text only
says who holds it.

Laws:
  - Two holders never work at the same time, whether in one process or in two.
  - A holder that ends in any way, killed too, holds the lock no longer; its file may stay, and is
    taken over. A process that was forked from the holder does not hold it.
  - Files that are written by `core.folders.atomic_write` need no lock: several processes may write
    the same one, and a reader sees one of them whole. A lock is for folders in which several files
    belong together, or in which one run must not overwrite another.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

NAME = ".lock"
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class FolderInUse(RuntimeError):
    """Another run holds the folder; the message says which, and what to do."""


@contextlib.contextmanager
def folder_lock(path: str | os.PathLike[str], who: str, *, timeout: float = 10.0) -> Iterator[None]:
    """Holds a folder while the block runs; waits for another holder to end.

    On a file system without locks it warns, and the block runs unprotected.

    Args:
      path: the folder; made when it is missing.
      who: the name that messages give the holder, such as "BackupAndRestore".
      timeout: how long to wait, in seconds: a run that is stopping may hold the lock for some.

    Raises:
      FolderInUse: it is still held after `timeout`.
      OSError: the folder cannot be made or written to.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     with folder_lock(folder, "the first"):
      ...         try:
      ...             with folder_lock(folder, "the second", timeout=0):
      ...                 pass
      ...         except FolderInUse as error:
      ...             print(str(error).partition(": ")[0])
      the second
    """
    lock = acquire(path, who, timeout=timeout)
    try:
        yield
    finally:
        release(lock)


def acquire(path: str | os.PathLike[str], who: str, *, timeout: float = 10.0) -> BaseFileLock:
    """Takes the lock that `folder_lock` describes, for holders that outlive a block.

    Returns:
      The argument of `release`. A lock that nobody refers to any more is released too.
    """
    import filelock

    folder = Path(path)
    file = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(file, timeout, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
        with contextlib.suppress(OSError):  # a full disk does not matter here
            file.write_text(f"process {os.getpid()} on {socket.gethostname()} ({who})", "utf-8")
    except filelock.Timeout:
        raise FolderInUse(
            f"{who}: expected the folder {str(folder)!r} for itself, got one that {_holder(file)} "
            f"holds (waited {timeout:g} s). Let that run end, or choose another folder."
        ) from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        file.unlink(missing_ok=True)
        warnings.warn(
            f"{folder}: this file system has no locks. See to it that no other run uses the folder "
            f"({error.strerror}).",
            stacklevel=3,
        )
    return lock


def release(lock: BaseFileLock) -> None:
    """Releases a lock. A second call does nothing."""
    if lock.is_locked:
        with contextlib.suppress(OSError):  # the folder may be gone; Windows removes no open file
            os.unlink(lock.lock_file)  # while it is locked: a waiting process notices, and retries
        lock.release()


def _holder(file: Path) -> str:
    """The text of the holder, if it is already written."""
    with contextlib.suppress(OSError):
        return file.read_text("utf-8")[:200].strip() or "another process"
    return "another process"
