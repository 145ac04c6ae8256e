"""TensorFlow Serving's JSON form: requests as arrays, and arrays as answers.

`{"instances": [example, …]}` is the row form: an example is the array of the one input, or a dict
of arrays by input. `{"inputs": …}` is the column form: the batch of the one input, or a dict of
batches. The answers are `{"predictions": [example, …]}` and `{"outputs": …}`.

Source: https://www.tensorflow.org/tfx/serving/api_rest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import describe, nearest
from jkeras.export import TensorSpec
from jkeras.serving.servable import Servable

SIGNATURE = "serving_default"
FORMS = {"instances": "predictions", "inputs": "outputs"}


class RequestError(ValueError):
    """A request that cannot be answered; the message says why."""


def read_request(body: bytes, servable: Servable) -> tuple[str, list[np.ndarray]]:
    """The form of a request, and its arrays in the order of the model's inputs.

    Raises:
      RequestError: it is no JSON of either form, or not what the model takes.
    """
    content = _parsed(body)
    if not isinstance(content, dict):
        _refuse("the body", 'a dict with "instances" or "inputs"', _kind(content))
    known = [*FORMS, "signature_name"]
    for word in content:
        if word not in known:
            _refuse("the body", ", ".join(map(repr, known)), repr(word), nearest(word, known))
    signature = content.get("signature_name", SIGNATURE)
    if signature not in (SIGNATURE, ""):
        _refuse("signature_name", repr(SIGNATURE), describe(signature))
    forms = [form for form in FORMS if form in content]
    if len(forms) != 1:
        _refuse("the body", 'one of "instances" and "inputs"', "both" if forms else "neither")
    form, specs = forms[0], servable.inputs
    given = content[form]
    columns = _columns(given, specs) if form == "inputs" else _rows(given, specs)
    arrays = [as_array(columns[spec.name], spec) for spec in specs]
    if servable.has_rows and len({len(array) for array in arrays}) > 1:
        got = ", ".join(f"{s.name}: {len(a)}" for s, a in zip(specs, arrays, strict=True))
        _refuse(form, "inputs with the same number of examples", got)
    _check_axes(form, arrays, specs)
    return form, arrays


def written_answer(form: str, outputs: Sequence[np.ndarray], specs: Sequence[TensorSpec]) -> bytes:
    """The answer for a request of a form.

    Raises:
      ValueError: an output holds NaN or infinity, which JSON cannot.
    """
    for spec, array in zip(specs, outputs, strict=True):
        if jnp.issubdtype(array.dtype, jnp.floating) and not np.isfinite(array).all():
            raise ValueError(
                f"the output {spec.name!r} of the model holds NaN or infinity, which JSON cannot."
            )
    listed = [_plain(array).tolist() for array in outputs]
    names = [spec.name for spec in specs]
    content: Any = listed[0]
    if len(names) > 1 and form == "inputs":
        content = dict(zip(names, listed, strict=True))
    elif len(names) > 1:
        content = [dict(zip(names, row, strict=True)) for row in zip(*listed, strict=True)]
    return json.dumps({FORMS[form]: content}, allow_nan=False).encode()


def _plain(array: np.ndarray) -> np.ndarray:
    is_narrow = array.dtype.name in ("bfloat16", "float16")
    return array.astype(np.float32) if is_narrow else array


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        _refuse("the body", "JSON with lists in few lists", "deeper nesting")
    except RequestError:
        raise
    except ValueError as error:  # of Unicode and of JSON, both
        got = f"{error}" if body else "nothing"
        _refuse("the body", "JSON", got)


def _no_constant(word: str) -> NoReturn:
    _refuse("the body", "finite numbers, as JSON has them", word)


def _rows(given: object, specs: Sequence[TensorSpec]) -> dict[str, Any]:
    """The row form as columns."""
    if not isinstance(given, list):
        _refuse("instances", "a list of examples", _kind(given))
    if len(specs) == 1 and not any(isinstance(example, dict) for example in given):
        return {specs[0].name: given}
    columns: dict[str, list[Any]] = {spec.name: [] for spec in specs}
    for number, example in enumerate(given):
        _check_names(f"instances[{number}]", example, columns)
        for name, column in columns.items():
            column.append(example[name])
    return columns


def _columns(given: Any, specs: Sequence[TensorSpec]) -> dict[str, Any]:
    if len(specs) == 1 and not isinstance(given, dict):
        return {specs[0].name: given}
    _check_names("inputs", given, {spec.name: None for spec in specs})
    return dict(given)


def _check_names(where: str, given: object, names: Mapping[str, Any]) -> None:
    expected = f"a dict with {', '.join(map(repr, names))}"
    if not isinstance(given, dict):
        _refuse(where, expected, _kind(given))
    for name in given:
        if name not in names:
            _refuse(where, expected, repr(name), nearest(name, list(names)))
    for name in names:
        if name not in given:
            _refuse(where, expected, f"no {name!r}")


def as_array(value: object, spec: TensorSpec) -> np.ndarray:
    """A list as the array of an input.

    Raises:
      RequestError: its shape, its kind or its numbers are not those of the input.
    """
    where, shape = f"input {spec.name!r}", tuple(spec.shape)
    expected = f"numbers of shape {_shown(shape)}"
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        _refuse(where, expected, "lists of different lengths")
    if array.size == 0 and array.shape[:1] == (0,) and len(shape) and not isinstance(shape[0], int):
        return np.zeros((0, *(n if isinstance(n, int) else 1 for n in shape[1:])), spec.dtype)
    if array.dtype == object:
        _refuse(where, expected, "values that are no numbers (or lists of different lengths)")
    fits = array.ndim == len(shape) and all(
        not isinstance(n, int) or n == size or axis == 0
        for axis, (n, size) in enumerate(zip(shape, array.shape, strict=False))
    )
    if not fits:
        _refuse(where, expected, f"shape {array.shape}")
    return _cast(where, array, spec)


def _cast(where: str, array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    if spec.dtype == "str":
        if array.dtype.kind != "U":
            _refuse(where, "strings", f"{array.dtype.name} values")
        return array.astype(object)
    dtype = jnp.dtype(spec.dtype)
    kinds = "b" if spec.dtype == "bool" else "iuf"
    if array.dtype.kind not in kinds:
        _refuse(where, f"{spec.dtype} values", f"{_KINDS.get(array.dtype.kind, 'other')} values")
    if jnp.issubdtype(dtype, jnp.integer):
        bounds = jnp.iinfo(dtype)
        low, high = bounds.min, bounds.max if spec.limit is None else spec.limit - 1
        whole = array.dtype.kind in "iu" or bool(np.all(array == np.floor(array)))
        if not whole:
            _refuse(where, "whole numbers", "fractions")
        if array.size and not (low <= array.min() and array.max() <= high):
            low = low if spec.limit is None else 0
            _refuse(where, f"numbers from {low} to {high}", f"{array.min()} to {array.max()}")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if jnp.issubdtype(dtype, jnp.floating) and not np.isfinite(cast).all():
        _refuse(where, f"finite numbers of {spec.dtype}", "larger ones")
    return cast


_KINDS = {"b": "bool", "U": "string", "f": "float", "i": "integer", "u": "integer"}


def _check_axes(form: str, arrays: Sequence[np.ndarray], specs: Sequence[TensorSpec]) -> None:
    """Raises where axes of one name have two sizes."""
    sizes: dict[str, int] = {}
    for array, spec in zip(arrays, specs, strict=True):
        for n, size in zip(spec.shape, array.shape, strict=True):
            if isinstance(n, str) and n.isidentifier() and sizes.setdefault(n, size) != size:
                got = f"{sizes[n]} and {size}"
                _refuse(form, f"one size of the axis {n!r} in all inputs", got)


def _shown(shape: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that is not finite"
    kinds = {"dict": "a dict", "list": "a list", "str": "a string"}
    return kinds.get(type(value).__name__, "a number")


def _refuse(where: str, expected: str, got: str, fix: str = "") -> NoReturn:
    raise RequestError(f"{where}: expected {expected}, got {got}.{fix}")
