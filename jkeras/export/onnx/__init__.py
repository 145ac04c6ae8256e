"""ONNX: a file that onnxruntime runs on servers, phones and in browsers, without Python.

The model is traced as one program of JAX, whose operations become ONNX's nodes. The parts:

- `capture` names the layers in the program, and finds those for which ONNX has a node;
- `walk` goes through the program, by the rules in `rules`, one for each primitive;
- `values` and `builder` know where a transposition or a broadcast is needed;
- `model` puts the graph together, `files` writes it whole or not at all;
- `quantization` makes it smaller; `runtime` runs it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from jkeras.core.errors import value_error
from jkeras.export.examples import examples
from jkeras.export.inference import Inference
from jkeras.export.onnx.files import store, with_weights, written
from jkeras.export.onnx.model import OLDEST, check_opset, graph_of
from jkeras.export.onnx.quantization import accuracy, as_halves, in_integers
from jkeras.export.onnx.runtime import opened
from jkeras.export.verification import Run, check

Data = ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike] | None
QUANTIZATIONS = (None, "float16", "int8")


def write(
    inference: Inference,
    path: str | os.PathLike[str],
    *,
    opset: int = OLDEST,
    verify: bool = True,
    quantize: str | None = None,
    representative_data: Data = None,
    external_data: bool | None = None,
) -> None:
    """Writes a model as an ONNX file.

    Args:
      inference: the model.
      path: of the file.
      opset: the version of ONNX's operators, 18 or newer.
      verify: run the file in onnxruntime, and compare it with the model on random inputs of two
        batch sizes; then, with `quantize`, print how much the smaller file differs.
      quantize: "float16" stores weights in half the size, and computes in float32; "int8" computes
        in 8-bit integers, with ranges from `representative_data`, else found while it runs.
      representative_data: examples as the model gets them: an array, or a list of one for each
        input; for "int8" and for telling the accuracy.
      external_data: whether the weights are in a second file beside, `path` with `.data` behind;
        as needed (above 2 GB, which one file cannot hold) when left out.

    Raises:
      ImportError: the package `onnx` or, to verify or quantize, `onnxruntime` is missing.
      ValueError: an argument; an operation that ONNX does not have, with its layer; outputs other
        than the model's.
    """
    who = f"{inference.name}: export(format='onnx')"
    check_opset(who, opset)
    if os.path.isdir(path):
        got = f"the folder {os.fspath(path)!r}"
        raise value_error(who=who, argument="path", expected="the path of a file", got=got)
    if quantize not in QUANTIZATIONS:
        expected = " or ".join(map(repr, QUANTIZATIONS))
        raise value_error(who=who, argument="quantize", expected=expected, got=repr(quantize))
    data = examples(who, inference, representative_data)
    model, weights = graph_of(inference, opset)
    with written(path, model, weights, external_data, who) as file:
        if verify:
            check(inference, opened(str(file)).run, who="ONNX", find_layer=_part)
        external = len(list(file.parent.iterdir())) > 1
        if quantize == "float16":
            store(file, *as_halves(model, weights), external=external)
        elif quantize == "int8":
            in_integers(file, data, inference, external=external)
        if quantize is not None and verify:
            print(f"{who}: {quantize}: {accuracy(inference, opened(str(file)).run, data)}.")


def _part(inference: Inference) -> Run:
    """What runs a part of a model."""
    model, weights = graph_of(inference, OLDEST)
    return opened(with_weights(model, weights).SerializeToString()).run
