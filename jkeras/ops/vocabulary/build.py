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

from jkeras.core.absent import missing
from jkeras.core.arrays import native
from jkeras.core.data_format import image_data_format
from jkeras.core.dtype_policy import floatx, requested_dtype
from jkeras.core.errors import WrongTypeError, describe, nearest, unexpected_arguments
from jkeras.ops.vocabulary.arguments import (
    SIZES,
    are_small_integers,
    known_sizes,
    without_variables,
)
from jkeras.ops.vocabulary.table import ROWS

Parameter = inspect.Parameter

WRITTEN_OUT = {
    "numpy": ("arrays",),
    "nn": ("networks", "windows", "probabilities"),
    "math": ("transforms",),
    "linalg": ("algebra",),
    "core": ("control",),
    "einops": ("rearranging",),
    "image": ("images", "colors", "filters", "warping"),
}
"""The files of each family."""

OF_SYMBOLS = frozenset({"dtype", "is_tensor", "shape"})
"""What answers about a symbol at once, and makes no layer."""


OF_SIZES = frozenset(
    """
    add array append cast concatenate convert_to_tensor expand_dims floor_divide hstack max maximum
    min minimum mod multiply prod ravel squeeze stack subtract sum
    """.split()
)
"""What calculates shapes: of known integers the result is known, while a program is traced, too."""


class Source(NamedTuple):
    """The origin of a function: its annotated signature, its implementation, its public module."""

    signature: inspect.Signature
    place: str
    name: str
    home: str


@functools.cache
def family(name: str) -> dict[str, Source]:
    """Every function of a family, by name, in alphabetical order.

    Example:
      >>> str(family("linalg")["solve"].signature)
      "(a: 'Array', b: 'Array') -> 'Array'"
    """
    home = "jkeras.ops.image" if name == "image" else "jkeras.ops"
    sources: dict[str, Source] = {}
    for rows in ROWS:
        if rows.family == name:
            signature = parsed(rows.signature)
            sources |= {key: Source(signature, rows.place, key, home) for key in rows.names.split()}
    for file in WRITTEN_OUT[name]:
        place = f"{__package__}.{file}"
        sources |= {
            key: Source(inspect.signature(value), place, key, home)
            for key, value in vars(importlib.import_module(place)).items()
            if inspect.isfunction(value) and value.__module__ == place and key[0] != "_"
        }
    return dict(sorted(sources.items()))


def names(families: Iterable[str]) -> list[str]:
    """The names of some families, in alphabetical order."""
    return sorted(name for each in families for name in family(each))


@functools.cache
def parsed(text: str) -> inspect.Signature:
    """The signature of a row of the table.

    Example:
      >>> str(parsed("x: Array, *others, axis=-1"))
      "(x: 'Array', *others, axis=-1)"
    """
    definition = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    arguments = definition.args
    missing = [None] * (len(arguments.args) - len(arguments.defaults))
    parameters = [
        _parameter(arg, Parameter.POSITIONAL_OR_KEYWORD, default)
        for arg, default in zip(arguments.args, [*missing, *arguments.defaults], strict=True)
    ]
    if arguments.vararg is not None:
        parameters.append(_parameter(arguments.vararg, Parameter.VAR_POSITIONAL, None))
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters.append(_parameter(arg, Parameter.KEYWORD_ONLY, default))
    return inspect.Signature(parameters)


def _parameter(arg: ast.arg, kind: Any, default: ast.expr | None) -> Parameter:
    annotation = Parameter.empty if arg.annotation is None else ast.unparse(arg.annotation)
    value = Parameter.empty if default is None else ast.literal_eval(default)
    return Parameter(arg.arg, kind, default=value, annotation=annotation)


@functools.cache
def public_function(families: tuple[str, ...], name: str, place: str) -> Callable[..., Any]:
    """The public function called `name`.

    Args:
      families: the families to search.
      name: the name in Keras.
      place: the name of the public module, for the message.

    Raises:
      AttributeError: an unknown name; the message suggests the nearest name.
    """
    known = {key: source for each in families for key, source in family(each).items()}
    if name not in known:
        raise missing(f"{place} has no {name!r}.{nearest(name, known)}")
    return _created(known[name])


