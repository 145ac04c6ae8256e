"""A model as an ONNX graph."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jkeras.core.errors import value_error
from jkeras.core.platform import programs_for
from jkeras.core.trees import path_names
from jkeras.export.inference import Inference, TensorSpec, explained
from jkeras.export.onnx.builder import Builder, names_used, needed
from jkeras.export.onnx.capture import capturing
from jkeras.export.onnx.fusion import fused
from jkeras.export.onnx.library import onnx
from jkeras.export.onnx.values import Value, border_dtype, constant, stored_dtype, tensor
from jkeras.export.onnx.walk import Walk

OLDEST = 18
"""The first opset with all nodes that are used here."""


def check_opset(who: str, opset: int) -> None:
    """Raises ValueError for an opset that is too old, or newer than the package `onnx`."""
    newest = onnx().defs.onnx_opset_version()
    if not OLDEST <= opset <= newest:
        raise value_error(
            who=who, argument="opset", expected=f"a number from {OLDEST} to {newest}", got=opset
        )


def graph_of(inference: Inference, opset: int) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
    """The graph without the weights, as a `ModelProto`, and the weights by name."""
    builder = Builder()
    traced, captured = _traced(inference)
    values = _weights(inference)
    for spec in (*inference.inputs, *inference.outputs):
        builder.unique(spec.name)
    # The sizes of the program itself: symbols of two programs do not mix.
    for spec, aval in zip(inference.inputs, traced.in_avals[len(values) :], strict=True):
        name, dtype = spec.name, stored_dtype(aval.dtype)
        if border_dtype(aval.dtype) != dtype:
            name = builder.cast(name, dtype)
        values.append(tensor(name, tuple(aval.shape), aval.dtype))
        for axis, size in enumerate(spec.shape):
            if isinstance(size, str):
                factor, _, open_axis = size.rpartition("*")
                builder.sizes.setdefault(open_axis, (spec.name, axis, int(factor or 1)))
    results = Walk(inference.name, captured).within(builder, traced, values)
    for spec, value in zip(inference.outputs, results, strict=True):
        name, dtype = builder.arranged(value), border_dtype(np.dtype(spec.dtype))
        if dtype != stored_dtype(value.dtype):
            name = builder.cast_exactly(name, dtype)
        names, own = ([name], [spec.name]), builder.unique(f"{spec.name}/Identity")
        builder.nodes.append(onnx().helper.make_node("Identity", *names, name=own))
    return _model(inference, builder, opset)


def _traced(inference: Inference) -> Any:
    """The program of a model, and the layers in it that have rules.

    It is the one for a GPU, in which a convolution is one operation.
    """
    shapes = jax.eval_shape(lambda trees: trees, (inference.params, inference.state))
    with explained("ONNX", inference), capturing() as captured, programs_for("cuda"):
        return jax.make_jaxpr(inference.apply)(*shapes, *inference.specs()), captured


def _weights(inference: Inference) -> list[Value]:
    """The weights in the order of the program's arguments, under their names."""
    paths, _ = jax.tree_util.tree_flatten_with_path((inference.params, inference.state))
    return [constant(leaf, "/".join(path_names(path[1:]))) for path, leaf in paths]


def _model(
    inference: Inference, builder: Builder, opset: int
) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
    helper = onnx().helper

    def info(spec: TensorSpec) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(border_dtype(np.dtype(spec.dtype)))
        return helper.make_tensor_value_info(spec.name, kind, list(spec.shape))

    outputs = [spec.name for spec in inference.outputs]
    nodes, weights = fused(needed(builder.nodes, outputs), builder.initializers, outputs)
    graph = helper.make_graph(
        nodes, inference.name, [*map(info, inference.inputs)], [*map(info, inference.outputs)]
    )
    used = {name for node in nodes for name in names_used(node)}
    weights = {name: array for name, array in weights.items() if name in used}
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="jkeras",
    )
    return model, weights
