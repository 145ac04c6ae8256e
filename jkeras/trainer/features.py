"""The parts of a `FeatureSpace`: features, crosses, and the columns of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from jkeras.core import columns
from jkeras.core.errors import WrongTypeError, describe, nearest, value_error
from jkeras.core.layer import Layer
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.core.words import as_words, holds_words
from jkeras.layers import Discretization, Normalization
from jkeras.layers.lookup import Lookup

_KERAS_MODULE = "keras.src.layers.preprocessing.feature_space"
_PREPARED = "_preprocessor"
SIMPLE = (
    "float",
    "float_rescaled",
    "float_normalized",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


def checked_word(who: str, name: str, value: object, words: Sequence[str]) -> str:
    """`value`, one of these words."""
    if value not in words:
        raise value_error(
            who=who,
            argument=name,
            expected=" or ".join(map(repr, words)),
            got=repr(value),
            fix=nearest(value, words).strip() if isinstance(value, str) else "",
        )
    return str(value)


class Feature:
    """How one feature is prepared.

    Args:
      dtype: of the column: "float32", "int32" or "string".
      preprocessor: the layer that prepares it.
      output_mode: what comes of its outputs: "float", as they are; "int", ids as they are; or
        "one_hot", ids as vectors.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        self.dtype = dtype
        is_config = isinstance(preprocessor, dict)
        self.preprocessor = deserialize_keras_object(preprocessor) if is_config else preprocessor
        self.output_mode = checked_word(
            "Feature", "output_mode", output_mode, ("int", "one_hot", "float")
        )

    def named(self, key: str) -> Self:
        """The feature of the column `key`: its layer is named after it if it has no name."""
        layer = self.preprocessor
        if not isinstance(layer, Layer) or layer.name is not None:
            return self
        return type(self)(self.dtype, layer.renamed(f"{key}{_PREPARED}"), self.output_mode)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name."""
        preprocessor = serialize_keras_object(self.preprocessor)
        return {
            "dtype": self.dtype,
            "preprocessor": preprocessor,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The feature with these arguments."""
        return cls(**config)


class Cross:
    """Features that are hashed together.

    Args:
      feature_names: their names, at least two.
      crossing_dim: the number of bins.
      output_mode: "int" or "one_hot".
    """

    def __init__(
        self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> None:
        names = (feature_names,) if isinstance(feature_names, str) else tuple(feature_names)
        if len(names) < 2:
            raise value_error(
                who="Cross",
                argument="feature_names",
                expected="at least two",
                got=repr(feature_names),
                fix="Write a tuple for each cross: crosses=[('city', 'age')].",
            )
        self.feature_names = names
        self.crossing_dim = crossing_dim
        self.output_mode = checked_word("Cross", "output_mode", output_mode, ("int", "one_hot"))

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name."""
        return {
            "feature_names": list(self.feature_names),
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The cross with these arguments."""
        return cls(**config)


def prepared_name(name: str | None) -> str | None:
    """The name of the layer of a feature; None as long as the feature has no name."""
    return None if name is None else f"{name}{_PREPARED}"


def is_given(layer: object) -> bool:
    """Whether a layer with `adapt` was given what it would learn."""
    if isinstance(layer, Lookup):
        return layer.vocabulary is not None
    if isinstance(layer, Normalization):
        return not layer.keeps_statistics
    return isinstance(layer, Discretization) and layer.num_bins is None


def categories_of(who: str, name: str, layer: Layer) -> int:
    """How many ids a layer gives."""
    if isinstance(layer, Lookup):
        return layer.vocabulary_size()
    if isinstance(layer, Discretization):
        return layer.num_bins or len(layer.boundaries or ()) + 1
    count = getattr(layer, "num_bins", None) or getattr(layer, "num_tokens", None)
    if count is None:
        raise value_error(
            who=who,
            expected=f"a layer of this library that makes ids for {name!r}",
            got=describe(layer),
            fix="Write output_mode='int', and encode its ids in the model.",
        )
    return int(count)


def written(value: Feature | Cross) -> dict[str, Any]:
    kind = type(value).__name__
    return {
        "module": _KERAS_MODULE,
        "class_name": kind,
        "config": value.get_config(),
        "registered_name": kind,
    }


def plain(value: object) -> Any:
    return value.to_numpy() if hasattr(value, "to_numpy") else value


def column_of(value: object) -> Any:
    """A column as an array `[rows, 1]`."""
    array = as_words(value) if holds_words(value) else np.asarray(plain(value))
    return array[:, None] if array.ndim == 1 else array


def table_of(who: str, dataset: object) -> dict[str, Any]:
    """A dict of whole columns, from what `adapt` gets."""
    if columns.is_table(dataset):
        return dict(columns.columns_of(dataset))
    if isinstance(dataset, dict):
        return dataset
    if isinstance(dataset, str | bytes) or not hasattr(dataset, "__iter__"):
        raise WrongTypeError(
            f"{who}: adapt: expected a dict of columns, a data frame, or an iterable of dicts, got "
            f"{describe(dataset)}."
        )
    parts: dict[str, list[Any]] = {}
    for element in dataset:
        element = element[0] if isinstance(element, tuple) and element else element
        if not isinstance(element, dict):
            raise WrongTypeError(
                f"{who}: adapt: expected an iterable of dicts, got one of {describe(element)}."
            )
        for name, value in element.items():
            array = as_words(value) if holds_words(value) else np.asarray(value)
            parts.setdefault(name, []).append(array.reshape(-1, *array.shape[1:]))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}
