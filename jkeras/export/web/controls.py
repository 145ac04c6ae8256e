"""What a page shows for a model: a control for each input, and a view of each output.

An input that looks like a grey image becomes a canvas to draw on, one of colors a picture or the
camera, a row of numbers a form with a field for each, ids and everything else a text box. An output
that a sigmoid or a softmax gives is shown as bars, as are logits that have labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jax.extend.core import Jaxpr

from jkeras.core.errors import value_error
from jkeras.export.inference import Inference, TensorSpec
from jkeras.layers import Normalization, Rescaling

OPEN_IMAGE = 224
"""Pixels of a side that the model leaves open."""

SMALLEST_IMAGE = 8
"""Arrays with shorter sides are taken for tables, not images."""

MOST_FIELDS = 64
"""Rows with more numbers get a text box instead of a form."""

_PROBABILITIES = ("logistic", "div")
"""What sigmoid and softmax end with."""

_SAME_NUMBERS = ("convert_element_type", "reshape", "squeeze", "copy", "transpose")

Labels = Sequence[str] | Mapping[str, Sequence[str]] | None


def input_control(
    spec: TensorSpec,
    *,
    pixels: float,
    columns: Sequence[str] | None,
    vocabulary: Sequence[str] | None,
    alone: bool,
) -> dict[str, Any]:
    """The control for an input, as the page's script reads it.

    Args:
      spec: of the input.
      pixels: the value of a white pixel.
      columns: the names of the numbers of a row.
      vocabulary: the words whose indices the token ids are.
      alone: whether the model has no other input.
    """
    shape = [n if isinstance(n, int) else None for n in spec.shape[1:]]
    integer = np.issubdtype(np.dtype(spec.dtype), np.integer)
    control: dict[str, Any] = {
        "name": spec.name,
        "title": _title(spec.name, alone),
        "dtype": spec.dtype,
        "shape": shape,
        "integer": bool(integer),
    }
    if image := _image(shape):
        rows, columns_of_pixels, channels, first = image
        size = [n or OPEN_IMAGE for n in (rows, columns_of_pixels)]
        grey_and_square = channels == 1 and size[0] == size[1]
        whole = {None: size, 1: [*size, 1]}.get(channels if len(shape) == 3 else None)
        return control | {
            "kind": "drawing" if grey_and_square else "picture",
            "title": control["title"] if not alone else "Drawing" if grey_and_square else "Picture",
            "size": size,
            "channels": channels,
            "channelsFirst": first,
            "range": 255 if integer else pixels,
            "shape": [channels, *size] if first else whole or [*size, channels],
        }
    if vocabulary is None and len(shape) <= 1 and None not in shape and not _ids(shape, integer):
        count = math.prod(n or 1 for n in shape)
        if count <= MOST_FIELDS:
            names = list(columns or [f"Feature {i + 1}" for i in range(count)])
            if len(names) != count:
                raise value_error(
                    who="export", argument="columns", expected=f"{count} names", got=str(len(names))
                )
            return control | {"kind": "table", "columns": names}
    return control | {
        "kind": "text",
        "vocabulary": None if vocabulary is None else list(vocabulary),
        "hint": _hint(shape, bool(integer), vocabulary is not None),
    }


def _title(name: str, alone: bool) -> str:
    return "Input" if alone else name.replace("_", " ").capitalize()


def _ids(shape: Sequence[int | None], integer: bool) -> bool:
    """Whether the numbers are token ids, which stand in one line."""
    return integer and len(shape) == 1 and shape != [1]


def _image(
    shape: Sequence[int | None],
) -> tuple[int | None, int | None, int, bool] | None:
    """Height, width, channels, and whether the channels stand first; None for another array."""

    def is_side(n: int | None) -> bool:
        return n is None or n >= SMALLEST_IMAGE

    if len(shape) == 3 and shape[2] in (1, 3) and is_side(shape[0]) and is_side(shape[1]):
        return shape[0], shape[1], shape[2], False
    if len(shape) == 3 and shape[0] in (1, 3) and is_side(shape[1]) and is_side(shape[2]):
        return shape[1], shape[2], shape[0], True
    if len(shape) == 2 and shape[0] == shape[1] and (shape[0] or 0) >= 16:
        return shape[0], shape[1], 1, False
    return None


def _hint(shape: Sequence[int | None], integer: bool, words: bool) -> str:
    what = "Words" if words else "Whole numbers" if integer else "Numbers"
    known = " × ".join("any number" if n is None else str(n) for n in shape)
    if len(shape) == 1 and shape[0] is not None and (integer or words):
        return f"{what}, separated by spaces; up to {known}, the rest is filled with 0."
    if len(shape) == 1 and shape[0] is None:
        return f"{what}, separated by spaces."
    return f"{what}, separated by spaces or lines: {known or 1}."


def white_pixel(inference: Inference) -> float:
    """The value of a white pixel: 255 for a model that scales pixels itself, else 1."""
    for layer in getattr(inference.net, "layers", ()):
        if isinstance(layer, Rescaling) and np.max(np.asarray(layer.scale)) < 0.05:
            return 255.0
        if isinstance(layer, Normalization) and layer.mean is not None and np.max(layer.mean) > 2:
            return 255.0
    return 1.0


def output_views(inference: Inference, labels: Labels, logits: bool | None) -> list[dict[str, Any]]:
    """A view of each output, as the page's script reads it.

    Args:
      inference: the model; one without `net`, from a file, is judged by its outputs alone.
      labels: of the classes; for several outputs by the output's name.
      logits: whether outputs of several classes are logits; None: those with labels, unless they
        are probabilities.
    """
    known = inference.net is not None
    sizes = inference.sizes[-1] if known else dict.fromkeys(inference.open_axes, 16)
    results = inference(*inference.example(sizes))
    ends = _ends(inference.traced(sizes)[0].jaxpr) if known else len(results) * _PROBABILITIES
    views = []
    for spec, values, end in zip(inference.outputs, results, ends, strict=False):
        probable = end in _PROBABILITIES and bool(np.all((values >= 0) & (values <= 1)))
        named = labels.get(spec.name) if isinstance(labels, Mapping) else labels
        view = {"name": spec.name, "title": spec.name.replace("_", " ").capitalize()}
        views.append(view | _view(spec, probable, named, logits))
    return views


def _ends(jaxpr: Jaxpr) -> list[str]:
    """For each output the name of the operation that it is the result of."""
    return [_last_operation(jaxpr, variable) for variable in jaxpr.outvars]


def _last_operation(jaxpr: Jaxpr, variable: object) -> str:
    """The name of the operation that an output is the result of; "" for none."""
    for equation in reversed(jaxpr.eqns):
        if variable in equation.outvars:
            inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
            if inner is not None:
                inner = getattr(inner, "jaxpr", inner)
                return _last_operation(inner, inner.outvars[equation.outvars.index(variable)])
            if equation.primitive.name in _SAME_NUMBERS:
                return _last_operation(jaxpr, equation.invars[0])
            return equation.primitive.name
    return ""


def _view(
    spec: TensorSpec, probable: bool, labels: Sequence[str] | None, logits: bool | None
) -> dict[str, Any]:
    classes = spec.shape[-1] if len(spec.shape) == 2 else None
    if isinstance(classes, int) and (classes > 1 or probable):
        if labels is not None and len(labels) != classes:
            raise value_error(
                who="export",
                argument="labels",
                expected=f"{classes} labels for the output {spec.name!r}",
                got=f"{len(labels)}",
            )
        scaled = (labels is not None and not probable) if logits is None else logits
        if probable or scaled:
            default = [str(i) for i in range(classes)] if classes > 1 else [spec.name]
            return {"kind": "bars", "labels": list(labels or default), "logits": bool(scaled)}
    if len(spec.shape) == 4 and spec.shape[-1] in (1, 3):
        return {"kind": "image"}
    return {"kind": "numbers"}
