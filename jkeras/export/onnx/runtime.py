"""ONNX files as functions of arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.errors import value_error
from jkeras.export.inference import TensorSpec
from jkeras.export.onnx.library import onnxruntime

_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16",
    "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
}  # fmt: skip


class Session:
    """A file that is called with arrays, run by onnxruntime on the CPU.

    Args:
      model: the path of the file, or what it contains.

    Attributes:
      inputs, outputs: names, shapes and dtypes.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes) -> None:
        runtime = onnxruntime()
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(
            os.fspath(model), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = tuple(map(_spec, self._session.get_inputs()))
        self.outputs = tuple(map(_spec, self._session.get_outputs()))

    def __call__(self, *arrays: Any) -> tuple[np.ndarray[Any, Any], ...]:
        """The outputs in order for arrays in the order of the inputs."""
        return self.run(arrays)

    def run(self, arrays: Sequence[Any]) -> tuple[np.ndarray[Any, Any], ...]:
        """The outputs in order for a list of arrays in the order of the inputs."""
        if len(arrays) != len(self.inputs):
            names = ", ".join(repr(spec.name) for spec in self.inputs)
            raise value_error(
                who="An ONNX file", expected=f"an array for each of {names}", got=len(arrays)
            )
        given = {
            spec.name: np.asarray(array).astype(spec.dtype, copy=False)
            for spec, array in zip(self.inputs, arrays, strict=True)
        }
        return tuple(self._session.run(None, given))


def load(path: str | os.PathLike[str]) -> Session:
    """The file as a callable with `inputs` and `outputs`."""
    return Session(path)


def _spec(argument: Any) -> TensorSpec:
    shape = tuple("" if n is None else n for n in argument.shape)
    return TensorSpec(argument.name, shape, _DTYPES[argument.type])
