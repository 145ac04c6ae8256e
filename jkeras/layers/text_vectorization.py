"""`TextVectorization`: texts as the ids of their words, or as vectors that count them.

A text is standardized, split into words, the words are joined to n-grams, and these are looked up.
All texts of a call are standardized and split in a few passes over one string, and looked up by one
pass over all words.

Laws, as in Keras: "lower" changes the letters A to Z alone, and "whitespace" is that of ASCII.
"""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import option
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.layers.category_encoding import dense_only
from jkeras.layers.lookup import Lookup
from jkeras.layers.lookup_options import (
    Salt,
    as_list,
    given_weights,
    lookup_mode,
    most_tokens,
    vocabulary_option,
)
from jkeras.layers.on_host import MADE_ON_HOST, NO_ID, Shape
from jkeras.layers.options import count, one_of, optional, positive_int

Rows = Sequence[Sequence[str]]

_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_PUNCTUATION = string.punctuation.encode()
_STANDARDS: dict[str, tuple[bytes | None, bytes]] = {
    "lower_and_strip_punctuation": (_LOWER, _PUNCTUATION),
    "lower": (_LOWER, b""),
    "strip_punctuation": (None, _PUNCTUATION),
}
"""What `bytes.translate` takes: a table of letters, and the bytes to leave out."""

_END = b"\0"
"""What stands behind the words of each text where all texts are split in one pass."""

