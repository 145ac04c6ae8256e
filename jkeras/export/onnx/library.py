"""The door to the packages `onnx` and `onnxruntime`: imported when they are needed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import ModelProto as ModelProto
    from onnx import NodeProto as NodeProto


def onnx() -> Any:
    """The package `onnx` with its helpers.

    Raises:
      ImportError: it is not installed.
    """
    return _imported("onnx", "numpy_helper", "external_data_helper", "shape_inference", "checker")


def onnxruntime(*modules: str) -> Any:
    """The package `onnxruntime`, with modules of it.

    Raises:
      ImportError: it is not installed.
    """
    return _imported("onnxruntime", *modules)


def _imported(package: str, *modules: str) -> Any:
    try:
        for module in modules:
            importlib.import_module(f"{package}.{module}")
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"export(format='onnx'): the package {package!r} is needed: pip install 'jkeras[onnx]'."
        ) from error
