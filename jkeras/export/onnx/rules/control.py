"""Loops and branches, with what is inside of them as graphs of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from jkeras.export.onnx.builder import Builder, needed
from jkeras.export.onnx.library import onnx
from jkeras.export.onnx.rules import Call, rule
from jkeras.export.onnx.rules.shapes import positions
from jkeras.export.onnx.values import Value, constant, is_static, stored_dtype, tensor


def _info(name: str, shape: Sequence[Any], dtype: DTypeLike) -> Any:
    helper = onnx().helper
    kind = helper.np_dtype_to_tensor_dtype(stored_dtype(dtype))
    sizes = [int(n) if is_static((n,)) else None for n in shape]
    return helper.make_tensor_value_info(name, kind, sizes)


def _body(
    call: Call, inputs: Sequence[Any], translate: Callable[[Builder, list[Value]], list[Value]]
) -> Any:
    """A graph inside.

    Args:
      call: the loop or branch.
      inputs: what it takes, each with shape and dtype.
      translate: gives the values of its outputs for those of its inputs.
    """
    inner = Builder(call.builder)
    values = [tensor(inner.unique("inner"), tuple(x.shape), x.dtype) for x in inputs]
    outputs = translate(inner, values)
    # An output belongs to the graph itself, and to one place in it.
    names = [inner.emit("Identity", inner.arranged(value)) for value in outputs]
    names = [name if name not in names[:n] else _again(inner, name) for n, name in enumerate(names)]
    return onnx().helper.make_graph(
        needed(inner.nodes, names),
        inner.unique("body"),
        [_info(value.name, value.shape, value.dtype) for value in values],
        [_info(name, v.shape, v.dtype) for name, v in zip(names, outputs, strict=True)],
    )


def _again(inner: Builder, name: str) -> str:
    """A tensor under another name."""
    again = inner.unique(f"{name}_again")
    inner.nodes.append(onnx().helper.make_node("Identity", [name], [again], name=again))
    return again


@rule("scan")
def _scan(call: Call, *values: Value) -> list[Value]:
    p, b = call.params, call.builder
    jaxpr, consts, carries = p["jaxpr"], p["num_consts"], p["num_carry"]
    fixed, states, slices = (
        values[:consts],
        values[consts : consts + carries],
        values[consts + carries :],
    )
    taken = jaxpr.in_avals[consts:]

    def translate(inner: Builder, inputs: list[Value]) -> list[Value]:
        own = inputs[: len(taken)]
        return call.walk.within(inner, jaxpr, [*fixed, *own])

    names = [b.arranged(value) for value in (*states, *slices)]
    inputs, count = list(taken), len(slices)
    if not slices:  # a node needs something to go along
        names.append(positions(call, p["length"]))
        inputs.append(np.zeros((), np.int64))
        count = 1
    body = _body(call, inputs, translate)
    outputs = len(call.outs) - carries
    reverse = int(p["reverse"])
    results = b.emit_all(
        "Scan",
        names,
        len(call.outs),
        body=body,
        num_scan_inputs=count,
        scan_input_directions=[reverse] * count,
        scan_output_directions=[reverse] * outputs if outputs else None,
    )
    return [
        tensor(name, tuple(out.shape), out.dtype)
        for name, out in zip(results, call.outs, strict=True)
    ]


@rule("while")
def _while(call: Call, *values: Value) -> list[Value]:
    p, b = call.params, call.builder
    of_cond, of_body = p["cond_nconsts"], p["body_nconsts"]
    for_cond, for_body = values[:of_cond], values[of_cond : of_cond + of_body]
    states = values[of_cond + of_body :]

    def translate(inner: Builder, inputs: list[Value]) -> list[Value]:
        new = call.walk.within(inner, p["body_jaxpr"], [*for_body, *inputs[2:]])
        return [*call.walk.within(inner, p["cond_jaxpr"], [*for_cond, *new]), *new]

    begins = call.walk.within(b, p["cond_jaxpr"], [*for_cond, *states])[0]
    counter, flag = np.zeros((), np.int64), np.zeros((), bool)
    body = _body(call, [counter, flag, *call.outs], translate)
    names = ["", b.arranged(begins), *map(b.arranged, states)]
    results = b.emit_all("Loop", names, len(states), body=body)
    return [
        tensor(name, tuple(out.shape), out.dtype)
        for name, out in zip(results, call.outs, strict=True)
    ]


@rule("cond")
def _cond(call: Call, which: Value, *values: Value) -> list[Value]:
    branches, b = call.params["branches"], call.builder

    def branch(number: int) -> Any:
        def translate(inner: Builder, _: list[Value]) -> list[Value]:
            return call.walk.within(inner, branches[number], list(values))

        return _body(call, [], translate)

    if which.const is not None:
        number = int(np.clip(which.const, 0, len(branches) - 1))
        return call.walk.within(b, branches[number], list(values))
    if len(branches) == 1:
        return call.walk.within(b, branches[0], list(values))
    results: Any = None
    last = len(branches) - 1

    def choice(builder: Builder, number: int) -> Any:
        """The branch of a number or of one after it."""
        wanted = constant(np.asarray(number, which.dtype))
        is_it = builder.arranged(builder.elementwise("LessOrEqual", [which, wanted], bool))
        if number + 1 == last:
            other = branch(last)
        else:
            inner = Builder(builder)
            names = list(choice(inner, number + 1))
            infos = [
                _info(n, out.shape, out.dtype) for n, out in zip(names, call.outs, strict=True)
            ]
            other = onnx().helper.make_graph(
                needed(inner.nodes, names), inner.unique("body"), [], infos
            )
        return builder.emit_all(
            "If", [is_it], len(call.outs), then_branch=branch(number), else_branch=other
        )

    results = choice(b, 0)
    return [
        tensor(name, tuple(out.shape), out.dtype)
        for name, out in zip(results, call.outs, strict=True)
    ]
