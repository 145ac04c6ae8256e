"""`write`: a model as a LiteRT file, compared with the model before it takes its name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.errors import value_error
from jkeras.core.folders import atomic_write
from jkeras.export.examples import examples
from jkeras.export.inference import Inference
from jkeras.export.litert.converting import check_packages, converted, quantized
from jkeras.export.litert.lowering import OpenLength, Unsupported
from jkeras.export.litert.runtime import opened
from jkeras.export.verification import Run, check, first_layer

QUANTIZATIONS = (None, "float16", "int8")


def write(
    inference: Inference,
    path: str | os.PathLike[str],
    *,
    verify: bool = True,
    quantize: str | None = None,
    representative_data: Any = None,
) -> None:
    """Writes a model as a LiteRT file (`.tflite`).

    Recurrent layers are written out step by step, so they need a known length.

    Args:
      inference: the model.
      path: of the file.
      verify: run the file in LiteRT, and compare it with the model on random inputs of two batch
        sizes.
      quantize: "float16" stores weights in half the size; "int8" in a quarter, and computes in
        integers. One line tells the sizes, and how the outputs differ.
      representative_data: examples as the model gets them: an array, a list of one for each input,
        or a dict by name. With them "int8" knows the ranges of all activations, which otherwise
        are measured while it runs; and the accuracy is told for them.

    Raises:
      ImportError: one of the packages is missing.
      ValueError: an argument; an operation that LiteRT does not have, with its layer; outputs other
        than the model's.
    """
    who = f"LiteRT: {inference.name!r}"
    if quantize not in QUANTIZATIONS:
        expected = " or ".join(map(repr, QUANTIZATIONS))
        raise value_error(who=who, argument="quantize", expected=expected, got=repr(quantize))
    data = examples(who, inference, representative_data)
    check_packages()
    content = _converted(who, inference)
    if verify:
        check(inference, opened(content).run, who="LiteRT", find_layer=_run_part)
    if quantize is not None:
        small = _quantized(who, content, inference, quantize, data)
        print(accuracy(inference, opened(small).run, quantize, len(content), len(small), data))
        content = small
    atomic_write(path, lambda file: file.write(content))


def _run_part(part: Inference) -> Run:
    return opened(converted(part)).run


def _converted(who: str, inference: Inference) -> bytes:
    """The content of the file, or an error that names the first layer that cannot be in one."""

    def fails(part: Inference) -> bool:
        try:
            converted(part)
        except Exception:  # of the converter, whose errors have many classes
            return True
        return False

    try:
        return converted(inference)
    except Unsupported as error:
        layer = first_layer(inference, fails)
        raise value_error(
            who=f"{who}: {layer}" if layer else who,
            expected="operations that LiteRT has",
            got=error,
            fix=_fix(inference, error),
        ) from error


def _fix(inference: Inference, error: Unsupported) -> str:
    """What to do about an operation that LiteRT does not have."""
    if not isinstance(error, OpenLength):
        return "Leave it out of the exported model, or choose 'onnx' or 'stablehlo'."
    known = [
        tuple(
            (20 if axis else None) if isinstance(n, str) else n for axis, n in enumerate(spec.shape)
        )
        for spec in inference.inputs
    ]
    return f"Give the length, as in `input_signature={known}`: steps are written out."


def _quantized(
    who: str, content: bytes, inference: Inference, kind: str, data: list[np.ndarray] | None
) -> bytes:
    try:
        return quantized(content, inference, kind, data)
    except Unsupported as error:
        fix = "Without `representative_data` only weights are." if data else ""
        expected = f"operations that LiteRT has in {kind}"
        raise value_error(who=who, expected=expected, got=error, fix=fix) from error


def accuracy(
    inference: Inference,
    run: Run,
    kind: str,
    before: int,
    after: int,
    data: Sequence[np.ndarray] | None,
) -> str:
    """A sentence about a smaller file: its size, and how its outputs differ from the model's."""
    batches = [list(data)] if data else [inference.example(sizes) for sizes in inference.sizes]
    largest, equal, count = 0.0, 0, 0
    for arrays in batches:
        for wanted, got in zip(inference(*arrays), run(arrays), strict=True):
            a, b = np.asarray(wanted, np.float64), np.asarray(got, np.float64)
            largest = max(largest, float(np.max(np.abs(a - b), initial=0.0)))
            if a.ndim > 1 and a.shape[-1] > 1:
                same = a.argmax(-1) == b.argmax(-1)
                equal, count = equal + int(same.sum()), count + same.size
    sentence = (
        f"{kind}: {after:,} bytes instead of {before:,}; outputs differ by up to {largest:.2g}"
    )
    if count:
        sentence += f", the largest one is the same in {equal / count:.1%} of {count:,}"
    return f"{sentence} ({'the representative data' if data else 'random inputs'})."
