"""The arguments of lookups and hashes, the data they adapt to, and the bins of tokens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.fingerprints import buckets, fingerprint64, keyed_hash
from jkeras.core.layer import option
from jkeras.core.words import as_words, holds_words
from jkeras.layers.options import one_of, optional, positive_int
from jkeras.layers.vocabulary import tokens_of

LOOKUP_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLDER = {"binary": "multi_hot", "tf-idf": "tf_idf"}
_known_mode = one_of(*LOOKUP_MODES)

Salt = tuple[int, int] | None


def lookup_mode(value: object) -> str:
    """An output mode; "binary" and "tf-idf" are older names."""
    mode: str = _known_mode(_OLDER.get(value, value) if isinstance(value, str) else value)
    return mode


def most_tokens(value: object) -> int:
    """`value` as an integer above 1."""
    tokens = positive_int(value)
    if tokens == 1:
        raise ValueError("expected an integer above 1, got 1.")
    return tokens


def hash_key(value: Any) -> tuple[int, int]:
    """The key of a hash: two integers, or one for both."""
    pair = (value, value) if isinstance(value, int | np.integer) else value
    is_pair = isinstance(pair, list | tuple) and len(pair) == 2
    if not is_pair or not all(isinstance(part, int | np.integer) for part in pair):
        raise ValueError(f"expected an integer, or a list of two, got {value!r}.")
    return int(pair[0]), int(pair[1])


def as_list(value: object) -> Any:
    """A tuple as the list that a configuration has."""
    return list(value) if isinstance(value, tuple) else value


def given_vocabulary(value: object) -> Any:
    """The argument `vocabulary` as a tuple of tokens, or a path."""
    tokens = tokens_of(value)
    return tokens if isinstance(tokens, str) else tuple(tokens)


def given_weights(value: object) -> tuple[float, ...]:
    """The argument `idf_weights` as a tuple."""
    array = np.asarray(value, np.float64)
    if array.ndim != 1:
        raise ValueError(f"expected a list of numbers, got {describe(array)}.")
    return tuple(array.tolist())


def in_config(value: object) -> Any:
    """A vocabulary as a configuration has it: one of a file lies beside."""
    return None if isinstance(value, str) else as_list(value)


def vocabulary_option() -> Any:
    """The field `vocabulary`."""
    return option(default=None, convert=optional(given_vocabulary), to_config=in_config)


def hashed(tokens: Sequence[Any], bins: int, key: Salt) -> np.ndarray:
    """The bins of tokens by their hash; integers count as their decimal digits."""
    distinct: dict[Any, int] = {}
    places = [distinct.setdefault(token, len(distinct)) for token in tokens]
    texts = [str(token).encode() for token in distinct]
    hashes = fingerprint64(texts) if key is None else keyed_hash(texts, key)
    return buckets(hashes, bins)[places]


def batches_of_words(data: Any, steps: int | None) -> Iterator[Any]:
    """The batches of what `adapt` reads: lists, arrays and columns are one batch, with an axis of
    one token where they have rank 1; others are iterables of batches, `(x, ...)` or `x`.
    """
    is_batch = isinstance(data, list | tuple | str | bytes) or hasattr(data, "dtype")
    if is_batch or any(hasattr(data, name) for name in ("to_numpy", "to_pylist", "columns")):
        batch = as_words(data) if holds_words(data) else np.asarray(data)
        yield batch[:, None] if batch.ndim == 1 else batch
        return
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise WrongTypeError(
            f"adapt: `data`: expected a list, an array or an iterable of batches, got "
            f"{describe(data)}."
        )
    elements = iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
    for element in itertools.islice(elements, steps):
        is_pair = isinstance(element, tuple) and element and not isinstance(element[0], str | bytes)
        yield element[0] if is_pair else element
