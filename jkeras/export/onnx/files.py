"""ONNX files, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.core.errors import value_error
from jkeras.export.onnx.library import onnx

if TYPE_CHECKING:
    from jkeras.export.onnx.library import ModelProto

LIMIT = 2**31 - 2**24
"""Bytes that one file holds, with room for the graph."""

_SMALL = 32
"""Bytes of a constant that is in the graph in any case: shapes and axes, which readers look for."""


@contextlib.contextmanager
def written(
    path: str | os.PathLike[str],
    model: ModelProto,
    weights: Mapping[str, np.ndarray[Any, Any]],
    external: bool | None,
    who: str,
) -> Iterator[pathlib.Path]:
    """Writes a model into a folder beside `path`; its files move to their place in the end, unless
    an error is raised inside.

    Args:
      path: of the file.
      model: without weights.
      weights: by name.
      external: whether they are in a file of their own; where needed if None.
      who: for messages.
    """
    path = pathlib.Path(path)
    size = sum(array.nbytes for array in weights.values())
    if external is False and size > LIMIT:
        raise value_error(
            who=who,
            argument="external_data",
            expected=f"True or None for weights above {LIMIT} bytes, which no ONNX file holds",
            got=f"False for {size} bytes",
        )
    external = size > LIMIT if external is None else external
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        file = folder / path.name
        store(file, model, weights, external=external)
        onnx().checker.check_model(os.fspath(file), full_check=size <= LIMIT)
        yield file
        for made in sorted(folder.iterdir(), reverse=True):  # the weights before the graph
            os.replace(made, path.parent / made.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def store(
    file: pathlib.Path,
    model: ModelProto,
    weights: Mapping[str, np.ndarray[Any, Any]],
    *,
    external: bool,
) -> None:
    """Writes a model.

    Args:
      file: where.
      model: its own weights are left out.
      weights: by name.
      external: whether the large ones are in a file of their own beside.
    """
    del model.graph.initializer[:]
    if external:
        large = {name: array for name, array in weights.items() if array.nbytes > _SMALL}
        _put_beside(model, large, file.with_name(f"{file.name}.data"))
        weights = {name: array for name, array in weights.items() if name not in large}
    with_weights(model, weights)
    file.write_bytes(model.SerializeToString())


def with_weights(model: ModelProto, weights: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """The model with weights in it."""
    tensors = [onnx().numpy_helper.from_array(array, name) for name, array in weights.items()]
    model.graph.initializer.extend(tensors)
    return model


def _put_beside(
    model: ModelProto, weights: Mapping[str, np.ndarray[Any, Any]], path: pathlib.Path
) -> None:
    """Writes weights into a file that the model's entries point to."""
    with open(path, "wb") as data:
        for name, array in weights.items():
            start = -(-data.tell() // 64) * 64
            data.seek(start)
            data.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            entry = model.graph.initializer.add(
                name=name,
                dims=array.shape,
                data_type=onnx().helper.np_dtype_to_tensor_dtype(array.dtype),
                data_location=onnx().TensorProto.EXTERNAL,
            )
            known = {"location": path.name, "offset": start, "length": array.nbytes}
            for key, value in known.items():
                entry.external_data.add(key=key, value=str(value))
