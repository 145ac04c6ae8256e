"""Makes the functions of `jkeras.ops` from the table and from the files beside it.

A function is created on first access. Laws: it has Keras's name and signature; arguments that are
not in the signature raise before anything is computed; arrays may be NumPy arrays, numbers or
lists; a call with a symbol of a graph among the arguments adds a layer to that graph instead.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.errors import describe, nearest, unexpected_arguments
from jkeras.core.trees import dtype_of
from jkeras.ops.vocabulary.left_out import LEFT_OUT
from jkeras.ops.vocabulary.table import ROWS, Rows

Parameter = inspect.Parameter

WRITTEN_OUT = {
    "numpy": ("arrays",),
    "nn": ("networks", "windows", "probabilities"),
    "math": ("transforms",),
    "linalg": ("algebra",),
    "core": ("control",),
    "einops": ("rearranging",),
    "image": ("images", "colors"),
}
"""The files of each family."""

PUBLIC = ("numpy", "nn", "math", "linalg", "core", "einops")
"""The families whose names are those of `jkeras.ops` itself; images are `jkeras.ops.image`."""

HOMES = {"image": "jkeras.ops.image"}
"""Where a family's functions are found, if not in `jkeras.ops` itself."""

OF_SYMBOLS = frozenset({"dtype", "is_tensor", "shape"})
"""What answers about a symbol at once, and makes no layer."""


class Source(NamedTuple):
    """The origin of a function: its annotated signature, its implementation, its public module."""

    signature: inspect.Signature
    place: str
    name: str
    home: str

    def function(self) -> Callable[..., Any]:
        """The function that does the work."""
        return getattr(importlib.import_module(self.place), self.name)


@functools.cache
def family(name: str) -> dict[str, Source]:
    """Every function of a family, by name, in alphabetical order.

    Example:
      >>> str(family("linalg")["solve"].signature)
      "(a: 'Array', b: 'Array')"
    """
    found: dict[str, Source] = {}
    for rows in ROWS:
        if rows.family == name:
            found |= _of_rows(rows)
    for file in WRITTEN_OUT[name]:
        found |= _of_file(f"{__package__}.{file}", HOMES.get(name, "jkeras.ops"))
    return dict(sorted(found.items()))


def names(families: Iterable[str]) -> list[str]:
    """The names of some families, in alphabetical order."""
    return sorted(name for each in families for name in family(each))


def _of_rows(rows: Rows) -> dict[str, Source]:
    signature = parsed(rows.signature)
    return {name: Source(signature, rows.place, name, "jkeras.ops") for name in rows.names.split()}


def _of_file(place: str, home: str) -> dict[str, Source]:
    """The public functions that a file defines."""
    return {
        name: Source(inspect.signature(value), place, name, home)
        for name, value in vars(importlib.import_module(place)).items()
        if inspect.isfunction(value) and value.__module__ == place and name[0] != "_"
    }


@functools.cache
def parsed(text: str) -> inspect.Signature:
    """The signature of a row of the table.

    Example:
      >>> str(parsed("x: Array, *others, axis=-1"))
      "(x: 'Array', *others, axis=-1)"
    """
    definition = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    given = definition.args
    missing = [None] * (len(given.args) - len(given.defaults))
    found = [
        _parameter(arg, Parameter.POSITIONAL_OR_KEYWORD, default)
        for arg, default in zip(given.args, [*missing, *given.defaults], strict=True)
    ]
    if given.vararg is not None:
        found.append(_parameter(given.vararg, Parameter.VAR_POSITIONAL, None))
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append(_parameter(arg, Parameter.KEYWORD_ONLY, default))
    return inspect.Signature(found)


def _parameter(arg: ast.arg, kind: Any, default: ast.expr | None) -> Parameter:
    annotation = Parameter.empty if arg.annotation is None else ast.unparse(arg.annotation)
    value = Parameter.empty if default is None else ast.literal_eval(default)
    return Parameter(arg.arg, kind, default=value, annotation=annotation)


@functools.cache
def made(families: tuple[str, ...], name: str, place: str) -> Callable[..., Any]:
    """The public function called `name`.

    Args:
      families: the families to search.
      name: the name in Keras.
      place: the name of the public module, for the message.

    Raises:
      AttributeError: an unknown name; the message says why, or suggests the nearest name.
    """
    known = {key: source for each in families for key, source in family(each).items()}
    if name not in known:
        reason = LEFT_OUT.get(name)
        why = f" {reason}" if reason else nearest(name, known)
        raise AttributeError(f"{place} has no {name!r}.{why}")
    return _made(known[name])


