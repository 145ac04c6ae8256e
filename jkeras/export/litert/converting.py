"""A model as the content of a LiteRT file, made by `converter` in a process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.platform import programs_for
from jkeras.export.inference import Inference, TensorSpec
from jkeras.export.litert import converter, open_batch
from jkeras.export.litert.lowering import Unsupported, lowered
from jkeras.export.litert.runtime import opened
from jkeras.export.verification import difference_of

_OPERATIONS = (
    r"op for builtin opcode '(\w+)'",
    r"failed to legalize operation '([\w.]+)'",
    r"ValueError: ([\w., ]+) Failed to export",
    r"error: '([\w.]+)' op",
    r"Node number \d+ \((?!TfLite)(\w+)\)",
)
"""How the converter and the runtime name an operation that they do not have."""

NEEDED = ("litert_converter", "ai_edge_litert", "ai_edge_quantizer")


class Failed(Unsupported):
    """The converter gave no file that runs."""


def check_packages() -> None:
    """Raises ImportError where one of the packages is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(name.replace("_", "-") for name in missing)
        raise ImportError(f"LiteRT files need {names}: pip install 'jkeras[litert]'")


def converted(inference: Inference) -> bytes:
    """The content of a LiteRT file for a model; not compared with it if no form of it is right.

    Raises:
      Unsupported: the converter or the runtime does not take one of its operations.
    """
    axes = inference.open_axes
    if len(axes) == 1 and all(_first_alone(spec) for spec in inference.inputs):
        with contextlib.suppress(Failed):
            content = _converted(inference, {axes[0]: _unique_number(inference)})
            if difference_of(inference, opened(content).run) is None:
                return content
    return _converted(inference, None)


def _unique_number(inference: Inference) -> int:
    """A number of examples of which no size of an input or a weight is a multiple."""
    shapes = [np.shape(x) for x in jax.tree.leaves((inference.params, inference.state))]
    sizes = {n for shape in shapes for n in shape if n}
    sizes |= {n for spec in inference.inputs for n in spec.shape if isinstance(n, int)}
    numbers = open_batch.NUMBERS
    return next((n for n in numbers if all(size % n for size in sizes)), numbers[0])


def _first_alone(spec: TensorSpec) -> bool:
    """Whether the first axis is open, and no other one."""
    first, *others = [isinstance(n, str) for n in spec.shape] or [False]
    return first and not any(others)


def _converted(inference: Inference, sizes: dict[str, int] | None) -> bytes:
    """The content for symbols as sizes, or for numbers, which are opened afterwards."""
    request = {
        "inputs": [spec.name for spec in inference.inputs],
        "outputs": [spec.name for spec in inference.outputs],
        "shapes": _shapes(inference),
        "open_batch": sum((sizes or {}).values()),
    }
    return _child(request, {"module.mlir": stable_hlo(inference, sizes).encode()})


def quantized(
    content: bytes, inference: Inference, kind: str, data: Sequence[np.ndarray] | None
) -> bytes:
    """The content with smaller weights.

    Args:
      content: of a LiteRT file in float32.
      inference: its model.
      kind: "int8" or "float16".
      data: examples for each input, for the ranges of activations in int8.
    """
    names = [spec.name for spec in inference.inputs]
    request = {"inputs": names, "shapes": _shapes(inference), "quantize": kind}
    files = {"float.tflite": content}
    with tempfile.TemporaryDirectory() as folder:
        if data is not None:
            file = pathlib.Path(folder) / "data.npz"
            np.savez(file, *data)
            files["data.npz"] = file.read_bytes()
    return _child(request, files)


def stable_hlo(inference: Inference, sizes: dict[str, int] | None = None) -> str:
    """The model as a module of StableHLO, in operations that the converter takes.

    Args:
      inference: the model.
      sizes: a number for each open axis; symbols when left out.
    """
    specs = inference.specs(sizes)

    def model(*arrays: Any) -> tuple[Any, ...]:
        return inference.apply(inference.params, inference.state, *arrays)

    with programs_for("cuda"):  # whose convolutions are one operation
        exported = jax.export.export(jax.jit(lowered(model, specs)))(*specs)
    lines = exported.mlir_module().splitlines()
    # The checks of open sizes are calls that no LiteRT runtime has.
    return "\n".join(line for line in lines if "custom_call @shape_assertion" not in line)


def _shapes(inference: Inference) -> list[list[tuple[int, ...]]]:
    return [[spec.sized(sizes) for spec in inference.inputs] for sizes in inference.sizes]


def _child(request: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """Runs the converter on files in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "request.json").write_text(json.dumps(request))
        for file, content in files.items():
            (folder / file).write_bytes(content)
        command = [sys.executable, "-P", "-W", "ignore", str(converter.__file__), name]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        with contextlib.suppress(FileNotFoundError):
            return (folder / "model.tflite").read_bytes()
    raise Failed(_reason(done.returncode, done.stderr))


def _reason(code: int, said: str) -> str:
    """Why the converter gave no file, in few words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if code < 0:
        return f"the converter ended with {signal.Signals(-code).name}"
    for pattern in _OPERATIONS:
        found = re.search(pattern, said)
        if found:
            return f"{found[1]!r}"
    if not lines or "Failed to export" in lines[-1]:
        return "some that the converter does not name"
    return lines[-1][:200]
