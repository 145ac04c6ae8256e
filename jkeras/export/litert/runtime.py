"""LiteRT files as functions of arrays: the one door to `ai-edge-litert`."""

from __future__ import annotations

import os
import pathlib
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.core.errors import value_error
from jkeras.export.inference import BATCH, TensorSpec
from jkeras.export.loading import Program

PACKAGES = "LiteRT files need ai-edge-litert: pip install 'jkeras[litert]'"


def load(path: str | os.PathLike[str]) -> Program:
    """Opens a LiteRT file, of other programs too.

    Raises:
      ValueError: it is damaged, or has operations that the runtime does not know.
      ImportError: the runtime is missing.
    """
    return opened(pathlib.Path(path).read_bytes(), pathlib.Path(path).name)


def opened(content: bytes, name: str = "LiteRT") -> Program:
    """The content of a file as a function of arrays."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(PACKAGES) from error
    try:
        interpreter = Interpreter(model_content=content)
    except ValueError as error:
        expected = "a LiteRT file that the runtime here can run"
        raise value_error(who=name, expected=expected, got=str(error).strip()) from error
    runner = _Runner(interpreter)
    return Program(runner.inputs, runner.outputs, ("cpu",), runner)


class _Runner:
    """An interpreter as a function of arrays; one call at a time, since it keeps them inside.

    Attributes:
      inputs, outputs: names, shapes and dtypes, by the file's signature if it has one.
    """

    def __init__(self, interpreter: Any) -> None:
        self._lock = threading.Lock()
        self._interpreter = interpreter
        self._signature = None
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        by_name = [{detail["name"]: detail for detail in details} for details in (inputs, outputs)]
        if interpreter.get_signature_list():
            self._signature = interpreter.get_signature_runner()
            by_name = [
                _in_order(self._signature.get_input_details(), inputs),
                _in_order(self._signature.get_output_details(), outputs),
            ]
        self.inputs, self.outputs = (
            tuple(_spec(name, detail) for name, detail in details.items()) for details in by_name
        )
        self._places = [[detail["index"] for detail in details.values()] for details in by_name]

    def __call__(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        with self._lock:
            if self._signature is not None:
                names = [spec.name for spec in self.inputs]
                results = self._signature(**dict(zip(names, arrays, strict=True)))
                return [results[spec.name] for spec in self.outputs]
            for place, array in zip(self._places[0], arrays, strict=True):
                self._interpreter.resize_tensor_input(place, array.shape)
            self._interpreter.allocate_tensors()
            for place, array in zip(self._places[0], arrays, strict=True):
                self._interpreter.set_tensor(place, array)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(place) for place in self._places[1]]


def _in_order(named: dict[str, Any], details: list[Any]) -> dict[str, Any]:
    """What a signature names, in the order of the model: the signature's own is alphabetical."""
    order = [detail["index"] for detail in details]
    ranked = sorted(named.items(), key=lambda item: order.index(item[1]["index"]))
    return dict(ranked)


def _spec(name: str, detail: Mapping[str, Any]) -> TensorSpec:
    shape = detail.get("shape_signature", detail["shape"])
    names = [BATCH, *(f"{name}_axis_{axis}" for axis in range(1, len(shape)))]
    sizes = (names[axis] if n < 0 else int(n) for axis, n in enumerate(shape))
    return TensorSpec(name, tuple(sizes), np.dtype(detail["dtype"]).name)
