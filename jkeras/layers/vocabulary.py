"""Vocabularies: the tokens that lookups know, counted in data, read from files, checked.

Order of counted tokens, as in Keras: the most frequent first, of equally frequent ones the greatest
(the last in the alphabet) first.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe

FILE = "vocabulary.txt"
"""The file of a vocabulary among a layer's assets."""


_written_out: ContextVar[bool] = ContextVar("written_out", default=False)


@contextlib.contextmanager
def written_out(active: bool = True) -> Iterator[None]:
    """Within this context configurations hold vocabularies that were found, too, because the file
    has no place for them beside it.
    """
    token = _written_out.set(active)
    try:
        yield
    finally:
        _written_out.reset(token)


def is_written_out() -> bool:
    """Whether configurations hold vocabularies that were found."""
    return _written_out.get()


class Vocabulary:
    """Tokens without the special ones, in the order of their ids.

    Args:
      tokens: strings or integers.
      weights: of "tf_idf", one for each id, those of special tokens included; None without.

    Attributes:
      table: from a token to its place among the tokens.
    """

    def __init__(self, tokens: Sequence[Any], weights: Sequence[float] | None = None) -> None:
        self.tokens = tuple(tokens)
        self.weights = None if weights is None else tuple(float(weight) for weight in weights)
        self.table: dict[Any, int] = {token: i for i, token in enumerate(self.tokens)}
        self._hash = hash((self.tokens, self.weights))

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        same = self._hash == other._hash and self.weights == other.weights
        return same and self.tokens == other.tokens

    def __hash__(self) -> int:
        return self._hash

    def __getstate__(self) -> tuple[Any, Any]:
        return self.tokens, self.weights

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        Vocabulary.__init__(self, *state)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"


class TokenCounts:
    """How often each token occurs in data, and in how many documents.

    Args:
      by_document: whether documents are counted, as "tf_idf" needs.
    """

    def __init__(self, by_document: bool) -> None:
        self.by_document = by_document
        self.tokens: Counter[Any] = Counter()
        self.documents: Counter[Any] = Counter()
        self.total = 0

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Counts the tokens of documents, each a list of tokens."""
        if not self.by_document:
            for row in rows:
                self.tokens.update(row)
            return
        for row in rows:
            self.tokens.update(row)
            self.documents.update(set(row))
            self.total += 1

    def most_common(self, special: Iterable[Any], limit: int | None) -> list[Any]:
        """The tokens in the order of their ids, without special ones, at most `limit`.

        Example:
          >>> counts = TokenCounts(by_document=False)
          >>> counts.add([["a", "b", "c", "c", "?"]])
          >>> counts.most_common("?", 2)
          ['c', 'b']
        """
        for token in special:
            self.tokens.pop(token, None)
        by_name = sorted(self.tokens, reverse=True)
        return sorted(by_name, key=self.tokens.__getitem__, reverse=True)[:limit]

    def weights(self, tokens: Sequence[Any]) -> list[float]:
        """The inverse document frequency of each token: log(1 + documents / (1 + its own))."""
        return [math.log(1 + self.total / (1 + self.documents[token])) for token in tokens]


def tokens_of(value: object) -> list[Any] | str:
    """The argument `vocabulary`: the tokens as a list, or the path of a file.

    Raises:
      TypeError: it is neither.
    """
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, str):
        return value
    if hasattr(value, "numpy"):
        value = value.numpy()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise WrongTypeError(
            f"expected a list of tokens, or the path of a file with one in each line, got "
            f"{describe(value)}."
        )
    return [token.decode() if isinstance(token, bytes) else token for token in value]


def read_tokens(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a file.

    Raises:
      ValueError: there is no such file.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError:
        raise ValueError(f"expected the path of a file, got {str(path)!r}.") from None
    return lines_of(text)


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, without empty ones at its end.

    Example:
      >>> lines_of("\n[UNK]\na\n\n")
      ['', '[UNK]', 'a']
    """
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and lines[-1] == "":
        lines.pop()
    return lines


def without_special(tokens: list[Any], special: list[Any]) -> tuple[list[Any], bool]:
    """The tokens behind special ones, and whether these were in front."""
    if special and tokens[: len(special)] == special:
        return tokens[len(special) :], True
    return tokens, False


def check_tokens(
    tokens: Sequence[Any], mask_token: object, oov_token: object, special: list[Any]
) -> None:
    """Raises for tokens that are there twice, or special ones in the midst of others.

    Raises:
      ValueError: as described.
    """
    if len(set(tokens)) != len(tokens):
        twice = [token for token, n in Counter(tokens).items() if n > 1]
        raise ValueError(
            f"expected each token once, got repeated ones: {', '.join(map(repr, twice[:8]))}."
        )
    for word, token in (("mask", mask_token), ("OOV", oov_token)):
        if token is not None and token in tokens:
            raise ValueError(
                f"expected special tokens in front alone, in this order: {special}; got the "
                f"reserved {word} token {token!r} at index {list(tokens).index(token)} of the "
                "others. Leave special tokens out: the layer adds them."
            )


def padded_weights(
    given: Sequence[float] | np.ndarray, in_front: int, depth: int | None
) -> np.ndarray:
    """Weights with their mean for special tokens in front, and zeros up to `depth`."""
    weights = np.asarray(given, np.float32)
    if weights.ndim != 1:
        raise ValueError(f"expected a list of numbers, got {describe(weights)}.")
    mean = float(np.average(weights)) if in_front and weights.size else 0.0
    front = np.full(in_front, mean, np.float32)
    back = 0 if depth is None else max(depth - in_front - len(weights), 0)
    return np.concatenate([front, weights, np.zeros(back, np.float32)])