@functools.cache
def _created(source: Source) -> Callable[..., Any]:
    name, signature = source.name, source.signature
    target = getattr(importlib.import_module(source.place), name)
    parameters = signature.parameters.values()
    convert = {p.name: CONVERTERS[_kind(p)] for p in parameters if _kind(p)}
    known = [p.name for p in parameters]
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    by_name = source.place.startswith(__package__ or "jkeras")
    is_of_sizes = source.name in OF_SIZES
    has_layout = "data_format" in known and signature.parameters["data_format"].default is None

    def function(*args: Any, **kwargs: Any) -> Any:
        if name not in OF_SYMBOLS and has_symbol(args, kwargs):
            if name == "get_item" and has_symbol(*args[:1]):
                x, key = signature.bind(*args, **kwargs).args
                return x[key]  # a symbol checks numbers, which JAX moves to the end of an axis
            if has_layout:
                kwargs = _with_layout(signature, args, kwargs)
            return importlib.import_module("jkeras.core.operations").record(function, args, kwargs)
        if kwargs and not open_ended:
            error = unexpected_arguments(f"ops.{name}", kwargs, known)
            if error is not None:
                raise error
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            usage = f"Write {name}{_public(signature)}."
            raise WrongTypeError(f"ops.{name}: {error}. {usage}") from None
        bound.apply_defaults()
        if is_of_sizes and are_small_integers(bound.arguments):
            with jax.ensure_compile_time_eval():
                return computed(bound)
        return computed(bound)

    def computed(bound: inspect.BoundArguments) -> Any:
        values = bound.arguments
        for argument, converter in convert.items():
            values[argument] = converter(name, argument, values[argument])
        if by_name:
            return target(*bound.args, **bound.kwargs)
        required, optional = _split(bound)
        return target(*required, **optional)

    function.__name__ = function.__qualname__ = name
    function.__module__ = source.home
    first = f"`{source.place}.{name}` under Keras's name and arguments."
    if by_name:
        first = inspect.cleandoc(target.__doc__ or "")
    function.__doc__ = f"{first}\n\nSource: `keras.ops.{name}`."
    setattr(function, "__signature__", _public(signature))  # noqa: B010  # mypy: no such attribute
    return function


def _with_layout(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Arguments by name with the layout that is set now: a graph keeps the one it is made with."""
    place = list(signature.parameters).index("data_format")
    if len(args) > place or kwargs.get("data_format") is not None:
        return kwargs
    return {**kwargs, "data_format": image_data_format()}


def _kind(parameter: Parameter) -> str:
    """The conversion of an annotation: a key of `CONVERTERS`, or ""."""
    if parameter.annotation is Parameter.empty:
        return "Sizes" if parameter.name in SIZES else ""
    word = str(parameter.annotation).removesuffix(" | None")
    if word not in CONVERTERS:
        return "Sizes" if parameter.name in SIZES else ""
    return "Arrays" if word == "Array" and parameter.kind is Parameter.VAR_POSITIONAL else word


def _split(bound: inspect.BoundArguments) -> tuple[list[Any], dict[str, Any]]:
    """The arguments without a default in order, and those with a default by name."""
    required: list[Any] = []
    optional: dict[str, Any] = {}
    for parameter in bound.signature.parameters.values():
        value = bound.arguments[parameter.name]
        if parameter.kind is Parameter.VAR_POSITIONAL:
            required += value
        elif parameter.default is Parameter.empty:
            required.append(value)
        else:
            optional[parameter.name] = value
    return required, optional


def _public(signature: inspect.Signature) -> inspect.Signature:
    """Keras's signature: without annotations."""
    bare = [p.replace(annotation=Parameter.empty) for p in signature.parameters.values()]
    return inspect.Signature(bare)


def as_array(who: str, argument: str, value: object) -> Any:
    """`value` as an array of JAX; None for None.

    Raises:
      TypeError: `value` holds no numbers.
    """
    if value is None or isinstance(value, jax.Array):
        return value
    try:
        value = native(value)
    except TypeError as error:
        raise WrongTypeError(f"ops.{who}: `{argument}`: {error}") from None
    if not isinstance(value, str | bytes):
        with contextlib.suppress(TypeError, ValueError):
            return jnp.asarray(value)
    raise WrongTypeError(
        f"ops.{who}: `{argument}`: expected an array or numbers, got {describe(value)}."
    )


def as_arrays(who: str, argument: str, value: Any) -> list[Any]:
    """Each entry of `value` as an array.

    Raises:
      TypeError: `value` is not a sequence.
    """
    if isinstance(value, jax.Array) or not hasattr(value, "__len__"):
        if getattr(value, "ndim", 0) == 0:
            raise WrongTypeError(
                f"ops.{who}: `{argument}`: expected a list of arrays, got {describe(value)}."
            )
    return [as_array(who, argument, item) for item in value]


def as_dtype(who: str, argument: str, value: object) -> Any:
    """The dtype of a name; None for None.

    Raises:
      ValueError: an unknown name; the message suggests the nearest.
    """
    if value is None:
        return None
    try:
        return requested_dtype(value)
    except TypeError:
        hint = nearest(value, DTYPES) if isinstance(value, str) else ""
        raise ValueError(
            f"ops.{who}: `{argument}`: expected a dtype such as 'float32', "
            f"got {describe(value)}.{hint}"
        ) from None


def as_default_dtype(who: str, argument: str, value: object) -> Any:
    """As `as_dtype`; `floatx()` for None."""
    return as_dtype(who, argument, floatx() if value is None else value)


DTYPES = (
    *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
    *("bfloat16", "float16", "float32", "complex64"),
)
"""The dtypes that a misspelt one is compared with."""

CONVERTERS: dict[str, Callable[[str, str, Any], Any]] = {
    "Array": as_array,
    "Arrays": as_arrays,
    "Tree": lambda who, argument, value: without_variables(value),
    "DType": as_dtype,
    "DefaultDType": as_default_dtype,
    "Sizes": known_sizes,
}
"""What is done to an argument with this annotation."""


def has_symbol(*values: Any) -> bool:
    """Whether a symbol of a graph is among the values, or inside lists, tuples and dicts there."""
    symbols = sys.modules.get("jkeras.core.symbols")
    # Without the module of symbols there are none.
    return symbols is not None and bool(symbols.has_symbols(*values))
