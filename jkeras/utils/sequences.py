"""`pad_sequences`: sequences of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.typing import DTypeLike

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.utils.datasets import checked_count

if TYPE_CHECKING:
    pass

_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> np.ndarray:
    """Sequences padded, or truncated, to one length.

    Args:
      sequences: a list of sequences, of numbers or of arrays of one shape.
      maxlen: the length of the result; that of the longest sequence when left out.
      dtype: the dtype of the result; `object` for strings of any length.
      padding: "pre" or "post", the side on which shorter sequences are padded.
      truncating: "pre" or "post", the side on which longer sequences are truncated.
      value: the padding value.

    Returns:
      `[sequences, maxlen, ...]`.

    Raises:
      TypeError: `sequences` is not a list of sequences.
      ValueError: another word for a side, entries of different shapes, or text in numbers.

    Example:
      >>> pad_sequences([[1], [2, 3, 4]], maxlen=2).tolist()
      [[0, 1], [3, 4]]

    Source: `keras.utils.pad_sequences`.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            hint = nearest(side, _SIDES) if isinstance(side, str) else ""
            raise ValueError(
                f"pad_sequences: `{name}`: expected 'pre' or 'post', got {side!r}.{hint}"
            )
    lengths = _lengths(sequences)
    if maxlen is not None:
        maxlen = checked_count("pad_sequences", "maxlen", maxlen, least=1)
    size = max(lengths, default=0) if maxlen is None else maxlen
    if isinstance(value, str) and np.dtype(dtype).kind not in "USO":
        raise ValueError(
            f"pad_sequences: `value`: expected a number for the dtype {dtype!r}, got {value!r}. "
            "For text pass dtype=object."
        )
    filled = next((item for item in sequences if len(item)), ())
    inner = np.asarray(filled).shape[1:]
    result = np.full((len(lengths), size, *inner), value, dtype)
    for i, sequence in enumerate(sequences):
        if len(sequence):
            part = np.asarray(sequence[-size:] if truncating == "pre" else sequence[:size], dtype)
            if part.shape[1:] != inner:
                raise ValueError(
                    f"pad_sequences: `sequences`: expected entries of shape {inner}, as in the "
                    f"first, got {part.shape[1:]} at position {i}."
                )
            start = size - len(part) if padding == "pre" else 0
            result[i, start : start + len(part)] = part
    return result


def _lengths(sequences: Sequence[Any]) -> list[int]:
    if not hasattr(sequences, "__len__") or isinstance(sequences, str):
        raise WrongTypeError(
            f"pad_sequences: `sequences`: expected a list of sequences, got {describe(sequences)}."
        )
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise WrongTypeError(
                "pad_sequences: `sequences`: expected a list of sequences, got "
                f"{describe(sequence)} at position {i}. For a single sequence write [sequence]."
            )
    return [len(sequence) for sequence in sequences]
