"""`StringLookup`: the ids of words in a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import option
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
from jkeras.layers.options import count, one_of, optional


def word_or_none(value: object) -> str | None:
    """`value` as a string; None stays."""
    if isinstance(value, bytes):
        return value.decode()
    if value is not None and not isinstance(value, str):
        raise WrongTypeError(f"expected a string or None, got {describe(value)}.")
    return value


class StringLookup(Lookup):
    """The ids of words in a vocabulary, or vectors that count them.

    It runs on the host: called on words it gives ids at once, and in a model that begins with
    `Input(shape, dtype="string")` it runs before the program, in `fit`, `evaluate` and `predict`.

    Modes and shapes, for words `[batch, words]`: "int", int32 ids `[batch, words]`; "one_hot",
    `[batch, words, size]`, or `[batch, size]` for one word per example; "multi_hot", "count" and
    "tf_idf", `[batch, size]`. Vectors are float32.

    Args:
      max_tokens: the largest size of the vocabulary, special tokens included; None for any.
      num_oov_indices: how many ids words have that are not in the vocabulary; from 2 on a hash
        chooses one, with 0 such a word raises.
      mask_token: a word that stands for none: id 0, or in other modes than "int" nothing.
      oov_token: what an inverse lookup gives for ids without a word.
      vocabulary: the words: a list, an array, or the path of a file with one in each line.
      idf_weights: for the mode "tf_idf", a weight for each word of `vocabulary`.
      invert: from ids to words: an array of strings, outside of models.
      output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
      pad_to_max_tokens: whether vectors have `max_tokens` entries, however many words there are.
      sparse: must be False.
      encoding: that of bytes.
      salt: the key of the hash of unknown words, an integer or two.
      oov_method: "floormod" or "farmhash", which are the same for words.

    Raises:
      ValueError: arguments that exclude each other.

    Example:
      >>> lookup = StringLookup(vocabulary=["a", "b"])
      >>> lookup([["b", "a", "?"]]).tolist(), lookup.get_vocabulary()
      ([[2, 1, 0]], ['[UNK]', 'a', 'b'])
      >>> StringLookup().adapt(["b", "a", "b"]).get_vocabulary()
      ['[UNK]', 'b', 'a']

    Source: `keras.layers.StringLookup`.
    """

    max_tokens: int | None = option(default=None, convert=optional(most_tokens))
    num_oov_indices: int = option(default=1, convert=count)
    mask_token: str | None = option(default=None, convert=word_or_none)
    oov_token: str | None = option(default="[UNK]", convert=word_or_none)
    vocabulary: Any = vocabulary_option()
    idf_weights: Any = option(default=None, convert=optional(given_weights), to_config=as_list)
    invert: bool = option(default=False, convert=bool)
    output_mode: str = option(default="int", convert=lookup_mode)
    pad_to_max_tokens: bool = option(default=False, convert=bool)
    sparse: bool = option(default=False, convert=dense_only)
    encoding: str = "utf-8"
    salt: Salt = option(default=None, convert=optional(hash_key), to_config=as_list)
    oov_method: str = option(
        default="floormod", convert=one_of("floormod", "farmhash"), kw_only=True
    )
    known_size: int | None = option(
        default=None, convert=optional(count), kw_only=True, is_internal=True
    )

    def words_of(self, value: object, encoding: str = "") -> np.ndarray:
        return super().words_of(value, encoding or self.encoding)