@functools.cache
def _made(source: Source) -> Callable[..., Any]:
    name, signature = source.name, source.signature
    target = source.function()
    convert = {p.name: CONVERTERS[_kind(p)] for p in signature.parameters.values() if _kind(p)}
    known = [p.name for p in signature.parameters.values()]
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in signature.parameters.values())
    by_name = source.place.startswith(__package__ or "jkeras")

    def function(*args: Any, **kwargs: Any) -> Any:
        if name not in OF_SYMBOLS and has_symbol(args, kwargs):
            return importlib.import_module("jkeras.core.operations").record(function, args, kwargs)
        if kwargs and not open_ended:
            _check_names(name, kwargs, known)
        bound = _bound(name, signature, args, kwargs)
        bound.apply_defaults()
        given = bound.arguments
        for argument, converter in convert.items():
            given[argument] = converter(name, argument, given[argument])
        if by_name:
            return target(*bound.args, **bound.kwargs)
        return target(*_positional(bound), **_optional(bound))

    function.__name__ = function.__qualname__ = name
    function.__module__ = source.home
    function.__doc__ = _docstring(source, target)
    setattr(function, "__signature__", _public(signature))  # noqa: B010  # mypy: no such attribute
    return function


def _kind(parameter: Parameter) -> str:
    """The conversion of an annotation: "Array", "Arrays", "DType", or an empty string."""
    if parameter.annotation is Parameter.empty:
        return ""
    word = str(parameter.annotation).removesuffix(" | None")
    if word not in CONVERTERS:
        return ""
    return "Arrays" if parameter.kind is Parameter.VAR_POSITIONAL else word


def _check_names(name: str, kwargs: dict[str, Any], known: list[str]) -> None:
    error = unexpected_arguments(f"ops.{name}", kwargs, known)
    if error is not None:
        raise error


def _bound(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"ops.{name}: {error}. Write {name}{_public(signature)}.") from None


def _positional(bound: inspect.BoundArguments) -> list[Any]:
    """The arguments that have no default."""
    values: list[Any] = []
    for parameter in bound.signature.parameters.values():
        if parameter.kind is Parameter.VAR_POSITIONAL:
            values += bound.arguments[parameter.name]
        elif parameter.default is Parameter.empty:
            values.append(bound.arguments[parameter.name])
    return values


def _optional(bound: inspect.BoundArguments) -> dict[str, Any]:
    """The arguments that have a default, by name."""
    return {
        parameter.name: bound.arguments[parameter.name]
        for parameter in bound.signature.parameters.values()
        if parameter.default is not Parameter.empty
    }


def _public(signature: inspect.Signature) -> inspect.Signature:
    """Keras's signature: without annotations."""
    bare = [p.replace(annotation=Parameter.empty) for p in signature.parameters.values()]
    return inspect.Signature(bare)


def _docstring(source: Source, target: Callable[..., Any]) -> str:
    """The docstring: that of JAX's function or of the implementation, then Keras's name."""
    if source.place.startswith(__package__ or "jkeras"):
        first = inspect.cleandoc(target.__doc__ or "")
    else:
        first = f"`{source.place}.{source.name}` under Keras's name and arguments."
    return f"{first}\n\nSource: `keras.ops.{source.name}`."


def as_array(who: str, argument: str, value: Any) -> Any:
    """`value` as an array of JAX; None for None.

    Raises:
      TypeError: `value` holds no numbers.
    """
    if value is None or isinstance(value, jax.Array):
        return value
    if not isinstance(value, str | bytes):
        with contextlib.suppress(TypeError, ValueError):
            return jnp.asarray(value)
    raise TypeError(
        f"ops.{who}: `{argument}`: expected an array or numbers, got {describe(value)}."
    )


def as_arrays(who: str, argument: str, value: Any) -> list[Any]:
    """Each entry of `value` as an array.

    Raises:
      TypeError: `value` is not a sequence.
    """
    if isinstance(value, jax.Array) or not hasattr(value, "__len__"):
        if getattr(value, "ndim", 0) == 0:
            raise TypeError(
                f"ops.{who}: `{argument}`: expected a list of arrays, got {describe(value)}."
            )
    return [as_array(who, argument, item) for item in value]


def as_dtype(who: str, argument: str, value: Any) -> Any:
    """The dtype of a name; None for None.

    Raises:
      ValueError: an unknown name; the message suggests the nearest.
    """
    if value is None:
        return None
    try:
        return dtype_of(value)
    except TypeError:
        hint = nearest(value, DTYPES) if isinstance(value, str) else ""
        raise ValueError(
            f"ops.{who}: `{argument}`: expected a dtype such as 'float32', "
            f"got {describe(value)}.{hint}"
        ) from None


DTYPES = (
    *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
    *("bfloat16", "float16", "float32", "complex64"),
)
"""The dtypes that a misspelt one is compared with."""

CONVERTERS: dict[str, Callable[[str, str, Any], Any]] = {
    "Array": as_array,
    "Arrays": as_arrays,
    "DType": as_dtype,
}
"""What is done to an argument with this annotation."""


def has_symbol(*values: Any) -> bool:
    """Whether a symbol of a graph is among the values, or inside lists, tuples and dicts there."""
    symbols = sys.modules.get("jkeras.core.symbols")
    # Where nobody has imported symbols there are none.
    return symbols is not None and bool(symbols.has_symbols(*values))
