"""Layers for which ONNX has a node: embeddings, layer normalization, recurrent cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jkeras.export.onnx.capture import Arguments, Captured, Options, Ruled
from jkeras.export.onnx.rules import Call
from jkeras.export.onnx.rules.recurrent import recurrent
from jkeras.export.onnx.values import Value, tensor


def _embedding(
    call: Call, captured: Captured, args: Arguments, kwargs: Options
) -> list[Value] | None:
    params, _, ids = args
    table, b = params["embeddings"], call.builder
    if table.const is None or len(call.outs) != 1 or kwargs.get("reverse"):
        return None
    weights = table.full_array().astype(call.dtype)
    names = b.initializer(weights, table.label), b.arranged(ids)
    index = names[1]
    if ids.dtype not in (np.dtype("int32"), np.dtype("int64")):
        index = b.cast(index, np.int64 if ids.dtype.kind in "fu" else np.int32)
    return [tensor(b.emit("Gather", names[0], index, axis=0), call.shape, call.dtype)]


def _layer_normalization(
    call: Call, captured: Captured, args: Arguments, kwargs: Options
) -> list[Value] | None:
    (params, _, x), layer, b = args, captured.layer, call.builder
    axes = sorted(axis % x.rank for axis in layer.axes)
    trailing = axes == list(range(x.rank - len(axes), x.rank))
    if not trailing or layer.rms_scaling or x.dtype != np.float32 or call.dtype != np.float32:
        return None
    sizes = [int(x.shape[axis]) for axis in axes if isinstance(x.shape[axis], int)]
    if len(sizes) != len(axes) or any(value.const is None for value in params.values()):
        return None
    scale = np.ones(sizes, np.float32)
    if "gamma" in params:
        scale = params["gamma"].full_array()
    names = [b.arranged(x), b.initializer(scale, _label(params, "gamma"))]
    if "beta" in params:
        names.append(b.arranged(params["beta"]))
    name = b.emit("LayerNormalization", *names, axis=axes[0] - x.rank, epsilon=layer.epsilon)
    return [tensor(name, call.shape, call.dtype)]


def _label(params: dict[str, Value], name: str) -> str:
    return params[name].label if name in params else ""


LAYER_RULES: dict[str, Callable[..., Ruled]] = {
    "embedding": _embedding,
    "layer_normalization": _layer_normalization,
    "recurrent": recurrent,
}
"""The rules by kind: each returns None for what it does not take."""
