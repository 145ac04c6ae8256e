"""Hashing: words and whole numbers as bins, without a vocabulary, and crossings of several.

The bins are Keras's: FarmHash's fingerprint of a word, or of the decimal digits of a number; with a
salt SipHash.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.fingerprints import buckets, crossed, fingerprint64
from jkeras.core.fingerprints_in_programs import bins_of_crossing, bins_of_digits
from jkeras.core.layer import Array, option
from jkeras.core.words import holds_words
from jkeras.layers.category_encoding import MODES, dense_only, output_mode
from jkeras.layers.lookup_options import Salt, as_list, hash_key, hashed
from jkeras.layers.on_host import MADE_ON_HOST, OnHost, Shape, as_numbers, counted, float_dtype
from jkeras.layers.options import one_of, optional, positive_int


def _word_or_number(value: object) -> Any:
    if value is not None and not isinstance(value, str | int | float | np.number):
        raise WrongTypeError(f"expected a word, a number or None, got {describe(value)}.")
    return value


def _float_dtype(dtype: np.dtype | None) -> Any:
    return jnp.float32 if dtype is None else dtype


class Hashing(OnHost):
    """The bin of each word or whole number, by a hash that is the same everywhere.

    Words run on the host, before the program of a model that begins with `Input(shape,
    dtype="string")`; numbers in the program itself.

    Shapes: those of `CategoryEncoding`; in the mode "int" int32 of the inputs' shape.

    Args:
      num_bins: the number of bins, that of `mask_value` included.
      mask_value: a word or a number whose bin is 0, in which then is no other.
      salt: the key of SipHash, an integer or two, in place of FarmHash.
      output_mode: "int", "one_hot", "multi_hot" or "count".
      sparse: must be False.

    Example:
      >>> Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
      [[1], [0], [1], [1], [2]]
      >>> Hashing(3, salt=133)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
      [[0], [0], [2], [1], [0]]

    Source: `keras.layers.Hashing`.
    """

    num_bins: int = option(convert=positive_int)
    mask_value: Any = option(default=None, convert=_word_or_number)
    salt: Salt = option(default=None, convert=optional(hash_key), to_config=as_list)
    output_mode: str = option(default="int", convert=output_mode("int", *MODES))
    sparse: bool = option(default=False, convert=dense_only)

    takes_numbers: ClassVar[bool] = True

    def check(self) -> None:
        is_whole = self.dtype is None or self.dtype.kind in "iu"
        if self.output_mode == "int" and not is_whole:
            raise self.value_error(
                "an integer dtype with output_mode='int'", repr(str(self.dtype)), argument="dtype"
            )

    def encoded(self, *inputs: Any) -> np.ndarray:
        (value,) = self.side_by_side_values(inputs)
        if holds_words(value):
            array = self.words_of(value)
        else:
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                raise WrongTypeError(
                    f"{self.who}: expected words or numbers, got {describe(array)}."
                )
            array = array.astype(np.int64)
        return self._bins(array)

    def _bins(self, array: np.ndarray) -> np.ndarray:
        bins, has_mask = self.num_bins, self.mask_value is not None and self.num_bins > 1
        ids = hashed(array.ravel().tolist(), bins - has_mask, self.salt).reshape(array.shape)
        if has_mask:
            ids = np.where(array == self.mask_value, 0, ids + 1)
        return ids.astype(MADE_ON_HOST)

    def ids_of_numbers(self, *inputs: Array) -> Array:
        (numbers,) = self.side_by_side_values(inputs)
        has_mask = self.mask_value is not None and self.num_bins > 1
        whole = numbers.astype(jnp.int32)
        ids = bins_of_digits(whole, self.num_bins - has_mask, self.salt)
        if not has_mask or isinstance(self.mask_value, str):
            return ids + int(has_mask)
        return jnp.where(numbers == self.mask_value, 0, ids + 1)

    def vectors(self, ids: Array) -> Array:
        if self.output_mode == "int":
            return ids if self.dtype is None else ids.astype(self.dtype)
        return counted(ids, self.num_bins, self.output_mode, _float_dtype(self.dtype))


class HashedCrossing(OnHost):
    """The bins of pairs (or longer rows) of features, by a hash of them together.

    It runs where `Hashing` runs: called on a list of features, words or whole numbers, all
    `[batch]` or `[batch, 1]`.

    Args:
      num_bins: the number of bins.
      output_mode: "int", or "one_hot".
      sparse: must be False.

    Example:
      >>> letters, numbers = ["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]
      >>> HashedCrossing(5)([letters, numbers]).tolist()
      [1, 4, 1, 1, 3]

    Source: `keras.layers.HashedCrossing`.
    """

    num_bins: int = option(convert=positive_int)
    output_mode: str = option(default="int", convert=one_of("int", "one_hot"))
    sparse: bool = option(default=False, convert=dense_only)

    takes_numbers: ClassVar[bool] = True
    takes_several: ClassVar[bool] = True

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, as Keras's HashedCrossing takes them."""
        config = super().get_config()
        if config["trainable"]:
            del config["trainable"]
        return config

    def side_by_side_values(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        given = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], list | tuple) else inputs
        if len(given) < 2:
            raise value_error(
                who=self.who,
                expected="a list of at least two features",
                got=describe(inputs[0]) if inputs else "none",
                fix="Write layer([a, b]).",
            )
        return tuple(given)

    def encoded(self, *inputs: Any) -> np.ndarray:
        features = [self._feature(x) for x in self.side_by_side_values(inputs)]
        return self._bins([array for array, _ in features], [hashes for _, hashes in features])

    def _feature(self, value: object) -> tuple[np.ndarray, np.ndarray]:
        """A feature as an array, and its fingerprints."""
        if not holds_words(value):
            array = as_numbers(self.who, value)
            return array, array.ravel().view(np.uint64)
        array = self.words_of(value)
        distinct: dict[str, int] = {}
        places = [distinct.setdefault(word, len(distinct)) for word in array.ravel().tolist()]
        return array, fingerprint64([word.encode() for word in distinct])[places]

    def _bins(self, arrays: list[np.ndarray], hashes: list[np.ndarray]) -> np.ndarray:
        shapes = [array.shape for array in arrays]
        self._check_shapes(shapes)
        ids = buckets(crossed(hashes), self.num_bins)
        return ids.reshape(shapes[0]).astype(MADE_ON_HOST)

    def _check_shapes(self, shapes: list[Any]) -> None:
        first = tuple(shapes[0])
        if any(tuple(shape) != first for shape in shapes):
            raise self.value_error("features of one shape", ", ".join(map(str, shapes)))
        if len(first) > 2 or (len(first) == 2 and first[1] not in (1, None)):
            raise self.value_error("features of shape [batch] or [batch, 1]", f"shape {first}")

    def encoded_shape(self, *shapes: Shape) -> Shape:
        self._check_shapes(list(shapes))
        return shapes[0]

    def ids_of_numbers(self, *inputs: Array) -> Array:
        arrays = self.side_by_side_values(inputs)
        self._check_shapes([x.shape for x in arrays])
        if any(x.dtype.kind not in "biu" for x in arrays):
            kinds = ", ".join(str(x.dtype) for x in arrays)
            raise WrongTypeError(f"{self.who}: expected words or integers, got {kinds}.")
        return bins_of_crossing(arrays, self.num_bins)

    def vectors(self, ids: Array) -> Array:
        if self.output_mode == "int":
            return ids
        dtype = float_dtype(self.dtype)
        return counted(ids, self.num_bins, "one_hot", dtype)
