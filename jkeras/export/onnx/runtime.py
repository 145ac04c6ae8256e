"""ONNX files run by onnxruntime, on the CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.export.inference import TensorSpec
from jkeras.export.loading import Program
from jkeras.export.onnx.library import onnxruntime

_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16",
    "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
    "tensor(string)": "str",
}  # fmt: skip


def load(path: str | os.PathLike[str]) -> Program:
    """Opens a file, of this package or another one.

    Raises:
      ValueError: it is damaged, or no ONNX.
      ImportError: onnxruntime is missing.
    """
    return opened(os.fspath(path))


def opened(model: str | bytes) -> Program:
    """What runs a model.

    Args:
      model: the path of the file, or its content.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors: of sizes it warns
    try:
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each fault has a class of its own there
        file = model if isinstance(model, str) else "a part"
        raise ValueError(
            f"load_exported: {file!r}: expected a file that onnxruntime reads: {error}"
        ) from error
    inputs = tuple(map(_spec, session.get_inputs()))
    outputs = tuple(map(_spec, session.get_outputs()))

    def run(arrays: Sequence[Any]) -> list[Any]:
        given = {
            spec.name: np.asarray(array).astype(spec.dtype, copy=False)
            for spec, array in zip(inputs, arrays, strict=True)
        }
        results: list[Any] = session.run(None, given)
        return results

    about = session.get_modelmeta()
    known = {"producer": about.producer_name, **about.custom_metadata_map}
    return Program(inputs, outputs, ("cpu",), run, known)


def _spec(argument: Any) -> TensorSpec:
    shape = tuple(f"axis_{i}" if n is None else n for i, n in enumerate(argument.shape))
    return TensorSpec(argument.name, shape, _DTYPES.get(argument.type, argument.type))
