"""`IntegerLookup`: the ids of whole numbers in a vocabulary."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError
from jkeras.core.layer import Array, option
from jkeras.layers.category_encoding import dense_only
from jkeras.layers.lookup import Lookup
from jkeras.layers.lookup_options import (
    Salt,
    as_list,
    given_weights,
    hash_key,
    lookup_mode,
    most_tokens,
    vocabulary_option,
)
from jkeras.layers.on_host import MADE_ON_HOST, as_numbers
from jkeras.layers.options import count, one_of, optional


def _integer_or_none(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"expected an integer or None, got {value!r}.")
    return int(value)


class IntegerLookup(Lookup):
    """The ids of whole numbers in a vocabulary, or vectors that count them.

    Unlike words, numbers may be inputs of programs: in a model it runs in the program.

    Args:
      max_tokens: the largest size of the vocabulary, special tokens included; None for any.
      num_oov_indices: how many ids numbers have that are not in the vocabulary; with 0 such a
        number raises where the layer is called on arrays, and in a program has the id -1.
      mask_token: a number that stands for none: id 0, or in other modes than "int" nothing.
      oov_token: what an inverse lookup gives for ids without a number.
      vocabulary: the numbers: a list, an array, or the path of a file with one in each line.
      vocabulary_dtype: "int64"; the numbers are those of Python.
      idf_weights: for the mode "tf_idf", a weight for each number of `vocabulary`.
      invert: from ids to numbers.
      output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
      sparse: must be False.
      pad_to_max_tokens: whether vectors have `max_tokens` entries, however many numbers there are.
      oov_method: what chooses one of several ids of unknown numbers: "floormod", the remainder, or
        "farmhash", a hash of the digits, outside of programs.
      salt: the key of that hash, an integer or two.

    Raises:
      ValueError: arguments that exclude each other.

    Example:
      >>> lookup = IntegerLookup(vocabulary=[12, 36])
      >>> lookup([[36, 12, 7]]).tolist(), lookup.get_vocabulary()
      ([[2, 1, 0]], [-1, 12, 36])

    Source: `keras.layers.IntegerLookup`.
    """

    max_tokens: int | None = option(default=None, convert=optional(most_tokens))
    num_oov_indices: int = option(default=1, convert=count)
    mask_token: int | None = option(default=None, convert=_integer_or_none)
    oov_token: int | None = option(default=-1, convert=_integer_or_none)
    vocabulary: Any = vocabulary_option()
    vocabulary_dtype: str = option(default="int64", convert=one_of("int64"))
    idf_weights: Any = option(default=None, convert=optional(given_weights), to_config=as_list)
    invert: bool = option(default=False, convert=bool)
    output_mode: str = option(default="int", convert=lookup_mode)
    sparse: bool = option(default=False, convert=dense_only)
    pad_to_max_tokens: bool = option(default=False, convert=bool)
    oov_method: str = option(default="floormod", convert=one_of("floormod", "farmhash"))
    salt: Salt = option(default=None, convert=optional(hash_key), to_config=as_list)
    known_size: int | None = option(
        default=None, convert=optional(count), kw_only=True, is_internal=True
    )

    takes_words: ClassVar[bool] = False
    takes_numbers: ClassVar[bool] = True

    def check(self) -> None:
        super().check()
        if self.salt is not None and self.oov_method != "farmhash":
            raise self.value_error(
                "oov_method='farmhash' with `salt`", repr(self.oov_method), argument="oov_method"
            )

    def _typed(self, tokens: list[Any]) -> list[Any]:
        try:
            return [int(token) for token in tokens]
        except (TypeError, ValueError):
            raise WrongTypeError(f"expected integers, got {tokens[:8]!r}.") from None

    def tokens_in(self, data: object) -> np.ndarray:
        return as_numbers(self.who, data)

    def inverted(self, ids: np.ndarray) -> Any:
        return jnp.asarray(super().inverted(ids).astype(np.int64))

    def encoded(self, *inputs: Any) -> np.ndarray:
        numbers = as_numbers(self.who, self.side_by_side_values(inputs)[0])
        ids = self.ids_of_tokens(numbers.ravel().tolist())
        return ids.reshape(numbers.shape)

    def _oov_ids(self, tokens: list[Any]) -> np.ndarray:
        if self.num_oov_indices and self.oov_method == "floormod":
            return np.asarray(tokens, np.int64) % self.num_oov_indices + self.oov_start
        return super()._oov_ids(tokens)

    def ids_of_numbers(self, *inputs: Array) -> Array:
        (numbers,) = self.side_by_side_values(inputs)
        if self.num_oov_indices > 1 and self.oov_method == "farmhash":
            raise self.value_error(
                "oov_method='floormod' in a model",
                repr(self.oov_method),
                fix="Call the layer on the numbers first, and the model on the ids.",
                argument="oov_method",
            )
        numbers = numbers.astype(jnp.int32)
        ids = self._oov_in_program(numbers)
        tokens = np.asarray(() if self.found is None else self.found.tokens, np.int64)
        fits = np.abs(tokens) < 2**31  # others are no inputs of a program
        order = np.argsort(tokens)
        order = order[fits[order]]
        if order.size:
            known = jnp.asarray(tokens[order].astype(np.int32))
            at = jnp.minimum(jnp.searchsorted(known, numbers), len(order) - 1)
            own = jnp.asarray((order + self.token_start).astype(np.int32))
            ids = jnp.where(known[at] == numbers, own[at], ids)
        if self.mask_token is not None:
            masked = np.asarray(self.masked_id, MADE_ON_HOST).astype(np.int32)
            ids = jnp.where(numbers == self.mask_token, masked, ids)
        return ids

    def _oov_in_program(self, numbers: Array) -> Array:
        if not self.num_oov_indices:
            return jnp.full(numbers.shape, -1, jnp.int32)
        return numbers % self.num_oov_indices + self.oov_start

    def check_values(self, numbers: np.ndarray) -> None:
        """Raises for a number outside of the vocabulary, where such a one has no id."""
        if self.num_oov_indices == 0 and self.found is not None:
            self.ids_of_tokens(np.asarray(numbers).ravel().tolist())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}

    def _typed_lines(self, lines: list[str]) -> list[Any]:
        return [int(line) for line in lines]
