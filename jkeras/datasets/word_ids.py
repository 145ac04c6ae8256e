"""Texts as lists of word ids, marked and limited in the order in which Keras does it."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import describe, type_error, value_error
from jkeras.data.archives import damaged
from jkeras.data.keras_files import KerasFile, keras_file


class Limits(NamedTuple):
    """Which words and texts are kept.

    Attributes:
      num_words: ids from here on are replaced; the largest id of all texts where it is None or 0.
      skip_top: ids below are replaced.
      maxlen: texts of so many words or more are left out; None or 0 for no limit.
      start_char: the id before every text; None for none.
      oov_char: the id of words that are replaced; None to leave them out.
      index_from: is added to every id.
    """

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int

    def check(self, who: str) -> None:
        """Raises for what are no numbers, or negative limits.

        Raises:
          TypeError, ValueError: as described.
        """
        for name, value in self._asdict().items():
            optional = name in ("num_words", "maxlen", "start_char", "oov_char")
            if value is None and optional:
                continue
            expected = "a whole number or None" if optional else "a whole number"
            if type(value) not in (int, float) and not isinstance(value, np.number):
                raise type_error(who=who, argument=name, expected=expected, got=describe(value))
            is_limit = name in ("num_words", "skip_top", "maxlen")
            if value % 1 or (is_limit and value < 0):
                raise value_error(who=who, argument=name, expected=expected, got=repr(value))


def limited(
    texts: Sequence[Sequence[int]], limits: Limits, who: str
) -> tuple[list[list[int]], np.ndarray]:
    """Texts with their marks, and which of the given ones they are.

    Args:
      texts: `[texts]` lists of ids.
      limits: which words and texts are kept.
      who: how messages name the data set.

    Returns:
      The texts that are kept, and a flag for each that was given.

    Raises:
      ValueError: no text is short enough.
    """
    lengths = np.array([len(text) for text in texts], np.int64)
    ids = np.fromiter(itertools.chain.from_iterable(texts), np.int64, lengths.sum())
    ids += int(limits.index_from)
    if limits.start_char is not None:
        ids = np.insert(ids, lengths.cumsum() - lengths, int(limits.start_char))
        lengths += 1
    kept = np.ones(len(lengths), bool)
    if limits.maxlen:
        kept = lengths < limits.maxlen
        if not kept.any():
            raise value_error(
                who=who,
                argument="maxlen",
                expected=f"more than the {lengths.min()} words of the shortest text",
                got=repr(limits.maxlen),
            )
        ids, lengths = ids[np.repeat(kept, lengths)], lengths[kept]
    end = limits.num_words or ids.max(initial=0)
    known = (limits.skip_top <= ids) & (ids < end)
    if limits.oov_char is not None:
        ids = np.where(known, ids, int(limits.oov_char))
    else:
        numbered = np.repeat(np.arange(len(lengths)), lengths)[known]
        ids, lengths = ids[known], np.bincount(numbered, minlength=len(lengths))
    flat, ends = ids.tolist(), lengths.cumsum().tolist()
    starts = [0, *ends[:-1]]
    return [flat[start:end] for start, end in zip(starts, ends, strict=True)], kept


def as_objects(texts: Sequence[list[int]]) -> np.ndarray:
    """Lists as an array of objects; lists of one length give two axes, as in Keras."""
    return np.array(texts, dtype="object")


def word_index(file: KerasFile, path: str | os.PathLike[str]) -> dict[str, int]:
    """The id of each word.

    Args:
      file: where it comes from.
      path: its name in Keras's folder, or an absolute path.
    """
    found = keras_file(file, path)
    try:
        index: Any = json.loads(found.read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged(found, "a word index in JSON", f"{error}") from error
    if not isinstance(index, dict):
        raise damaged(found, "a word index in JSON", type(index).__name__)
    return index
