"""A checkpoint in one file: a nested value, such as the state of a training run.

The file has the format of safetensors: the arrays under their paths, and in the metadata the
value's structure and plain parts (`jkeras.saving.nested`), with a version of the format. The file
is written atomically, and every byte is verified when it is read.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jkeras.saving.nested import flatten, rebuild
from jkeras.saving.safetensors_files import read_arrays, write_arrays

if TYPE_CHECKING:
    from jkeras.saving.nested import Nested

FORMAT = "jkeras-checkpoint-1"


def write_checkpoint(path: str | os.PathLike[str], value: Nested) -> None:
    """Writes a nested value atomically; an existing file is replaced.

    Args:
      path: the file, with any suffix.
      value: an argument of `nested.flatten`: dicts, lists, tuples, None, booleans, numbers,
        strings, arrays, random keys.

    Raises:
      TypeError: `value` contains an object of another type; the message says where.
      OSError: the file cannot be written.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     write_checkpoint(f"{folder}/latest", {"epoch": 3, "best": (float("inf"), None)})
      ...     read_checkpoint(f"{folder}/latest")
      {'epoch': 3, 'best': (inf, None)}
    """
    structure, arrays = flatten(value)
    write_arrays(path, arrays, {"format": FORMAT, "value": json.dumps(structure, allow_nan=False)})


def read_checkpoint(path: str | os.PathLike[str]) -> Any:
    """Reads a file of `write_checkpoint`; arrays are NumPy arrays.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged, or not a checkpoint; the message names the entry.
    """
    path = Path(path)
    arrays, metadata = read_arrays(path)
    version = metadata.get("format")
    if version != FORMAT:
        fix = " Weights are read by model.load_weights." if "weights" in (version or "") else ""
        raise ValueError(
            f"{path}: expected a checkpoint of the format {FORMAT!r}, got "
            + ("a safetensors file without one." if version is None else f"{version!r}.{fix}")
        )
    try:
        return rebuild(json.loads(metadata.get("value", "")), arrays)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}: expected a checkpoint, and it is damaged: {error}") from error
