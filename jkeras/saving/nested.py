"""Nested values as JSON and named arrays, and the inverse.

`flatten` returns a JSON value and the arrays by name; `rebuild` is its inverse:

- None, booleans, integers, floats and strings are restored bit for bit (NaN and infinity too), and
  so are lists, tuples and dicts with string keys.
- NumPy and JAX arrays are restored as NumPy arrays of the same shape and dtype, random keys
  (`jax.random.key`) as keys of the same implementation, NumPy scalars as arrays without axes.
- Any other object raises an error with its path.

In the JSON value a list is a list, and a dict with one entry is a tagged value:
`{"array": "params/kernel"}`, `{"tuple": [1, 2]}`, `{"dict": {…}}`, `{"float": "nan"}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.global_arrays import is_cut
from jkeras.saving.safetensors_files import Arrays, code_of

DEEPEST = 100
"""Levels of nesting that a value may have."""

_RESERVED = "__metadata__"  # a name that no array can have in a file
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

Nested = Any
"""Dicts with string keys, lists, tuples, None, booleans, numbers, strings, arrays, random keys."""
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What the standard library's `json` writes."""
Path = tuple[str, ...]


def flatten(value: Nested) -> tuple[Any, Arrays]:
    """A nested value as a JSON value, and its arrays.

    Args:
      value: dicts with string keys, lists, tuples, None, booleans, numbers, strings, NumPy and JAX
        arrays, random keys; at most `DEEPEST` levels.

    Returns:
      The value with arrays replaced by their names, and the arrays by name. The name of an array is
      its path, such as `params/dense/kernel`.

    Raises:
      TypeError: `value` contains an object of another type; the message says where.
      ValueError: `value` is nested too deeply.

    Example:
      >>> structure, arrays = flatten({"step": 3, "kernel": np.zeros((2, 3))})
      >>> structure
      {'dict': {'step': 3, 'kernel': {'array': 'kernel'}}}
      >>> arrays["kernel"].shape
      (2, 3)
    """
    arrays: Arrays = {}
    return _flatten(value, (), arrays), arrays


def rebuild(structure: Json, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """The value of which `flatten` returned these two parts.

    Raises:
      ValueError: the two parts do not fit each other; the message says where.

    Example:
      >>> rebuild(*flatten({"best": (1, float("inf"), [None, "auto"])}))
      {'best': (1, inf, [None, 'auto'])}
    """
    left = set(arrays)
    value = _rebuild(structure, (), arrays, left)
    if left:
        raise ValueError(f"nested value: expected a place for every array, {min(left)!r} has none.")
    return value


# -- flattening


def _flatten(value: Nested, path: Path, arrays: Arrays) -> Any:
    if len(path) > DEEPEST:
        raise ValueError(f"nested value: expected at most {DEEPEST} levels, got more.")
    if isinstance(value, np.ndarray | np.generic | jax.Array) and not isinstance(value, np.str_):
        return _array_entry(value, path, arrays)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        value = float(value)
        return value if math.isfinite(value) else {"float": str(value)}
    for kind in (int, str):
        if type(value) is kind:
            return value
    if isinstance(value, dict):
        content = {}
        for key, part in value.items():
            if type(key) is not str:
                raise WrongTypeError(
                    f"nested value{_at(path)}: expected strings as keys, got {describe(key)}. "
                    "Write str(key)."
                )
            content[key] = _flatten(part, (*path, key), arrays)
        return {"dict": content}
    if type(value) in (list, tuple):
        parts = [_flatten(part, (*path, str(i)), arrays) for i, part in enumerate(value)]
        return parts if isinstance(value, list) else {"tuple": parts}
    fix = " Write its fields: value._asdict()." if isinstance(value, tuple) else ""
    raise WrongTypeError(
        f"nested value{_at(path)}: expected None, a number, a string, an array, or a list, tuple "
        f"or dict of these, got {describe(value)}.{fix}"
    )


def _at(path: Path) -> str:
    return f" at {'/'.join(path)!r}" if path else ""


def _array_entry(value: Any, path: Path, arrays: Arrays) -> dict[str, Any]:
    """Adds an array to the named arrays, and returns its tagged entry."""
    is_key = jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    data = jax.random.key_data(value) if is_key else value
    try:
        code_of(data.dtype)
    except TypeError as error:
        raise WrongTypeError(f"nested value{_at(path)}: {error}") from None
    # A number tells apart two paths that read alike: `a/b` may be one key.
    stem = name = "/".join(path) or "value"
    number = 1
    while name in arrays or name == _RESERVED:
        number += 1
        name = f"{stem}#{number}"
    whole: Any = data if is_cut(data) else np.asarray(data)
    arrays[name] = whole
    return {"key": [str(jax.random.key_impl(value)), name]} if is_key else {"array": name}


# -- rebuilding


def _rebuild(structure: Json, path: Path, arrays: Mapping[str, Any], left: set[str]) -> Any:
    if len(path) > DEEPEST:
        raise ValueError(f"nested value: expected at most {DEEPEST} levels, got more.")
    if structure is None or isinstance(structure, bool | int | float | str):
        return structure
    if isinstance(structure, list):
        return [_rebuild(part, (*path, str(i)), arrays, left) for i, part in enumerate(structure)]
    match list(structure.items()):
        case [("dict", dict(content))]:
            items = content.items()
            return {key: _rebuild(part, (*path, key), arrays, left) for key, part in items}
        case [("tuple", list(content))]:
            return tuple(_rebuild(content, path, arrays, left))
        case [("float", str(content))] if content in _FLOATS:
            return _FLOATS[content]
        case [("array", str(content))]:
            return _array_called(content, path, arrays, left)
        case [("key", [str(impl), str(name)])]:
            data = _array_called(name, path, arrays, left)
            try:
                return jax.random.wrap_key_data(jax.numpy.asarray(data), impl=impl)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"nested value{_at(path)}: expected the numbers of a random key of kind "
                    f"{impl!r}, got {describe(data)}."
                ) from error
    raise ValueError(f"nested value{_at(path)}: expected a part of it, got {describe(structure)}.")


def _array_called(name: str, path: Path, arrays: Mapping[str, Any], left: set[str]) -> Any:
    if name not in left:
        known = "was used already" if name in arrays else "is not there"
        raise ValueError(f"nested value{_at(path)}: expected an array {name!r}, which {known}.")
    left.remove(name)
    return arrays[name]
