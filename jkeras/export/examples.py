"""Representative data: what a model is measured on before its numbers become smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jkeras.core.errors import value_error
from jkeras.export.inference import Inference


def examples(who: str, inference: Inference, data: Any) -> list[np.ndarray] | None:
    """Representative data as one array for each input, in its dtype.

    Args:
      who: how messages name the export.
      inference: the model.
      data: an array, a list of one for each input, a dict by name, or None.

    Raises:
      ValueError: there is not one array of numbers for each input, or its shape is another.
    """
    if data is None:
        return None
    names = [spec.name for spec in inference.inputs]
    if isinstance(data, Mapping):
        data = [data[name] for name in names if name in data]
    listed: Sequence[Any] = data if isinstance(data, list | tuple) else [data]
    arrays = [np.asarray(array) for array in listed]
    fits = len(arrays) == len(names) and all(
        array.dtype.kind in "biufV" and _fits(array.shape, spec.shape)
        for array, spec in zip(arrays, inference.inputs, strict=True)
    )
    if not fits:
        shapes = ", ".join(f"{array.dtype} of shape {array.shape}" for array in arrays)
        raise value_error(
            who=who,
            argument="representative_data",
            expected=f"an array of examples for each input ({', '.join(names)})",
            got=shapes or "none",
        )
    return [array.astype(spec.dtype) for array, spec in zip(arrays, inference.inputs, strict=True)]


def _fits(shape: tuple[int, ...], expected: Sequence[int | str]) -> bool:
    """Whether an array has the sizes that an input has, behind the first axis."""
    sizes = zip(shape[1:], expected[1:], strict=False)
    return len(shape) == len(expected) and all(isinstance(m, str) or n == m for n, m in sizes)
