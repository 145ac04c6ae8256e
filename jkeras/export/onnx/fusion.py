"""Fewer nodes for the same graph: patterns of nodes that one node, or fewer, can stand for.

Each pattern looks at one node and at those that made its inputs, and returns nodes that make the
same output in its place. A node whose output nothing takes any more is left out in the end.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.export.onnx.builder import names_used, needed
from jkeras.export.onnx.library import onnx

if TYPE_CHECKING:
    from jkeras.export.onnx.library import NodeProto

Array = np.ndarray[Any, Any]
Weights = dict[str, Array]


class Known:
    """What is known of a graph while it is gone through.

    Args:
      nodes: of the graph.
      weights: by name; patterns add some.
    """

    def __init__(self, nodes: Sequence[NodeProto], weights: Mapping[str, Array]) -> None:
        self.weights = dict(weights)
        self.uses = collections.Counter(name for node in nodes for name in names_used(node))
        self.made: dict[str, NodeProto] = {}

    def maker(self, name: str, *ops: str, uses: int = 1) -> NodeProto | None:
        """The node of one of these kinds that makes a tensor which is taken so often."""
        node = self.made.get(name)
        fits = node is not None and node.op_type in ops and self.uses[name] == uses
        return node if fits else None

    def operands(self, node: NodeProto) -> Iterable[tuple[str, Array]]:
        """A tensor and the constant beside it, in a node of two inputs that commute."""
        for x, other in (tuple(node.input), tuple(node.input)[::-1]):
            if other in self.weights and x not in self.weights:
                yield x, self.weights[other]

    def number(self, name: str) -> float | None:
        """The value of a constant of one element."""
        array = self.weights.get(name)
        return float(array.reshape(())) if array is not None and array.size == 1 else None

    def entered(self, name: str, array: Array) -> str:
        """The name of a weight in place of one of that name, which stays where others use it."""
        array = np.asarray(array, self.weights[name].dtype, order="C")
        if self.uses[name] > 1:
            while name in self.weights:
                name = f"{name}_scaled"
            self.uses[name] = 1
        self.weights[name] = array
        return name


def fused(
    nodes: Sequence[NodeProto], weights: Mapping[str, Array], outputs: Sequence[str]
) -> tuple[list[NodeProto], Weights]:
    """The nodes and weights of a graph with fewer nodes.

    Args:
      nodes: in order.
      weights: by name.
      outputs: the tensors that the graph gives.
    """
    known, kept = Known(nodes, weights), []
    for node in nodes:
        found = next((new for pattern in PATTERNS if (new := pattern(known, node))), [node])
        kept += found
        for new in found:
            known.made.update(dict.fromkeys(new.output, new))
    return needed(kept, outputs), known.weights


def _made(
    op: str, inputs: Sequence[str], outputs: Sequence[str], name: str, like: NodeProto | None = None
) -> Any:
    """A node; with the attributes of another one."""
    helper = onnx().helper
    attributes = {a.name: helper.get_attribute_value(a) for a in like.attribute} if like else {}
    return helper.make_node(op, list(inputs), list(outputs), name=name, **attributes)


def _into_weights(known: Known, node: NodeProto) -> list[NodeProto] | None:
    """A bias, or factors for each feature, behind a product or a convolution."""
    if node.op_type not in ("Add", "Mul"):
        return None
    for x, other in known.operands(node):
        before = known.maker(x, "Conv", "ConvTranspose", "Gemm", "MatMul")
        kernel = None if before is None else known.weights.get(before.input[1])
        if before is None or kernel is None or (before.op_type == "MatMul" and kernel.ndim != 2):
            continue
        vector = _by_feature(other, before, kernel)
        if vector is None or (node.op_type == "Add" and before.op_type == "MatMul"):
            continue
        inputs = list(before.input)
        name = next(n for n in node.input if n != x)
        if node.op_type == "Add":
            if len(inputs) > 2:
                inputs[2] = known.entered(inputs[2], known.weights[inputs[2]] + vector)
            else:
                inputs.append(known.entered(name, vector))
        elif other.size == 1 and known.uses[inputs[1]] > 1:
            continue  # not worth a second copy of shared weights
        else:
            axis = 0 if before.op_type == "Conv" else 1
            shape = [-1 if place == axis else 1 for place in range(kernel.ndim)]
            inputs[1] = known.entered(inputs[1], kernel * vector.reshape(shape))
            if len(inputs) > 2:
                inputs[2] = known.entered(inputs[2], known.weights[inputs[2]] * vector)
        return [_made(before.op_type, inputs, node.output, before.name, before)]
    return None


def _by_feature(array: Array, before: NodeProto, kernel: Array) -> Array | None:
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


def _softmax(known: Known, node: NodeProto) -> list[NodeProto] | None:
    """The exponentials of what is below the maximum, divided by their sum."""
    if node.op_type != "Div":
        return None
    exponent, total = node.input
    above = known.maker(exponent, "Exp", uses=2)
    below, axis = _kept_axis(known, total, "ReduceSum")
    if above is None or below != exponent:
        return None
    difference = known.maker(above.input[0], "Sub")
    if difference is None:
        return None
    x, highest = difference.input
    if _kept_axis(known, highest, "ReduceMax") != (x, axis):
        return None
    new = onnx().helper.make_node("Softmax", [x], list(node.output), name=node.name, axis=axis)
    return [new]


def _kept_axis(known: Known, name: str, op: str) -> tuple[str, int]:
    """What is reduced along one axis that stays with size one, and the axis; "" for another."""
    wide = known.maker(name, "Unsqueeze")
    if wide is None:
        return "", 0
    reduced, axis = wide.input[0], known.weights.get(wide.input[1])
    at_least = known.maker(reduced, "Max")
    if at_least is not None:
        reduced = next((x for x, n in known.operands(at_least) if np.all(np.isneginf(n))), "")
    reduction = known.maker(reduced, op)
    axes = None if reduction is None else known.weights.get(reduction.input[1])
    if reduction is None or axes is None or axis is None or axes.tolist() != axis.tolist():
        return "", 0
    return (str(reduction.input[0]), int(axes[0])) if len(axes) == 1 else ("", 0)


def _factors(known: Known, node: NodeProto) -> list[NodeProto] | None:
    """Two constant factors or divisors, one behind the other, as one, or none if it is 1."""
    factor, x = _factor(known, node)
    before = None if factor is None else known.maker(x, "Mul", "Div")
    if before is None or factor is None:
        return None
    inner, source = _factor(known, before)
    if inner is None:
        return None
    product = inner * factor
    if product.size > max(inner.size, factor.size):
        return None
    if np.all(product == 1) and product.ndim == 0:
        return [_made("Identity", [source], node.output, node.name)]
    name = next(n for n in node.input if n in known.weights)
    name = known.entered(name, product)
    return [_made("Mul", [source, name], node.output, node.name)]


def _factor(known: Known, node: NodeProto) -> tuple[Array | None, str]:
    """The constant that a node multiplies with, and what it multiplies."""
    if node.op_type == "Mul":
        for x, other in known.operands(node):
            return (other, x) if other.dtype.kind == "f" else (None, "")
    if node.op_type == "Div" and node.input[1] in known.weights:
        other = known.weights[node.input[1]]
        return (1 / other, node.input[0]) if other.dtype.kind == "f" else (None, "")
    return None, ""


def _gelu(known: Known, node: NodeProto) -> list[NodeProto] | None:
    """`1 - erf(-x c)` as `1 + erf(x / (1 / c))`, which runtimes know as a part of gelu."""
    if node.op_type != "Sub" or known.number(node.input[0]) != 1:
        return None
    error = known.maker(node.input[1], "Erf")
    scaled = None if error is None else known.maker(error.input[0], "Mul")
    if error is None or scaled is None:
        return None
    for x, factor in known.operands(scaled):
        minus = known.maker(x, "Neg")
        if minus is not None and factor.size == 1:
            other = next(n for n in scaled.input if n != x)
            inputs = [minus.input[0], known.entered(other, 1 / factor)]
            # The nodes of the other form make tensors of these names until they are left out.
            names = [f"{name}/positive" for name in (scaled.name, error.name)]
            known.uses.update(names)
            return [
                _made("Div", inputs, names[:1], names[0]),
                _made("Erf", names[:1], names[1:], names[1]),
                _made("Add", [names[1], node.input[0]], node.output, node.name),
            ]
    return None


def _reshapes(known: Known, node: NodeProto) -> list[NodeProto] | None:
    """Two reshapes, one behind the other."""
    if node.op_type != "Reshape":
        return None
    before = known.maker(node.input[0], "Reshape")
    if before is None:
        return None
    return [_made("Reshape", [before.input[0], node.input[1]], node.output, node.name)]


PATTERNS: tuple[Callable[[Known, NodeProto], list[NodeProto] | None], ...] = (
    _into_weights,
    _softmax,
    _factors,
    _gelu,
    _reshapes,
)
