"""The formats of exported models: which module writes each, and by which names users know it."""

from __future__ import annotations

import importlib
import inspect
import os
import pathlib
from typing import Any

from jkeras.core.errors import look_up, nearest, value_error
from jkeras.export.inference import Inference

FORMATS = {
    "stablehlo": "jkeras.export.stablehlo",
    "onnx": "jkeras.export.onnx",
    "litert": "jkeras.export.litert",
    "tflite": "jkeras.export.litert",
    "web": "jkeras.export.web",
}
"""The modules by format: each has `write(inference, path, **options)`."""

ENDINGS = {".onnx": "onnx", ".tflite": "litert", ".stablehlo": "stablehlo"}

OTHERS = {
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "`model.save` writes such files"),
    **dict.fromkeys((".safetensors", ".msgpack"), "`model.save_weights` writes such files"),
    ".pb": "TensorFlow writes such files",
}
"""Endings of files that no format of export writes, and what does."""

IN_KERAS = {
    "tf_saved_model": "it needs TensorFlow; 'stablehlo' runs with JAX alone",
    "openvino": "OpenVINO reads what 'onnx' writes",
    "torch": "'onnx' runs beside PyTorch",
}
"""Keras's other formats, and what to use."""


def export(
    inference: Inference, path: str | os.PathLike[str], format: str | None = None, **options: Any
) -> str:
    """Writes a model in a format, and returns the format's name.

    Args:
      inference: the model.
      path: of the file; of the folder for "web".
      format: one of `FORMATS`; by the ending of `path` when left out, else "stablehlo".
      **options: those of the format's `write`.

    Raises:
      ValueError: an unknown format, or the ending of another kind of file.
      TypeError: an option that the format does not have.
    """
    ending = pathlib.Path(path).suffix
    misspelt = nearest(ending, ENDINGS) if ending not in ENDINGS else ""
    if format is None and (ending in OTHERS or misspelt):
        raise value_error(
            who="export",
            argument="filepath",
            expected=f"a name that ends with {', '.join(ENDINGS)}, or a format",
            got=repr(os.fspath(path)) + (f": {OTHERS[ending]}" if ending in OTHERS else ""),
            fix="" if ending in OTHERS else misspelt.strip(),
        )
    format = format or ENDINGS.get(ending, "stablehlo")
    if format in IN_KERAS:
        raise value_error(
            who="export",
            argument="format",
            expected=" or ".join(map(repr, FORMATS)),
            got=f"{format!r}: {IN_KERAS[format]}",
        )
    module = importlib.import_module(look_up("format of export", format, FORMATS))
    known = [name for name in inspect.signature(module.write).parameters][2:]
    for name in options:
        if name not in known:
            raise TypeError(
                f"export: format {format!r}: expected the options {', '.join(known)}, got {name!r}."
            )
    module.write(inference, path, **options)
    return format
