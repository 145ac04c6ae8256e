"""Smaller ONNX files: weights in half the size, or arithmetic in 8-bit integers."""

from __future__ import annotations

import contextlib
import logging
import pathlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.export.inference import Inference
from jkeras.export.onnx.library import onnx, onnxruntime
from jkeras.export.verification import Run

if TYPE_CHECKING:
    from jkeras.export.onnx.library import ModelProto

Arrays = Sequence[np.ndarray[Any, Any]]

_SMALLEST = 64
"""Elements of a weight from which on it is stored in half the size."""

EXAMPLES = 1024
"""How many representative examples are used at most, and how many at once."""
AT_ONCE = 64


def as_halves(model: ModelProto, weights: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A model whose large weights are stored in float16, and computed with in float32, so that it
    runs wherever the unchanged one does.

    Args:
      model: without its weights.
      weights: by name.
    """
    helper, half = onnx().helper, {}
    nodes = []
    for name, array in weights.items():
        fits = array.dtype == np.float32 and array.size >= _SMALLEST
        if not fits or np.abs(array).max() > np.finfo(np.float16).max:
            half[name] = array
            continue
        half[f"{name}_half"] = array.astype(np.float16)
        nodes.append(
            helper.make_node(
                "Cast", [f"{name}_half"], [name], name=f"{name}_cast", to=onnx().TensorProto.FLOAT
            )
        )
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    return model, half


def in_integers(
    file: pathlib.Path, data: Arrays | None, inference: Inference, *, external: bool
) -> None:
    """Replaces a file by one that computes in 8-bit integers.

    Args:
      file: the file.
      data: an array of examples for each input, from which the ranges of all values are known
        beforehand; without them they are found while the file runs.
      inference: the model.
      external: whether the weights are in a file of their own.
    """
    quantization = onnxruntime("quantization").quantization
    signed, unsigned = quantization.QuantType.QInt8, quantization.QuantType.QUInt8
    # Without data unsigned weights, or ones of 7 bits: products of signed 8 bits overflow on CPUs
    # without VNNI. Ranges for each channel make an LSTM worse.
    dynamic = {"weight_type": unsigned, "use_external_data_format": external}
    with _quietly():
        if data is None:
            quantization.quantize_dynamic(_taken(file), file, **dynamic)
            return
        names = [spec.name for spec in inference.inputs]
        rows = [dict(zip(names, part, strict=True)) for part in _parts(inference, data)]
        quantization.quantize_static(
            _taken(file),
            file,
            _reader(quantization, rows),
            per_channel=True,
            reduce_range=True,
            activation_type=unsigned,
            weight_type=signed,
            use_external_data_format=external,
        )
        graph = onnx().load(file, load_external_data=False).graph
        if any(node.op_type == "LSTM" for node in graph.node):  # has the dynamic form alone
            lstm = {"op_types_to_quantize": ["LSTM"], **dynamic}
            quantization.quantize_dynamic(_taken(file), file, **lstm)


def _taken(file: pathlib.Path) -> ModelProto:
    """The model in a file, which makes room for another: what is written is not added to it."""
    model: ModelProto = onnx().load(file)
    for made in file.parent.iterdir():
        made.unlink()
    return model


def _reader(quantization: Any, rows: list[dict[str, Any]]) -> Any:
    """The examples as onnxruntime reads them, one batch after the other."""
    rest = iter(rows)

    class Reader(quantization.CalibrationDataReader):
        def get_next(self) -> dict[str, Any] | None:
            return next(rest, None)

    return Reader()


def _parts(inference: Inference, data: Arrays) -> Iterator[list[Any]]:
    """The examples in batches of the size that the model takes."""
    sizes = [spec.shape[0] for spec in inference.inputs if spec.shape]
    fixed = next((n for n in sizes if isinstance(n, int)), None)
    count = min(len(data[0]), EXAMPLES)
    step = fixed or AT_ONCE
    for start in range(0, count, step):
        if not fixed or start + step <= count:
            yield [array[start : min(start + step, count)] for array in data]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the package's remarks on how else it could be used."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def accuracy(inference: Inference, run: Run, data: Arrays | None) -> str:
    """How far the outputs of a file are from the model's, in words.

    Args:
      inference: the model.
      run: gives the outputs of the file for a list of inputs.
      data: examples; random ones are taken when left out.
    """
    kind = "random" if data is None else "representative"
    if data is None:
        sizes = dict.fromkeys(inference.open_axes, AT_ONCE)
        data = inference.example(sizes | {name: 8 for name in inference.open_axes[1:]})
    pairs = [(run(part), inference(*part)) for part in _parts(inference, data)]
    words = []
    for n, spec in enumerate(inference.outputs):
        got = np.concatenate([np.asarray(a[n], np.float64) for a, _ in pairs])
        wanted = np.concatenate([np.asarray(b[n], np.float64) for _, b in pairs])
        difference = np.abs(got - wanted).max(initial=0)
        words.append(
            f"output {spec.name!r} differs by up to {difference:.2g} "
            f"(the largest is {np.abs(wanted).max(initial=0):.2g})"
        )
        if got.ndim > 1 and got.shape[-1] > 1:
            same = np.mean(got.argmax(-1) == wanted.argmax(-1))
            words[-1] += f", and {same:.1%} of the largest entries are the same ones"
    return f"{'; '.join(words)}; {len(data[0])} {kind} examples"
