"""The walk through a traced program: each equation by the rule of its primitive.

What depends on weights alone is computed here, and stands in the file as a constant.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive, Var

from jkeras.core.errors import value_error
from jkeras.export.onnx.builder import Builder
from jkeras.export.onnx.capture import Captured
from jkeras.export.onnx.rules import (
    RULES,
    Call,
    control,
    elementwise,
    indexing,
    products,
    reductions,
    shapes,
)
from jkeras.export.onnx.rules.layers import LAYER_RULES
from jkeras.export.onnx.values import Unsupported, Value, constant, is_static

RULE_MODULES = (control, elementwise, indexing, products, reductions, shapes)
"""The modules that fill the table of rules."""

_INSIDE = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_FOLDED = 1 << 22
"""Elements of a constant that may be computed from smaller ones."""


Program = Jaxpr | ClosedJaxpr


class Walk:
    """Translates programs.

    Args:
      who: the model, for messages.
      captured: the layers that have a rule of their own, by the name of their program.
    """

    def __init__(self, who: str, captured: Mapping[str, Captured]) -> None:
        self.who, self.captured = who, captured

    def within(
        self, builder: Builder, closed: Jaxpr | ClosedJaxpr, values: Sequence[Value]
    ) -> list[Value]:
        """The results of a program with its constants, with nodes going into a builder."""
        if isinstance(closed, ClosedJaxpr):
            return self.run(builder, closed.jaxpr, [*map(constant, closed.consts)], values)
        return self.run(builder, closed, [], values)

    def run(
        self, builder: Builder, jaxpr: Jaxpr, consts: Sequence[Value], values: Sequence[Value]
    ) -> list[Value]:
        """The results of a program for the values of its constants and arguments."""
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, consts, strict=True))
        known.update(zip(jaxpr.invars, values, strict=True))
        outer = builder.scope

        def read(atom: Var | Literal) -> Value:
            return constant(_array(atom)) if isinstance(atom, Literal) else known[atom]

        for eqn in _needed(jaxpr):
            builder.scope = _joined(outer, str(eqn.source_info.name_stack))
            results = self.equation(builder, eqn, [read(atom) for atom in eqn.invars])
            known.update(zip(eqn.outvars, results, strict=True))
        builder.scope = outer
        return [read(atom) for atom in jaxpr.outvars]

    def equation(self, builder: Builder, eqn: JaxprEqn, values: list[Value]) -> list[Value]:
        """The results of one equation."""
        name, params = eqn.primitive.name, eqn.params
        outs = tuple(var.aval for var in eqn.outvars)
        call = Call(name, params, outs, builder, self)
        captured = self.captured.get(str(params.get("name")))
        if captured is not None and captured.fits(values):
            ruled = LAYER_RULES[captured.kind](call, captured, *captured.arguments(values))
            if ruled is not None:
                return ruled
        if name in ("scan", "while", "cond"):
            return self._by_rule(call, values)
        inside = next((params[key] for key in _INSIDE if key in params), None)
        if inside is not None:
            return self.within(builder, inside, values)
        if all(value.const is not None for value in values):
            folded = _folded(eqn, values, outs)
            if folded is not None:
                return folded
        return self._by_rule(call, values)

    def _by_rule(self, call: Call, values: list[Value]) -> list[Value]:
        try:
            if call.name not in RULES:
                raise Unsupported("there is no such node")
            results = RULES[call.name](call, *values)
        except Unsupported as error:
            raise self._refusal(call, str(error)) from None
        return results if isinstance(results, list) else [results]

    def _refusal(self, call: Call, reason: str) -> ValueError:
        layer = call.builder.scope
        return value_error(
            who=f"{self.who}: export(format='onnx')",
            expected="operations that ONNX has",
            got=f"JAX's `{call.name}`{f' in layer {layer!r}' if layer else ''}: {reason}",
            fix="Write that part with other operations of jkeras.ops, or leave it out of the "
            "exported model; format='stablehlo' takes every operation.",
        )


def _needed(jaxpr: Jaxpr) -> list[Any]:
    """The equations that the results need."""
    used = {id(atom) for atom in jaxpr.outvars}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if any(id(var) in used for var in eqn.outvars):
            used.update(map(id, eqn.invars))
            kept.append(eqn)
    return kept[::-1]


def _array(literal: Literal) -> np.ndarray[Any, Any]:
    return np.asarray(literal.val, getattr(literal.aval, "dtype", None))


def _joined(outer: str, stack: str) -> str:
    """The name of a scope inside of another; what JAX writes for transformations is left out."""
    own = re.sub(r"[^\w/.\-]", "", re.sub(r"\b\w+\(\w*\)/?", "", stack)).strip("/")
    parts = [part for part in f"{outer}/{own}".split("/") if part]
    # A recurrent layer and its cell have one name.
    return "/".join(part for n, part in enumerate(parts) if part != (parts[n - 1] if n else None))


def _folded(eqn: JaxprEqn, values: list[Value], outs: tuple[Any, ...]) -> list[Value] | None:
    """The results of an equation on constants, or None where they are open or large."""
    if eqn.primitive.name == "broadcast_in_dim" or not values:
        return None  # broadcasting is left to the nodes
    label = next((value.label for value in values if value.label), "")
    if eqn.primitive.name in elementwise.ELEMENTWISE and len(outs) == 1:
        return _folded_elementwise(eqn, values, outs[0], label)
    if not all(is_static(tuple(known.shape)) for known in (*outs, *values)):
        return None
    sizes = sum(value.const.size for value in values if value.const is not None)
    if sum(np.prod(out.shape) for out in outs) > max(_FOLDED, 2 * sizes):
        return None
    results = _computed(eqn, [value.full_array() for value in values])
    return [constant(result, label) for result in results]


def _folded_elementwise(
    eqn: JaxprEqn, values: list[Value], out: Any, label: str
) -> list[Value] | None:
    rank = max(value.rank for value in values)
    arrays: list[Any] = [value.const for value in values]
    stored = np.broadcast_shapes(*(array.shape for array in arrays))
    if np.prod(stored) > max(_FOLDED, 2 * sum(array.size for array in arrays)):
        return None
    quick = elementwise.computed_quickly(eqn.primitive.name, arrays, out.dtype)
    if quick is None:
        whole = [np.broadcast_to(a, stored) if a.ndim == rank else a for a in arrays]
        quick = _computed(eqn, whole)[0]
    order = tuple(range(rank))
    return [Value(tuple(out.shape), np.dtype(out.dtype), "", quick, quick.shape, order, label)]


def _computed(eqn: JaxprEqn, arrays: list[Any]) -> list[np.ndarray[Any, Any]]:
    """The results of an equation, by JAX on the CPU."""
    with jax.default_device(jax.devices("cpu")[0]):
        results = _program(eqn.primitive, tuple(eqn.params.items()), *map(jnp.asarray, arrays))
    listed = results if isinstance(results, list | tuple) else [results]
    return [np.asarray(result) for result in listed]


def _program(primitive: Primitive, params: tuple[tuple[str, Any], ...], *arrays: Any) -> Any:
    return functools.partial(primitive.bind, **dict(params))(*arrays)
