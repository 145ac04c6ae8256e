"""The state of a run in one file, and in a folder with the last two states."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.errors import MissingFileError
from jkeras.saving.checkpoint_file import read_checkpoint, write_checkpoint

FORMAT = "jkeras-run-1"
COUNTS = ("first", "epoch", "batch", "earlier")
"""The counters of a run: the first epoch, the current epoch, the steps in it, the earlier steps."""

PLACE = ("begun", "passes", "passed", "rows", "state")
"""The entries of the position of a source of batches, whose iterators have a state."""

MODEL_ENDINGS = (".h5", ".keras", ".msgpack")
"""Endings of files that hold models or weights, and no run."""

_FROZEN = ("layers", "held", "made_for")
"""The lists of names in the entry `frozen`."""

LATEST, PREVIOUS = "latest.safetensors", "previous.safetensors"


def write_latest(folder: str | os.PathLike[str], snapshot: dict[str, Any], *, double: bool) -> None:
    """Writes the return value of `Trainer.snapshot` to the folder's latest file, atomically.

    With `double` the previous latest file is kept too.
    """
    latest = Path(folder) / LATEST
    if double and latest.exists():
        os.replace(latest, Path(folder) / PREVIOUS)
    write_checkpoint(latest, snapshot)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The state of a run from its file or its folder; the entry `source` is the path.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged, or not the state of a run.
    """
    path = Path(path)
    if path.name.endswith(MODEL_ENDINGS):
        raise ValueError(
            f"{path}: expected the state of a run, got a file of a model. "
            f"Take its weights with model.load_weights({str(path)!r}), and fit a new run."
        )
    if not path.is_dir():
        return _read_file(path)
    if any((path / name).exists() for name in (LATEST, PREVIOUS)):
        return read_latest(path, str(path))
    from jkeras.saving import orbax_files

    return {**checked(str(path), orbax_files.restore_latest(path)), "source": str(path)}


def read_latest(folder: str | os.PathLike[str], who: str) -> dict[str, Any]:
    """The latest state of a run in a folder, or the previous one if the latest is damaged.

    Args:
      folder: a folder with at least one of the two files.
      who: the name in the warning about a damaged file.

    Raises:
      ValueError: neither file can be read.
    """
    errors: list[Exception] = []
    for path in (Path(folder) / LATEST, Path(folder) / PREVIOUS):
        if path.exists():
            try:
                snapshot = _read_file(path)
            except (OSError, ValueError) as error:
                errors.append(error)
            else:
                for fault in errors:
                    message = f"{who}: {fault} Training goes on from the backup before it."
                    warnings.warn(message, stacklevel=4)
                return snapshot
    raise errors[0]


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise MissingFileError(f"{path}: there is no such file.")
    return {**checked(str(path), read_checkpoint(path)), "source": str(path)}


def checked(who: str, value: object) -> dict[str, Any]:
    """The value, if it has the form of a run's state; it may come from any program.

    Args:
      who: the source of the value, for messages.
      value: any object.

    Raises:
      ValueError: `value` does not have the form of a run's state.
    """
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ValueError(f"{who}: expected the state of a run ({FORMAT}), got {_instead(value)}")
    arrays, states, frozen = value.get("values"), value.get("callbacks"), value.get("frozen")
    is_valid = {
        "values": isinstance(arrays, dict)
        and all(isinstance(array, np.ndarray) for array in arrays.values()),
        "run": "run" in value and _is_position(value["run"]),
        "callbacks": isinstance(states, list) and all(map(_is_callback_state, states)),
        "frozen": "frozen" not in value
        or (isinstance(frozen, dict) and all(_is_names(frozen.get(name)) for name in _FROZEN)),
        "calls": "calls" not in value or _is_count(value["calls"]),
    }
    for name, valid in is_valid.items():
        if not valid:
            raise ValueError(f"{who}: expected the state of a run, and its {name!r} is damaged.")
    return value


def _instead(value: object) -> str:
    """The end of the error for a value that is not a run's state: what it is, and what reads it."""
    if not isinstance(value, dict):
        return "something else."
    version = value.get("format")
    if isinstance(version, str) and version.startswith(FORMAT.rstrip("0123456789")):
        return f"{version!r}. Another version of jkeras wrote it: go on with that one."
    if any(str(name).startswith("params/") for name in value):
        return "weights alone. Take them with model.load_weights(path), and fit a new run."
    return "something else."


def _is_position(value: object) -> bool:
    """Whether a value is the position of a run in its data; None is one before the first step."""
    if value is None:
        return True
    if not isinstance(value, dict) or not set(COUNTS) < set(value):
        return False
    counts = [value[name] for name in COUNTS]
    begun, position = value.get("begun", []), value.get("position")
    return (
        isinstance(begun, list)
        and all(count is None or _is_count(count) for count in begun)
        and all(map(_is_count, counts))
        and (position is None or all(map(_is_place, _listed(position))))
        and all(isinstance(value.get(name), dict) for name in ("facts", "logs"))
        and isinstance(value.get("stops"), bool)
    )


def _listed(value: object) -> list[object]:
    """What a run of several processes has for each."""
    return value if isinstance(value, list) else [value]


def _is_place(value: object) -> bool:
    """Whether a value is the position of a source of batches, as a stream returns it."""
    if not isinstance(value, dict) or set(value) != set(PLACE):
        return False
    begun, state = value["begun"], value["state"]
    counts = [value["passes"], value["passed"], value["rows"], 0 if begun is None else begun]
    return all(map(_is_count, counts)) and (state is None or isinstance(state, str))


def _is_callback_state(value: object) -> bool:
    match value:
        case [str(), dict()]:
            return isinstance(value, list)
    return False


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**31
