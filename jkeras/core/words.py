"""Words: what users give as strings, as NumPy arrays of Python's strings.

Lists, arrays of any kind of string, columns of pandas, polars and Arrow, and tensors of TensorFlow
give arrays of dtype object whose entries are `str`.
"""

from __future__ import annotations

import codecs
from typing import Any

import numpy as np

from jkeras.core import columns
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import WORDS


def holds_words(value: Any) -> bool:
    """Whether a value is a string, or holds strings, as far as its first entry tells.

    Example:
      >>> holds_words(["a"]), holds_words(np.array([b"a"])), holds_words([[1, 2]])
      (True, True, False)
    """
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, str | bytes):
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind == "O" and getattr(value, "size", 0) and not hasattr(value, "to_numpy"):
        return isinstance(np.asarray(value).flat[0], str | bytes)
    if kind in ("U", "S", "T"):
        return True
    if columns.is_table(value):
        pairs = columns.columns_of(value)
        return bool(pairs) and holds_words(pairs[0][1])
    if hasattr(value, "to_numpy") or hasattr(value, "to_pylist"):
        listed = value[:1].to_pylist() if hasattr(value, "to_pylist") else list(value[:1])
        return holds_words(listed)
    return type(value).__module__.startswith("tensorflow") and "string" in str(value.dtype)


def as_words(value: object, encoding: str = "utf-8") -> np.ndarray:
    """Words as an array of Python's strings, in the shape they were given in.

    Args:
      value: a string, bytes, a list of these, an array, a column, a table or a tensor.
      encoding: that of bytes.

    Raises:
      TypeError: there is something else than strings among them; the message gives its place.

    Example:
      >>> as_words([["a", b"b"]])
      array([['a', 'b']], dtype=object)
    """
    array = _as_objects(value)
    flat = array.ravel().tolist()
    kinds = set(map(type, flat))
    if kinds <= {str}:
        return array
    if bytes in kinds or np.bytes_ in kinds:
        decode = codecs.lookup(encoding).decode
        flat = [decode(word)[0] if isinstance(word, bytes) else word for word in flat]
    odd = next((i for i, word in enumerate(flat) if not isinstance(word, str)), None)
    if odd is not None:
        gap = flat[odd] is None or flat[odd] != flat[odd]
        fix = " Fill the gaps with a word, such as ''." if gap else ""
        raise WrongTypeError(f"expected strings, got {_shown(flat[odd])} at index {odd}.{fix}")
    words = np.empty(len(flat), WORDS)
    words[:] = [str(word) for word in flat]
    return words.reshape(array.shape)


def _shown(value: object) -> str:
    return describe(value) if isinstance(value, list | tuple | np.ndarray) else repr(value)


def _as_objects(value: object) -> np.ndarray:
    """An array of dtype object with the shape of what was given."""
    if columns.is_table(value):
        value = np.column_stack([_as_objects(column) for _, column in columns.columns_of(value)])
    elif hasattr(value, "to_pylist"):
        value = value.to_pylist()
    elif hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, str | bytes):
        single = np.empty((), WORDS)
        single[()] = value
        return single
    if isinstance(value, np.ndarray):
        return value.astype(WORDS)
    try:
        return np.array(value, WORDS)
    except ValueError:  # lists of several lengths
        raise WrongTypeError(
            "expected strings in lists of one length, got lists of several lengths. Fill them up "
            "with a word that stands for nothing, such as ''."
        ) from None
