"""Data for a model in files, and its outputs in files: NumPy's, CSV, JSON, images.

Nothing of a file is run: NumPy's own are read without pickles.
"""

from __future__ import annotations

import csv
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jkeras.export import TensorSpec
from jkeras.serving.json_form import as_array

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
READ = (".npy", ".npz", ".csv", ".json", *IMAGES)
WRITTEN = (".npy", ".npz", ".csv", ".json")


def named(word: str) -> tuple[str | None, str]:
    """`NAME=FILE` as a name and a path; None for no name."""
    name, equals, path = word.partition("=")
    if equals and name.isidentifier() and not pathlib.Path(word).exists():
        return name, path
    return None, word


def check_writable(path: str) -> None:
    """Raises where outputs cannot be written, before any work.

    Raises:
      ValueError: another ending.
      FileNotFoundError: there is no such folder.
    """
    if not path.endswith(WRITTEN):
        raise ValueError(f"{path}: expected one of the endings {', '.join(WRITTEN)}.")
    if not pathlib.Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no such folder.")


def read_inputs(
    words: Sequence[str], specs: Sequence[TensorSpec], scale: float, resize: bool
) -> list[np.ndarray]:
    """The inputs of a model from files.

    Args:
      words: paths; `NAME=PATH` for one of several inputs.
      specs: of the inputs, in order.
      scale: what the values of images are multiplied by.
      resize: whether images get the size of the model's input.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: another kind of file, or data that the model does not take.
    """
    given: dict[str, Any] = {}
    images: dict[str, list[Any]] = {}
    for word in words:
        name, path = named(word)
        if not path.endswith(READ):
            raise ValueError(f"{path}: expected one of the endings {', '.join(READ)}.")
        spec = _spec(name, path, specs)
        if path.lower().endswith(IMAGES):
            images.setdefault(spec.name, []).append(_image(path, spec, scale, resize))
            continue
        found = _read(path)
        if isinstance(found, Mapping) and name is None:
            given |= found
        else:
            given[spec.name] = found
    given |= {name: np.stack(each) for name, each in images.items()}
    missing = [spec.name for spec in specs if spec.name not in given]
    unknown = [name for name in given if name not in [spec.name for spec in specs]]
    if len(specs) == len(given) == 1 and missing:  # one array under a name of its own
        given, missing, unknown = {missing[0]: next(iter(given.values()))}, [], []
    if missing or unknown:
        listed = ", ".join(repr(spec.name) for spec in specs)
        raise ValueError(f"expected the inputs {listed}, got {', '.join(map(repr, given))}.")
    return [_as_input(given[spec.name], spec) for spec in specs]


def _spec(name: str | None, path: str, specs: Sequence[TensorSpec]) -> TensorSpec:
    if name is None:
        return specs[0]
    for spec in specs:
        if spec.name == name:
            return spec
    listed = ", ".join(repr(spec.name) for spec in specs)
    raise ValueError(f"{path}: expected one of the inputs {listed}, got {name!r}.")


def _as_input(value: object, spec: TensorSpec) -> np.ndarray:
    """The data of an input; a column of numbers has an axis for one feature."""
    array = value
    if isinstance(value, np.ndarray) and value.ndim == len(spec.shape) - 1:
        array = value[..., None] if spec.shape[-1] == 1 else value[None]
    return as_array(array, spec)


def _read(path: str) -> Any:
    file = pathlib.Path(path)
    try:
        if file.suffix == ".npy":
            return np.load(file, allow_pickle=False)
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        if file.suffix == ".csv":
            return _table(file)
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}.") from None
    except (ValueError, EOFError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    for word in ("instances", "inputs"):  # a request of the server
        if isinstance(content, dict) and list(content) == [word]:
            return content[word]
    return content


def _table(file: pathlib.Path) -> np.ndarray:
    """The numbers of a CSV file, whose first line may hold names."""
    with file.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if rows and not all(map(_is_number, rows[0])):
        rows = rows[1:]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]) or not all(map(_is_number, row)):
            raise ValueError(f"row {number}: expected {len(rows[0])} numbers, got {row}.")
    return np.array(rows, dtype=float).reshape(len(rows), -1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _image(path: str, spec: TensorSpec, scale: float, resize: bool) -> np.ndarray:
    """An image as an array of the input's rank and size."""
    from PIL import Image, UnidentifiedImageError

    sizes = spec.shape[1:]
    channels = sizes[2] if len(sizes) == 3 else 1
    if len(sizes) not in (2, 3) or channels not in (1, 3, 4):
        raise ValueError(f"{path}: the input {spec.name!r} takes no images, but {spec.shape}.")
    try:
        with Image.open(path) as opened:
            image = opened.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file.") from None
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: {error}") from None
    height, width = (
        n if isinstance(n, int) else own for n, own in zip(sizes, image.size[::-1], strict=False)
    )
    if image.size != (width, height):
        if not resize:
            raise ValueError(
                f"{path}: expected {width} x {height} pixels, got {image.size[0]} x "
                f"{image.size[1]}. Give --resize."
            )
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(image)
    array = array if spec.dtype.startswith(("uint", "int")) else array * np.float32(scale)
    return array[..., None] if len(sizes) == 3 and channels == 1 else array


def write_outputs(outputs: Mapping[str, np.ndarray], path: str | None) -> None:
    """The outputs in a file by its ending; JSON on stdout where there is none.

    Raises:
      ValueError: several outputs, or more than two axes, in a kind of file that has one table.
    """
    arrays = list(outputs.values())
    single = arrays[0] if len(arrays) == 1 else None
    if path is None or path.endswith(".json"):
        content = {name: array.tolist() for name, array in outputs.items()}
        text = json.dumps(content if single is None else single.tolist())
        print(text) if path is None else pathlib.Path(path).write_text(f"{text}\n")
    elif path.endswith(".npz"):
        np.savez(path, **dict[str, Any](outputs))
    elif single is None:
        raise ValueError(f"{path}: expected one output, got {len(arrays)}. Write .npz or .json.")
    elif path.endswith(".npy"):
        np.save(path, single)
    elif single.ndim > 2:
        raise ValueError(f"{path}: expected a table, got the shape {single.shape}. Write .npy.")
    else:
        rows = single.reshape(len(single), -1).tolist()
        with open(path, "w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)
    if path is not None:
        print(f"{path}: {len(arrays[0])} examples", file=sys.stderr)
