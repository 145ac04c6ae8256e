"""Lookups: the ids of words and of whole numbers in a vocabulary.

Ids, as in Keras: 0 is the mask token (if there is one, in the mode "int"), then `num_oov_indices`
ids for what is not in the vocabulary, then the tokens in their order. In other modes the mask token
has no id and counts nowhere.

The vocabulary belongs to the description, as the boundaries of `Discretization` do: the size of
vectors depends on it. It is an argument, or found by `adapt`, or set by `set_vocabulary`; in
Keras's files a given one is in the configuration, a found one in a file of its own.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np

from jkeras.core import code
from jkeras.core.errors import WrongTypeError, quoted, value_error
from jkeras.core.layer import Array, State
from jkeras.core.symbols import has_symbols
from jkeras.core.tracing import is_shapes_only
from jkeras.layers.lookup_options import Salt, batches_of_words, given_weights, hashed
from jkeras.layers.on_host import MADE_ON_HOST, NO_ID, OnHost, as_numbers, counted, float_dtype
from jkeras.layers.vocabulary import (
    FILE,
    TokenCounts,
    Vocabulary,
    check_tokens,
    is_written_out,
    lines_of,
    padded_weights,
    read_tokens,
    tokens_of,
    without_special,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Lookup(OnHost):
    """Base of `StringLookup` and `IntegerLookup`: the vocabulary and its ids."""

    if TYPE_CHECKING:
        max_tokens: int | None = None
        num_oov_indices: int = 1
        mask_token: Any = None
        oov_token: Any = None
        vocabulary: Any = None
        idf_weights: Any = None
        invert: bool = False
        output_mode: str = "int"
        pad_to_max_tokens: bool = False
        sparse: bool = False
        salt: Salt = None
        oov_method: str = "floormod"
        known_size: int | None = None

    is_kept_twice: ClassVar[bool] = False
    """Whether Keras's layer has another one inside that keeps the vocabulary, too."""
    aliases: ClassVar = {
        "vocabulary_size": lambda size: ("known_size", size),
        "has_input_vocabulary": lambda value: None,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vocabulary is not None:
            self._take_vocabulary(self.vocabulary, self.idf_weights)

    def check(self) -> None:
        if self.max_tokens is not None and self.max_tokens <= self.token_start:
            raise self.value_error(
                f"more than {self.token_start}, the number of special tokens",
                self.max_tokens,
                argument="max_tokens",
            )
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise self.value_error("`max_tokens` with pad_to_max_tokens=True", "none")
        if self.invert and self.output_mode != "int":
            raise self.value_error(
                "output_mode='int' with invert=True", repr(self.output_mode), argument="output_mode"
            )
        if self.idf_weights is not None and self.output_mode != "tf_idf":
            raise self.value_error(
                "no `idf_weights` unless output_mode='tf_idf'", f"output_mode={self.output_mode!r}"
            )
        has_weights = self.idf_weights is not None
        if self.output_mode == "tf_idf" and self.vocabulary is not None and not has_weights:
            raise self.value_error(
                "`idf_weights` beside `vocabulary` with output_mode='tf_idf'", "none"
            )

    # -- the vocabulary

    @property
    def found(self) -> Vocabulary | None:
        """The vocabulary; None before there is one."""
        found: Vocabulary | None = self._adapted_value
        return found

    @property
    def oov_start(self) -> int:
        """The first id of what is not in the vocabulary."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def token_start(self) -> int:
        """The id of the first token."""
        return self.oov_start + self.num_oov_indices

    @property
    def special_tokens(self) -> list[Any]:
        """The tokens whose ids come before those of the vocabulary."""
        return [self.mask_token] * self.oov_start + [self.oov_token] * self.num_oov_indices

    @property
    def depth(self) -> int:
        """The length of vectors.

        Raises:
          ValueError: it depends on the vocabulary, and there is none.
        """
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        if self.found is None and self.known_size is None:
            raise self._no_vocabulary()
        return self.vocabulary_size()

    def _no_vocabulary(self) -> ValueError:
        return value_error(
            "expected a vocabulary, and it has none yet. Find one: layer.adapt(x_train); or pass "
            "`vocabulary`.",
            who=self.who,
        )

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their ids.

        Args:
          include_special_tokens: whether the special ones in front are there, so that the place of
            a token is its id.
        """
        tokens = [] if self.found is None else list(self.found.tokens)
        return self.special_tokens + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """The number of ids, those of special tokens included."""
        if self.found is None and self.known_size is not None:
            return self.known_size
        return self.token_start + (0 if self.found is None else len(self.found))

    def set_vocabulary(
        self, vocabulary: str | ArrayLike, idf_weights: ArrayLike | None = None
    ) -> None:
        """Replaces the vocabulary.

        Args:
          vocabulary: a list or array of tokens, with all special tokens in front or none; or the
            path of a text file with one token in each line.
          idf_weights: for the mode "tf_idf" a weight for each token.

        Raises:
          TypeError: it is something else, or a token is.
          ValueError: there are repeated tokens, special ones among the others, or too many; or
            weights are missing, too many, or not wanted.
        """
        self._take_vocabulary(vocabulary, idf_weights)

    def _take_vocabulary(self, vocabulary: str | ArrayLike, weights: ArrayLike | None) -> None:
        if (weights is None) == (self.output_mode == "tf_idf"):
            raise self.value_error(
                "`idf_weights` with output_mode='tf_idf', and in no other mode",
                f"output_mode={self.output_mode!r} and idf_weights={weights!r}",
            )
        try:
            tokens = tokens_of(vocabulary)
            is_file = isinstance(tokens, str)
            tokens = self._typed(read_tokens(tokens) if isinstance(tokens, str) else tokens)
            special: list[Any] = [] if is_file else self.special_tokens
            bare, has_special = without_special(tokens, special)
            if not bare:
                got = "special ones alone" if tokens else "none"
                raise ValueError(f"expected at least one token, got {got}.")
            check_tokens(
                bare, self.mask_token, self.oov_token if self.invert else None, self.special_tokens
            )
        except (TypeError, ValueError) as error:
            raise quoted(error, who=self.who, argument="vocabulary") from None
        size = self.token_start + len(bare)
        if self.max_tokens is not None and size > self.max_tokens:
            raise self.value_error(
                f"at most max_tokens={self.max_tokens} tokens, special ones included",
                size,
                argument="vocabulary",
            )
        self._set_tokens(bare, self._weights(weights, len(tokens), has_special))

    def _weights(self, given: object, count: int, has_special: bool) -> Sequence[float] | None:
        """The weights of all ids, from those of the tokens that were given."""
        if given is None:
            return None
        weights = given_weights(given)
        if len(weights) != count:
            raise self.value_error(
                f"a weight for each of the {count} tokens", len(weights), argument="idf_weights"
            )
        return self._padded(weights, 0 if has_special else self.token_start)

    def _padded(self, weights: Sequence[float], in_front: int) -> Sequence[float]:
        depth = self.max_tokens if self.pad_to_max_tokens else None
        padded: list[float] = padded_weights(weights, in_front, depth).tolist()
        return padded

    def _set_tokens(self, tokens: Sequence[Any], weights: Sequence[float] | None) -> None:
        self._set_adapted(Vocabulary(tokens, weights))

    def _typed(self, tokens: list[Any]) -> list[Any]:
        """Tokens of the layer's kind."""
        odd = next((token for token in tokens if not isinstance(token, str)), None)
        if odd is not None:
            raise WrongTypeError(f"expected strings, got {odd!r}.")
        return tokens

    # -- adapt

    def adapt(self, data: object, batch_size: int | None = None, steps: int | None = None) -> Self:
        """Finds the vocabulary of data, which replaces the one before.

        Args:
          data: a list, an array or a column of tokens, or of texts that the layer splits; or an
            iterable of batches of them, such as a data set of these or of pairs (tokens, labels).
          batch_size: ignored.
          steps: the number of batches to read from an iterable; all when left out.

        Returns:
          The layer itself.

        Raises:
          TypeError: there is something else than tokens or texts.
          ValueError: there is no token, or the layer has the argument `vocabulary`.
        """
        self.reset_state()
        for batch in batches_of_words(data, steps):
            self.update_state(batch)
        if not self._counts.tokens:
            raise self._found_none("none")
        self.finalize_state()
        return self

    def _found_none(self, got: str) -> ValueError:
        return value_error(
            who=f"{self.who}: adapt", argument="data", expected="at least one token", got=got
        )

    @property
    def _counts(self) -> TokenCounts:
        counts: TokenCounts | None = vars(self).get("_token_counts")
        if counts is None:
            counts = TokenCounts(by_document=self.output_mode == "tf_idf")
            object.__setattr__(self, "_token_counts", counts)
        return counts

    def reset_state(self) -> None:
        """Forgets the tokens that were counted."""
        object.__setattr__(self, "_token_counts", None)

    def update_state(self, data: object) -> None:
        """Counts the tokens of a batch; a batch of rank 1 is one document.

        Raises:
          ValueError: the layer has the argument `vocabulary`.
        """
        if self.vocabulary is not None:
            raise value_error(
                "adapt: cannot adapt a layer with a static vocabulary: `vocabulary` was given "
                "already. Leave it out of the constructor to find it in data.",
                who=self.who,
            )
        array = self.tokens_in(data)
        if not array.size:
            return
        rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
        self._counts.add(rows.tolist())

    def finalize_state(self) -> None:
        """Makes the vocabulary of the tokens that were counted, if there were any."""
        counts = self._counts
        self.reset_state()
        if not counts.tokens:
            return
        special = [token for token in (self.mask_token, self.oov_token) if token is not None]
        limit = None if self.max_tokens is None else self.max_tokens - self.token_start
        tokens = counts.most_common(special, limit)
        if not tokens:
            raise self._found_none(f"special ones alone: {', '.join(map(repr, special))}")
        weights = None
        if self.output_mode == "tf_idf":
            weights = self._padded(counts.weights(tokens), self.token_start)
        self._set_tokens(tokens, weights)

    def check_ready(self, state: State) -> None:
        if self.found is None:
            raise self._no_vocabulary()

    # -- ids

    def tokens_in(self, data: object) -> np.ndarray:
        """Data as an array of tokens."""
        return self.words_of(data)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        if not self.invert:
            return super().__call__(*inputs, **kwargs)
        if has_symbols(inputs, kwargs):
            raise value_error(
                "called on a symbol: expected arrays of ids, because tokens cannot leave a "
                "program. Call it on what the model predicts.",
                who=self.who,
            )
        self.check_ready({})
        kwargs.pop("training", None)
        (ids,) = self.side_by_side_values((*inputs, *kwargs.values()))
        return self.inverted(as_numbers(self.who, ids))

    def inverted(self, ids: np.ndarray) -> np.ndarray:
        """The tokens of ids; the OOV token for ids without one."""
        tokens = np.array([*self.get_vocabulary(), self.oov_token], dtype=object)
        known = (ids >= 0) & (ids < len(tokens) - 1)
        return np.asarray(tokens[np.where(known, ids, len(tokens) - 1)])

    def encoded(self, *inputs: Any) -> np.ndarray:
        words = self.words_of(self.side_by_side_values(inputs)[0])
        ids = self.ids_of_tokens(words.ravel().tolist())
        return ids.reshape(words.shape)

    @property
    def masked_id(self) -> int:
        """The id of the mask token."""
        return 0 if self.output_mode == "int" else int(NO_ID)

    def ids_of_tokens(self, tokens: list[Any]) -> np.ndarray:
        """The ids of tokens in a list, uint32."""
        table = self._table()
        default = self.oov_start if self.num_oov_indices == 1 else -1
        ids = np.fromiter(map(table.get, tokens, itertools.repeat(default)), np.int64, len(tokens))
        if self.num_oov_indices != 1:
            unknown = np.flatnonzero(ids == -1)
            if unknown.size:
                ids[unknown] = self._oov_ids([tokens[i] for i in unknown.tolist()])
        return ids.astype(MADE_ON_HOST)

    def _table(self) -> dict[Any, int]:
        """From each token, the mask token too, to its id; kept until the vocabulary changes."""
        known = vars(self).get("_ids")
        if known is not None and known[0] is self.found:
            return known[1]
        tokens = () if self.found is None else self.found.tokens
        table = dict(zip(tokens, itertools.count(self.token_start)))
        if self.mask_token is not None:
            table[self.mask_token] = self.masked_id
        object.__setattr__(self, "_ids", (self.found, table))
        return table

    def _oov_ids(self, tokens: list[Any]) -> np.ndarray:
        """The ids of tokens that are not in the vocabulary."""
        if not self.num_oov_indices:
            raise self._is_unknown(tokens)
        return hashed(tokens, self.num_oov_indices, self.salt) + self.oov_start

    def _is_unknown(self, tokens: Sequence[Any]) -> ValueError:
        shown = ", ".join(repr(token) for token in dict.fromkeys(tokens[:64]))
        return self.value_error(
            "tokens of the vocabulary with num_oov_indices=0",
            f"others: {shown}",
            fix="With num_oov_indices=1 they have an id.",
        )

    def vectors(self, ids: Array) -> Array:
        if self.output_mode == "int":
            return ids
        dtype = float_dtype(self.dtype)
        if self.output_mode != "tf_idf":
            return counted(ids, self.depth, self.output_mode, dtype)
        weights = None if self.found is None else self.found.weights
        if weights is None:
            if is_shapes_only():  # of a file, whose vocabulary comes later
                return counted(ids, self.depth, "count", dtype)
            raise self._no_vocabulary()
        # Added up instead of multiplied: large vectors are written once.
        each = jnp.asarray(weights, jnp.promote_types(dtype, jnp.float32))
        return counted(ids, self.depth, "count", each.dtype, each).astype(dtype)

    # -- files

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        size = self.vocabulary_size() if self.found is not None else self.known_size
        config.pop("known_size")
        given = config.pop("vocabulary")
        if given is not None and self.found is not None and not self._is_as_given():
            given = self.get_vocabulary()
        if given is None and self.found is not None and is_written_out():
            given, weights = self.get_vocabulary(), self.found.weights
            config["idf_weights"] = None if weights is None else list(weights[: len(given)])
        return {**config, "vocabulary": given, "vocabulary_size": size}

    def _is_as_given(self) -> bool:
        """Whether the vocabulary is still the one of the argument."""
        assert self.found is not None
        return tuple(self.vocabulary[-len(self.found) :]) == self.found.tokens

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer with these arguments.

        Raises:
          ValueError: the vocabulary is a path, which a file of somebody else may not name.
        """
        vocabulary = config.get("vocabulary") if isinstance(config, dict) else None
        if isinstance(vocabulary, str) and not code.is_allowed():
            raise ValueError(
                f"{cls.__name__}.from_config: `vocabulary`: expected a list of tokens, got the "
                f"path {vocabulary!r}, which a configuration may not name. If you trust who wrote "
                "it, load it with safe_mode=False."
            )
        if vocabulary is not None:
            config = {name: value for name, value in config.items() if name != "vocabulary_size"}
        return super().from_config(config)

    def asset_files(self) -> dict[str, str]:
        """The files beside the configuration by their names: a vocabulary that was found."""
        if self.found is None or isinstance(self.vocabulary, tuple):
            return {}
        return {FILE: "\n".join(str(token) for token in self.get_vocabulary())}

    def take_asset_files(
        self, files: Mapping[str, str], weights: Sequence[float] | None = None
    ) -> None:
        """Takes the vocabulary of a file beside the configuration.

        Args:
          files: the texts of the files by their names.
          weights: those of the mode "tf_idf".
        """
        if FILE in files and not isinstance(self.vocabulary, tuple):
            tokens = self._typed_lines(lines_of(files[FILE]))
            if tokens == self.special_tokens:  # of a layer that Keras saved before `adapt`
                return
            known = None if weights is None else weights[: len(tokens)]  # zeros follow
            self._take_vocabulary(tokens, known)

    def _typed_lines(self, lines: list[str]) -> list[Any]:
        return list(lines)

    def save_assets(self, dir_path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary into a folder, unless it was an argument."""
        for name, text in self.asset_files().items():
            (Path(dir_path) / name).write_text(text, encoding="utf-8", newline="")

    def load_assets(self, dir_path: str | os.PathLike[str]) -> None:
        """Takes the vocabulary of `save_assets`, unless it was an argument."""
        if isinstance(self.vocabulary, tuple):
            return
        try:
            text = (Path(dir_path) / FILE).read_bytes().decode("utf-8")
        except OSError as error:
            raise ValueError(f"{self.who}: load_assets: {error}") from None
        weights = None if self.found is None else self.found.weights
        self.take_asset_files({FILE: text}, weights)
