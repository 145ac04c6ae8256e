"""Products and convolutions that take in the factors and summands behind them.

A bias is an input of the node; a factor for each feature, as BatchNormalization leaves one, becomes
part of the weights.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jkeras.export.onnx.builder import names_used
from jkeras.export.onnx.library import onnx

Weights = dict[str, np.ndarray[Any, Any]]


def fused(nodes: Sequence[Any], weights: Mapping[str, Any]) -> tuple[list[Any], Weights]:
    """The nodes and weights of a graph with fewer nodes.

    Args:
      nodes: in order.
      weights: by name.
    """
    weights = dict(weights)
    uses = collections.Counter(name for node in nodes for name in names_used(node))
    made: dict[str, Any] = {}
    kept: dict[int, Any] = {}
    for position, node in enumerate(nodes):
        if node.op_type in ("Add", "Mul"):
            for x, other in (tuple(node.input), tuple(node.input)[::-1]):
                if other in weights and x in made and uses[x] == 1:
                    place, before = made[x]
                    new = _with(node, before, other, weights, uses)
                    if new is not None:
                        del kept[place]
                        node = new
                        break
        kept[position] = node
        made.update(dict.fromkeys(node.output, (position, node)))
    return list(kept.values()), weights


def _with(
    node: Any, before: Any, other: str, weights: Weights, uses: Mapping[str, int]
) -> Any | None:
    """The node `before` with what `node` adds or multiplies; None where it cannot take it in."""
    if before.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return None
    kernel = weights.get(before.input[1])
    if kernel is None or (before.op_type == "MatMul" and kernel.ndim != 2):
        return None
    adds, biased = node.op_type == "Add", len(before.input) > 2
    vector = _by_feature(weights[other], before, kernel)
    if vector is None or (adds and before.op_type == "MatMul"):
        return None
    inputs = list(before.input)
    if adds and not biased:
        inputs.append(_entered(weights, other, vector, uses))
    elif adds:
        inputs[2] = _entered(weights, inputs[2], weights[inputs[2]] + vector, uses)
    else:
        if np.size(weights[other]) == 1 and uses[inputs[1]] > 1:
            return None  # not worth a second copy of shared weights
        axis = 0 if before.op_type == "Conv" else 1
        shape = [-1 if place == axis else 1 for place in range(kernel.ndim)]
        inputs[1] = _entered(weights, inputs[1], kernel * vector.reshape(shape), uses)
        if biased:
            inputs[2] = _entered(weights, inputs[2], weights[inputs[2]] * vector, uses)
    attributes = {a.name: onnx().helper.get_attribute_value(a) for a in before.attribute}
    return onnx().helper.make_node(
        before.op_type, inputs, list(node.output), name=before.name, **attributes
    )


def _by_feature(array: Any, before: Any, kernel: Any) -> Any | None:
    """A constant as one number for each feature of what `before` gives; None for another."""
    if before.op_type == "Conv":
        features, axis, rank = kernel.shape[0], 1, kernel.ndim
    elif before.op_type == "ConvTranspose":
        groups = next(a.i for a in before.attribute if a.name == "group")
        if groups != 1:
            return None
        features, axis, rank = kernel.shape[1], 1, kernel.ndim
    else:
        features, axis, rank = kernel.shape[1], -1, max(array.ndim, 1)
    if array.size == 1 and array.ndim <= rank:
        return np.full(features, array.reshape(()), array.dtype)
    shape = (1,) * (rank - array.ndim) + array.shape
    if array.size != features or len(shape) != rank or shape[axis] != features:
        return None
    return array.reshape(features)


def _entered(weights: Weights, name: str, array: Any, uses: Mapping[str, int]) -> str:
    """The name of a weight in place of one of that name, which stays where others use it."""
    array = np.ascontiguousarray(array, weights[name].dtype)
    if uses[name] == 1:
        weights[name] = array
        return name
    while name in weights:
        name = f"{name}_scaled"
    weights[name] = array
    return name
