"""A folder for one process at a time.

    with folder_lock("runs/7", "BackupAndRestore"):
        ...

The lock is the system's, on a file `.lock` in the folder; the file's text only says who holds it.

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
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

NAME = ".lock"
POLL_S = 0.05  # seconds between two attempts
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
    file = acquire(path, who, timeout=timeout)
    try:
        yield
    finally:
        release(file)


def acquire(path: str | os.PathLike[str], who: str, *, timeout: float = 10.0) -> IO[str]:
    """Takes the lock that `folder_lock` describes, for holders that outlive a block.

    Returns:
      What `release` takes.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + timeout
    while True:
        file = open(folder / NAME, "a+", encoding="utf-8")
        with contextlib.ExitStack() as closing:
            closing.callback(file.close)
            if _taken(file, folder):
                closing.pop_all()
                _sign(file, who)
                _held.append(file)
                return file
            holder = _holder(file)
        if time.monotonic() >= until:
            raise FolderInUse(
                f"{who}: expected the folder {str(folder)!r} for itself, got one that {holder} "
                f"holds (waited {timeout:g} s). Let that run end, or choose another folder."
            )
        time.sleep(POLL_S)


def release(file: IO[str]) -> None:
    """Lets a lock go. The second time it does nothing."""
    if file in _held:
        _held.remove(file)
        if sys.platform != "win32":  # there, an open file cannot be removed
            with contextlib.suppress(OSError):  # the folder may be gone
                os.unlink(file.name)
        file.close()


_held: list[IO[str]] = []


def _taken(file: IO[str], folder: Path) -> bool:
    """Whether the lock is ours now: on this file, which still has its name."""
    try:
        _lock(file)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        warnings.warn(
            f"{folder}: this file system has no locks. See to it that no other run uses the folder "
            f"({error.strerror}).",
            stacklevel=4,
        )
        return True
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except FileNotFoundError:  # its holder has just removed it
        return False


if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 30  # far behind the text, which others read

    def _lock(file: IO[str]) -> None:
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _forget() -> None:
        """A forked process shares the open file, and with it the lock, until it closes it."""
        while _held:
            with contextlib.suppress(OSError):
                _held.pop().close()

    os.register_at_fork(after_in_child=_forget)


def _sign(file: IO[str], who: str) -> None:
    """Writes who we are; a full disk does not matter here."""
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} ({who})")
        file.flush()


def _holder(file: IO[str]) -> str:
    """What the holder has written, if it has come to it."""
    file.seek(0)
    return file.read(200).strip() or "another process"
