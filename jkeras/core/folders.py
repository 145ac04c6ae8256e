"""Where files are kept, and how one is written: all of it or none of it.

Laws:
- `cache_folder` only computes a path; whoever writes there makes the folder.
- After `atomic_write` the file holds either everything that was written or what it held before,
  also when the write is interrupted, the disk fills up, or two processes write the same file at
  once: the last one to finish wins, and a reader never sees a mixture.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def cache_folder(*parts: str) -> Path:
    """The folder for things that can be made again (decoded data, compiled programs).

    `$JKERAS_HOME` if it is set, else `$XDG_CACHE_HOME/jkeras`, else `~/.cache/jkeras`.

    Args:
      *parts: names below that folder.

    Returns:
      A path; nothing is created.

    Example:
      >>> cache_folder("datasets", "mnist").parts[-2:]
      ('datasets', 'mnist')
    """
    home = os.environ.get("JKERAS_HOME")
    shared = os.environ.get("XDG_CACHE_HOME")
    if home:
        root = Path(home).expanduser()
    elif shared:
        root = Path(shared) / "jkeras"
    else:
        root = Path.home() / ".cache" / "jkeras"
    return root.joinpath(*parts)


def atomic_write(path: str | os.PathLike[str], write_fn: Callable[[BinaryIO], object]) -> None:
    """Writes a file through `write_fn`, so that it appears at `path` complete or not at all.

    The bytes go to a temporary file in the same folder (which is made if it is missing), are
    flushed to the disk, and then take the name `path` in one step. Whatever `write_fn` raises is
    passed on, after the temporary file is removed.

    Args:
      path: where the file shall be; a file already there is replaced.
      write_fn: called once with a binary file, open for writing and seekable.

    Raises:
      OSError: the folder cannot be made or written to, or the disk is full.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     atomic_write(f"{folder}/notes.txt", lambda file: file.write(b"kept"))
      ...     Path(folder, "notes.txt").read_text()
      'kept'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "x+b") as file:
            write_fn(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # an interruption too must leave nothing behind
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and (error.filename is None or error.filename2):
            # A full disk does not say for which file, a failed renaming names the temporary one.
            raise type(error)(error.errno, error.strerror or str(error), str(path)) from error
        raise


def keras_folder(*parts: str, home: str | os.PathLike[str] | None = None) -> Path:
    """The folder in which Keras keeps what it fetched: `$KERAS_HOME` if it is set, else `~/.keras`.

    Args:
      *parts: names below that folder.
      home: another folder in its place.

    Returns:
      A path; nothing is created.
    """
    found = Path(home or os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return found.joinpath(*parts)


def writable_keras_folder(home: str | os.PathLike[str] | None = None) -> Path:
    """`keras_folder`, made if it is missing; as in Keras one for temporary files if it cannot be
    written to.

    Args:
      home: another folder in its place.
    """
    folder = keras_folder(home=home)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.gettempdir()) / ".keras"