_OTHER_SPACES = re.compile("[\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
"""What Python takes for whitespace, and ASCII does not."""


def _or_callable(*words: str) -> Callable[[Any], Any]:
    """A converter to one of these words, None, or a function."""
    known = one_of(*words)
    return lambda value: value if value is None or callable(value) else known(value)


def _ngrams(value: object) -> int | tuple[int, ...]:
    if isinstance(value, list | tuple):
        return tuple(positive_int(n) for n in value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongTypeError(f"expected an integer or a tuple of them, got {describe(value)}.")
    return positive_int(value)


class TextVectorization(Lookup):
    """The ids of the words of texts, or vectors that count them.

    It runs on the host: called on texts it gives ids at once, and in a model that begins with
    `Input((1,), dtype="string")` it runs before the program, in `fit`, `evaluate` and `predict`. A
    saved model has its vocabulary and takes texts again.

    Modes and shapes, for texts `[batch]` or `[batch, 1]`: "int", int32 ids `[batch, length]`, 0
    behind the end of a text and 1 for a word that is not in the vocabulary; the others vectors
    `[batch, size]`, float32. Without `output_sequence_length` the length is that of the longest
    text of a call: in `fit` that of all texts, so give it where the network sees the zeros.

    Args:
      max_tokens: the largest size of the vocabulary, special tokens included; None for any.
      standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function
        from an array of strings to another.
      split: "whitespace", "character", None for texts that are single words, or a function from an
        array of strings to a list of lists.
      ngrams: the widths of groups of words, as a tuple; n for all up to n.
      output_mode: "int", "multi_hot", "count" or "tf_idf".
      output_sequence_length: the length that texts get in the mode "int", cut or filled up.
      pad_to_max_tokens: whether vectors have `max_tokens` entries, however many words there are.
      vocabulary: the words: a list, an array, or the path of a file with one in each line.
      idf_weights: for the mode "tf_idf", a weight for each word of `vocabulary`.
      sparse, ragged: must be False.
      encoding: that of bytes.

    Raises:
      ValueError: arguments that exclude each other.

    Example:
      >>> layer = TextVectorization(output_sequence_length=4)
      >>> layer = layer.adapt(["A good film.", "Good!", "a bad film"])
      >>> layer.get_vocabulary()
      ['', '[UNK]', 'good', 'film', 'a', 'bad']
      >>> layer(["a very good film, a very good end"]).tolist()
      [[4, 1, 2, 3]]

    Source: `keras.layers.TextVectorization`.
    """

    max_tokens: int | None = option(default=None, convert=optional(most_tokens))
    standardize: Any = option(
        default="lower_and_strip_punctuation",
        convert=_or_callable(*_STANDARDS),
        to_config=serialize_keras_object,
    )
    split: Any = option(
        default="whitespace",
        convert=_or_callable("whitespace", "character"),
        to_config=serialize_keras_object,
    )
    ngrams: Any = option(default=None, convert=optional(_ngrams), to_config=as_list)
    output_mode: str = option(default="int", convert=lookup_mode)
    output_sequence_length: int | None = option(default=None, convert=optional(positive_int))
    pad_to_max_tokens: bool = option(default=False, convert=bool)
    vocabulary: Any = vocabulary_option()
    idf_weights: Any = option(default=None, convert=optional(given_weights), to_config=as_list)
    sparse: bool = option(default=False, convert=dense_only)
    ragged: bool = option(default=False, convert=dense_only)
    encoding: str = "utf-8"
    known_size: int | None = option(
        default=None, convert=optional(count), kw_only=True, is_internal=True
    )

    is_kept_twice: ClassVar[bool] = True

    # Arguments of other lookups.
    num_oov_indices = 1
    mask_token = ""
    oov_token = "[UNK]"
    invert = False
    oov_method = "floormod"
    salt: ClassVar[Salt] = None  # type: ignore[misc]

    def check(self) -> None:
        super().check()
        if self.output_sequence_length is not None and self.output_mode != "int":
            raise self.value_error(
                "no `output_sequence_length` unless output_mode='int'",
                f"output_mode={self.output_mode!r}",
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer with these arguments; the vocabulary may not be a path."""
        functions = {
            name: deserialize_keras_object(config[name])
            for name in ("standardize", "split")
            if isinstance(config, Mapping) and isinstance(config.get(name), dict)
        }
        return super().from_config({**config, **functions})

    # -- from texts to words

    def encoded(self, *inputs: Any) -> np.ndarray:
        texts = self.words_of(self.side_by_side_values(inputs)[0], self.encoding)
        words = self._words_in_one_pass(texts)
        if words is not None:
            shape, ids = self._squeezed(texts).shape, self._ids_of_words(words)
            ends = np.flatnonzero(ids == NO_ID)
            lengths = np.diff(ends, prepend=-1) - 1
            starts = ends - lengths
        else:
            rows, shape = self._rows(texts)
            ids = self.ids_of_tokens(list(itertools.chain.from_iterable(rows)))
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            starts = np.cumsum(lengths) - lengths
        width = self.output_sequence_length
        if self.split is None and self.ngrams is None and width is None:
            return ids.reshape(texts.shape)
        if width is None:
            width = int(lengths.max(initial=0))
        steps = np.arange(width)
        is_word = steps < lengths[:, None]
        filled = np.full(is_word.shape, self.masked_id, MADE_ON_HOST)
        filled[is_word] = ids[(starts[:, None] + steps)[is_word]]
        return filled.reshape(*shape, width)

    def encoded_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        width = self.output_sequence_length
        if self.split is None:
            if width is None and self.ngrams is None:
                return shape
            return (*shape[:-1], width) if len(shape) > 1 else (*shape, width)
        squeezed = shape[:-1] if len(shape) > 1 else shape
        return (*squeezed, width)

    def update_state(self, data: object) -> None:
        if self.vocabulary is not None:
            super().update_state(data)  # raises
        texts = self.words_of(data, self.encoding)
        words = None if self._counts.by_document else self._words_in_one_pass(texts)
        if words is None:
            self._counts.add(self._rows(texts, cut=False)[0])
            return
        counts = Counter(words)
        del counts[_END]
        self._counts.tokens.update({_decoded(word): n for word, n in counts.items()})

    def _words_in_one_pass(self, texts: np.ndarray) -> list[bytes] | None:
        """The words of all texts in UTF-8, with `_END` behind those of each text.

        Returns:
          The words; None where texts are not split at whitespace alone, or one contains `_END`.
        """
        if callable(self.standardize) or self.split != "whitespace" or self.ngrams is not None:
            return None
        ended = " \0 ".join([*self._squeezed(texts).ravel().tolist(), ""])
        if ended.count("\0") != texts.size:
            return None
        encoded = _encoded(ended)
        if self.standardize is not None:
            encoded = encoded.translate(*_STANDARDS[self.standardize])
        return encoded.split()

    def _ids_of_words(self, words: list[bytes]) -> np.ndarray:
        """The ids of words in UTF-8, uint32; `NO_ID` for `_END`."""
        known = vars(self).get("_ids_in_bytes")
        if known is None or known[0] is not self.found:
            table = {_encoded(word): i for word, i in self._table().items()}
            known = self.found, table | {_END: int(NO_ID)}
            object.__setattr__(self, "_ids_in_bytes", known)
        ids = map(known[1].get, words, itertools.repeat(self.oov_start))
        return np.fromiter(ids, MADE_ON_HOST, len(words))

    def _rows(self, texts: np.ndarray, *, cut: bool = True) -> tuple[Rows, tuple[int, ...]]:
        """The words of each text, and the shape of the texts.

        Args:
          texts: strings.
          cut: whether words behind `output_sequence_length` are left out.
        """
        if callable(self.standardize):
            given = np.asarray(self.standardize(_fixed_width(texts)))
            if given.size != texts.size:
                raise self.value_error(
                    f"a function that gives a text for each of {texts.size}",
                    f"one that gives {describe(given)}",
                    argument="standardize",
                )
            texts = self.words_of(given.reshape(texts.shape), self.encoding)
        if self.split is None:
            flat = self._translated(texts.ravel().tolist())
            shape, last = (texts.shape[:-1], texts.shape[-1]) if texts.ndim else ((), 1)
            if texts.ndim == 1 and cut:  # each is an example
                shape, last = texts.shape, 1
            rows: Rows = [flat[i : i + last] for i in range(0, len(flat), last or 1)]
        else:
            texts = self._squeezed(texts)
            shape, rows = texts.shape, self._split(texts)
        if self.ngrams is not None:
            widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
            rows = [_grams(row, widths) for row in rows]
        if cut and self.output_sequence_length is not None:
            rows = [row[: self.output_sequence_length] for row in rows]
        return rows, tuple(shape)

    def _squeezed(self, texts: np.ndarray) -> np.ndarray:
        """Texts without an axis of one text per example."""
        if texts.ndim < 2:
            return texts
        if texts.shape[-1] != 1:
            raise self.value_error(
                "texts [batch] or [batch, 1] to split into words",
                f"shape {texts.shape}",
                fix="For texts that are split already write split=None.",
            )
        return texts[..., 0]

    def _split(self, texts: np.ndarray) -> Rows:
        if callable(self.split):
            found = self.split(_fixed_width(self._as_array(texts)))
            found = found.to_list() if hasattr(found, "to_list") else found
            is_list = hasattr(found, "__iter__") and not isinstance(found, str | bytes)
            listed = list(found) if is_list else []
            if not is_list or len(listed) != texts.size:
                raise self.value_error(
                    f"a function that gives a list of words for each of {texts.size} texts",
                    f"one that gives {describe(found)}",
                    argument="split",
                )
            return [self.words_of(row, self.encoding).tolist() for row in listed]
        flat = self._translated(texts.ravel().tolist())
        if self.split == "character":
            return [list(text) for text in flat]
        if _has_other_spaces(flat):
            return [[_decoded(word) for word in _encoded(text).split()] for text in flat]
        return [text.split() for text in flat]

    def _as_array(self, texts: np.ndarray) -> np.ndarray:
        flat = np.empty(texts.size, object)
        flat[:] = self._translated(texts.ravel().tolist())
        return flat.reshape(texts.shape)

    def _translated(self, texts: list[str]) -> list[str]:
        """The texts, standardized by a rule of this library."""
        if self.standardize is None or callable(self.standardize):
            return texts
        table, removed = _STANDARDS[self.standardize]
        joined = _encoded("\0".join(texts)).translate(table, removed)
        found = _decoded(joined).split("\0") if texts else []
        if len(found) == len(texts):
            return found
        # A text contains the separator.
        return [_decoded(_encoded(text).translate(table, removed)) for text in texts]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")


def _has_other_spaces(texts: list[str]) -> bool:
    """Whether Python would split one of the texts where ASCII has no whitespace."""
    joined = "".join(texts)
    if joined.isascii():
        return len(joined.encode().translate(None, b"\x1c\x1d\x1e\x1f")) < len(joined)
    return _OTHER_SPACES.search(joined) is not None


def _fixed_width(texts: np.ndarray) -> np.ndarray:
    """Texts as NumPy's own strings, for functions such as those of `np.char`."""
    return texts.astype(str)


def _grams(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Groups of neighbouring words, those of the first width first.

    Example:
      >>> _grams(["a", "b", "c"], (1, 2))
      ['a', 'b', 'c', 'a b', 'b c']
    """
    found: list[str] = []
    for width in widths:
        if width == 1:
            found += row
            continue
        shifted = [itertools.islice(row, start, None) for start in range(width)]
        found += map(" ".join, zip(*shifted, strict=False))
    return found
