"""Primitives that act on each element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from jkeras.export.onnx.rules import Call, rule
from jkeras.export.onnx.values import Unsupported, Value, constant, stored_dtype, tensor

_UNARY = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh",
    "atan": "Atan", "atanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf",
    "exp": "Exp", "floor": "Floor", "log": "Log", "logistic": "Sigmoid", "neg": "Neg",
    "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh",
}  # fmt: skip
_BINARY = {
    "add": "Add", "add_any": "Add", "div": "Div", "eq": "Equal", "ge": "GreaterOrEqual",
    "gt": "Greater", "le": "LessOrEqual", "lt": "Less", "max": "Max", "min": "Min", "mul": "Mul",
    "sub": "Sub", "le_to": "LessOrEqual", "lt_to": "Less",
}  # fmt: skip
_OF_BOOLS = {"add": "Or", "max": "Or", "mul": "And", "min": "And", "and": "And", "or": "Or",
             "xor": "Xor", "ne": "Xor"}  # fmt: skip
_OF_BITS = {"and": "BitwiseAnd", "or": "BitwiseOr", "xor": "BitwiseXor"}


Operand = Union["Formula", ArrayLike]


class Formula:
    """Values with arithmetic, for primitives that are several nodes."""

    def __init__(self, call: Call, value: Value) -> None:
        self.call, self.value = call, value

    def node(
        self, op: str, *others: Operand, dtype: DTypeLike | None = None, swapped: bool = False
    ) -> Formula:
        """A node on this value and others; numbers are taken in its dtype."""
        values = [self.value, *(self._as_value(other) for other in others)]
        values = values[::-1] if swapped else values
        dtype = self.value.dtype if dtype is None else dtype
        return Formula(self.call, self.call.builder.elementwise(op, values, dtype))

    def _as_value(self, other: Operand) -> Value:
        if isinstance(other, Formula):
            return other.value
        return constant(np.asarray(other, self.value.dtype))

    def below(self, other: Operand) -> Formula:
        """Where it is smaller than another."""
        return self.node("Less", other, dtype=bool)

    def where(self, yes: Formula, no: Formula) -> Formula:
        """One value where this one is True, and another elsewhere."""
        values = [self.value, yes.value, no.value]
        return Formula(self.call, self.call.builder.elementwise("Where", values, yes.value.dtype))

    def __add__(self, other: Operand) -> Formula:
        return self.node("Add", other)

    def __sub__(self, other: Operand) -> Formula:
        return self.node("Sub", other)

    def __mul__(self, other: Operand) -> Formula:
        return self.node("Mul", other)

    def __truediv__(self, other: Operand) -> Formula:
        return self.node("Div", other)


@rule(*_UNARY)
def _unary(call: Call, x: Value) -> Value:
    return call.builder.elementwise(_UNARY[call.name], [x], call.dtype)


@rule(*_BINARY)
def _binary(call: Call, x: Value, y: Value) -> Value:
    if x.dtype == bool and call.name in _OF_BOOLS:
        return call.builder.elementwise(_OF_BOOLS[call.name], [x, y], bool)
    if call.name == "max" and x.dtype.kind == "f":
        for value, other in ((x, y), (y, x)):
            if other.const is not None and other.const.size == 1 and not other.const.any():
                return call.builder.elementwise("Relu", [value], call.dtype)
    return call.builder.elementwise(_BINARY[call.name], [x, y], call.dtype)


@rule("and", "or", "xor")
def _bits(call: Call, x: Value, y: Value) -> Value:
    table = _OF_BOOLS if x.dtype == bool else _OF_BITS
    return call.builder.elementwise(table[call.name], [x, y], call.dtype)


@rule("ne")
def _different(call: Call, x: Value, y: Value) -> Value:
    if x.dtype == bool:
        return call.builder.elementwise("Xor", [x, y], bool)
    return call.builder.elementwise("Not", [call.builder.elementwise("Equal", [x, y], bool)], bool)


@rule("not")
def _not(call: Call, x: Value) -> Value:
    op = "Not" if x.dtype == bool else "BitwiseNot"
    return call.builder.elementwise(op, [x], call.dtype)


@rule("shift_left", "shift_right_logical", "shift_right_arithmetic")
def _shift(call: Call, *_: Value) -> Value:
    raise Unsupported("bits of signed integers are not shifted in ONNX")


@rule("rem")
def _remainder(call: Call, x: Value, y: Value) -> Value:
    return call.builder.elementwise("Mod", [x, y], call.dtype, fmod=1)


@rule("pow")
def _power(call: Call, x: Value, y: Value) -> Value:
    return call.builder.elementwise("Pow", [x, y], call.dtype)


@rule("integer_pow", "square")
def _integer_power(call: Call, x: Value) -> Value:
    power = call.params.get("y", 2)
    factor = Formula(call, x)
    product = factor
    for _ in range(abs(power) - 1 if abs(power) <= 4 else 0):
        product = product * factor
    if abs(power) > 4:
        product = factor.node("Pow", float(abs(power)) if x.dtype.kind == "f" else abs(power))
    if power == 0:
        return (factor * 0 + 1).value
    return (product.node("Reciprocal") if power < 0 else product).value


@rule("rsqrt")
def _rsqrt(call: Call, x: Value) -> Value:
    return Formula(call, x).node("Sqrt").node("Reciprocal").value


@rule("cbrt")
def _cbrt(call: Call, x: Value) -> Value:
    value = Formula(call, x)
    return (value.node("Sign") * value.node("Abs").node("Pow", 1 / 3)).value


@rule("exp2")
def _exp2(call: Call, x: Value) -> Value:
    return Formula(call, x).node("Pow", 2, swapped=True).value


# The next two lose no digits near zero: by tanh and artanh there.
@rule("expm1")
def _expm1(call: Call, x: Value) -> Value:
    value = Formula(call, x)
    half = (value * 0.5).node("Tanh")
    near = (half * 2.0) / half.node("Sub", 1, swapped=True)
    small = value.node("Abs").below(0.5)
    return small.where(near, value.node("Exp") - 1).value


@rule("log1p")
def _log1p(call: Call, x: Value) -> Value:
    value = Formula(call, x)
    small = value.node("Abs").below(0.5)
    safe = small.where(value, value * 0)
    near = (safe / (safe + 2)).node("Atanh") * 2
    return small.where(near, (value + 1).node("Log")).value


@rule("erfc")
def _erfc(call: Call, x: Value) -> Value:
    return Formula(call, x).node("Erf").node("Sub", 1, swapped=True).value


@rule("atan2")
def _atan2(call: Call, y: Value, x: Value) -> Value:
    up, right = Formula(call, y), Formula(call, x)
    down, left = up.below(0), right.below(0)
    zero = right.node("Equal", 0, dtype=bool)
    quarter = up.node("Sign") * (np.pi / 2)
    angle = (up / zero.where(right * 0 + 1, right)).node("Atan")
    turned = angle + down.where(up * 0 - np.pi, up * 0 + np.pi)
    return zero.where(quarter, left.where(turned, angle)).value


@rule("is_finite")
def _is_finite(call: Call, x: Value) -> Value:
    wrong = [call.builder.elementwise(op, [x], bool) for op in ("IsInf", "IsNaN")]
    return call.builder.elementwise("Not", [call.builder.elementwise("Or", wrong, bool)], bool)


@rule("round")
def _round(call: Call, x: Value) -> Value:
    value = Formula(call, x)
    if int(call.params["rounding_method"]) == 1:
        return value.node("Round").value
    return (value.node("Sign") * (value.node("Abs") + 0.5).node("Floor")).value


@rule("select_n")
def _select(call: Call, which: Value, *cases: Value) -> Value:
    chosen = cases[0]
    for number, case in enumerate(cases[1:], 1):
        is_it = which
        if which.dtype != bool:
            wanted = constant(np.asarray(number, which.dtype))
            is_it = call.builder.elementwise("Equal", [which, wanted], bool)
        if call.dtype == bool:
            chosen = _chosen_bool(call, is_it, case, chosen)
        else:
            chosen = call.builder.elementwise("Where", [is_it, case, chosen], call.dtype)
    return chosen


def _chosen_bool(call: Call, which: Value, yes: Value, no: Value) -> Value:
    """Where of bools, which runtimes lack: `which and yes or not which and no`."""
    b = call.builder
    first = b.elementwise("And", [which, yes], bool)
    second = b.elementwise("And", [b.elementwise("Not", [which], bool), no], bool)
    return b.elementwise("Or", [first, second], bool)


@rule("clamp")
def _clamp(call: Call, low: Value, x: Value, high: Value) -> Value:
    if low.rank == high.rank == 0:
        names = call.builder.arranged(low), call.builder.arranged(high)
        stored = call.builder.arranged(x, x.order, full=False)
        name = call.builder.emit("Clip", stored, *names)
        return tensor(name, x.shape, x.dtype, x.order, x.stored)
    raised = call.builder.elementwise("Max", [x, low], x.dtype)
    return call.builder.elementwise("Min", [raised, high], x.dtype)


@rule("convert_element_type")
def _convert(call: Call, x: Value) -> Value:
    dtype = call.outs[0].dtype
    if stored_dtype(x.dtype) == stored_dtype(dtype):
        return Value(x.shape, np.dtype(dtype), x.name, x.const, x.stored, x.order, x.label)
    name = call.builder.arranged(x, x.order, full=False)
    return tensor(call.builder.cast(name, dtype), x.shape, dtype, x.order, x.stored)


@rule("copy", "copy_p", "stop_gradient", "optimization_barrier", "reduce_precision",
      "sharding_constraint", "pvary", "name")  # fmt: skip
def _same(call: Call, *values: Value) -> list[Value]:
    return list(values)


@rule("real", "imag", "complex", "conj", "fft", "random_bits", "random_seed", "random_wrap",
      "threefry2x32")  # fmt: skip
def _never(call: Call, *values: Value) -> Value:
    kind = "random numbers" if "random" in call.name or "three" in call.name else "complex numbers"
    raise Unsupported(f"{kind} are not in ONNX's graphs")


_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.maximum, "min": np.minimum,
    "sqrt": np.sqrt, "neg": np.negative, "exp": np.exp, "eq": np.equal, "lt": np.less,
    "ge": np.greater_equal, "gt": np.greater, "le": np.less_equal,
    "rsqrt": lambda x: 1 / np.sqrt(x),
}  # fmt: skip

ELEMENTWISE = frozenset(
    {*_UNARY, *_BINARY, *_NUMPY, "and", "or", "xor", "ne", "not", "rem", "pow", "square"}
    | {"integer_pow", "select_n", "is_finite", "round", "convert_element_type", "expm1", "log1p"}
    | {"shift_left", "shift_right_logical", "clamp", "exp2", "cbrt", "erfc", "atan2"}
)
"""The primitives whose constants are computed without writing out what is broadcast."""


def computed_quickly(name: str, arrays: list[Any], dtype: DTypeLike) -> Any:
    """The result of a primitive on constants by NumPy; None where JAX has to compute it."""
    kinds = {array.dtype for array in arrays}
    if name not in _NUMPY or kinds & {np.dtype(jnp.bfloat16), np.dtype(np.float16)}:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(_NUMPY[name](*arrays)).astype(dtype, copy=False)
