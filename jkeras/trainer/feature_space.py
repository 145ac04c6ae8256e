"""`FeatureSpace`: the columns of a table as one vector for each row, or as a dict of them.

    space = FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
    space.adapt(table)
    x = space(table)                                             # at once, on arrays
    model = Model(space.get_inputs(), Dense(1)(space.get_encoded_features()))    # in a model

Each feature has a layer that prepares it, each cross of features a hash of their prepared values;
what is an id after that becomes a vector with one entry for each category, and all vectors are
joined. Laws: features in the order of their names, then crosses in the order of theirs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import jax.numpy as jnp
import numpy as np

from jkeras.core import columns
from jkeras.core.errors import describe, nearest, quoted, type_error, value_error
from jkeras.core.symbols import Symbol
from jkeras.layers import (
    CategoryEncoding,
    Concatenate,
    Discretization,
    Identity,
    Input,
    Normalization,
    Rescaling,
)
from jkeras.layers.hashing import HashedCrossing, Hashing
from jkeras.layers.integer_lookup import IntegerLookup
from jkeras.layers.string_lookup import StringLookup
from jkeras.trainer.features import (
    SIMPLE,
    Cross,
    Feature,
    categories_of,
    checked_word,
    column_of,
    is_given,
    plain,
    prepared_name,
    table_of,
    written,
)
from jkeras.trainer.files import feature_spaces

if TYPE_CHECKING:
    from jax import Array


class FeatureSpace:
    """The features of a table, prepared and joined.

    Args:
      features: for each column a `Feature`, as the class methods below make them, or the name of
        one: "float", "float_rescaled", "float_normalized", "float_discretized",
        "integer_categorical", "string_categorical", "integer_hashed" or "string_hashed".
      output_mode: "concat" for one vector, "dict" for a dict of the features' own.
      crosses: tuples of names of features, or what `cross` makes.
      crossing_dim: the bins of crosses that do not say.
      hashing_dim: those of hashed features that do not say.
      num_discretization_bins: those of discretized features that do not say.
      name: for messages.

    Attributes:
      features, crosses: as given, made objects.
      preprocessors: the layer of each feature.
      crossers: that of each cross.
      inputs: for each feature what `Input` returns.

    Raises:
      ValueError: no features, an unknown name, or a cross of features that are not there.

    Example:
      >>> space = FeatureSpace({"size": "float", "color": "string_categorical"})
      >>> table = {"size": [1.0, 2.0], "color": ["red", "blue"]}
      >>> space.adapt(table)
      >>> space(table).tolist()
      [[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 2.0]]

    Source: `keras.utils.FeatureSpace`.
    """

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        self.name = name or "feature_space"
        self.who = f"FeatureSpace {self.name!r}"
        if not features:
            raise value_error(
                who=self.who, argument="features", expected="at least one", got=features
            )
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = checked_word(self.who, "output_mode", output_mode, ("dict", "concat"))
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(value) for value in crosses or ()]
        self.preprocessors = {key: value.preprocessor for key, value in self.features.items()}
        self.crossers = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.inputs: dict[str, Any] = {
            key: Input((1,), dtype=value.dtype, name=key) for key, value in self.features.items()
        }
        self._is_adapted = not self._to_adapt()
        self._encoded: Any = None

    # -- kinds of features

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature that a layer of yours prepares; arguments as for `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def cross(
        cls, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """A cross of features; arguments as for `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", Identity(name=prepared_name(name)), "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers times `scale` plus `offset`."""
        layer = Rescaling(scale, offset, name=prepared_name(name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers with mean 0 and variance 1."""
        layer = Normalization(axis=(-1,), name=prepared_name(name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The interval of each number, of `num_bins` with about as many numbers each."""
        bins = None if bin_boundaries is not None else num_bins
        name = prepared_name(name)
        layer = Discretization(bin_boundaries, num_bins=bins, name=name)
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Whole numbers as categories."""
        name = prepared_name(name)
        return Feature("int32", IntegerLookup(max_tokens, num_oov_indices, name=name), output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Words as categories."""
        name = prepared_name(name)
        return Feature("string", StringLookup(max_tokens, num_oov_indices, name=name), output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Whole numbers by their hash."""
        return Feature("int32", Hashing(num_bins, name=prepared_name(name)), output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Words by their hash."""
        return Feature("string", Hashing(num_bins, name=prepared_name(name)), output_mode)

    def _feature(self, key: str, value: object) -> Feature:
        if isinstance(value, Feature):
            return value.named(key)
        if isinstance(value, dict):
            return Feature.from_config(value["config"]).named(key)
        word = checked_word(self.who, f"features[{key!r}]", value, SIMPLE)
        sizes = {
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,),
            "string_hashed": (self.hashing_dim,),
        }
        made: Feature = getattr(self, word)(*sizes.get(word, ()), name=key)
        return made

    def _cross(self, value: Cross | Mapping[str, Any] | Iterable[str]) -> Cross:
        if isinstance(value, dict):
            value = Cross.from_config(value["config"])
        if not isinstance(value, Cross):
            value = Cross(value, self.crossing_dim)
        for name in value.feature_names:
            if name not in self.features:
                raise value_error(
                    who=self.who,
                    argument="crosses",
                    expected=f"names of features ({', '.join(self.features)})",
                    got=repr(name),
                    fix=nearest(str(name), self.features).strip(),
                )
        return value

    # -- adapt

    def _to_adapt(self) -> list[str]:
        """The features whose layers learn from data."""
        return [
            name
            for name, layer in self.preprocessors.items()
            if hasattr(layer, "adapt") and not is_given(layer)
        ]

    def adapt(self, dataset: object) -> None:
        """Lets the layers of the features learn from a table.

        Args:
          dataset: a dict of columns, a data frame, or an iterable of dicts: of batches or rows.

        Raises:
          TypeError: it is none of these.
          ValueError: a feature is missing.
        """
        table = self._columns(table_of(self.who, dataset))
        for name in self._to_adapt():
            self.preprocessors[name].adapt(table[name])
        self._is_adapted = True
        self._encoded = None

    def _columns(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of the features, each with an axis of one."""
        missing = [name for name in self.features if name not in table]
        if missing:
            raise value_error(
                who=self.who,
                expected=f"the features {', '.join(self.features)}",
                got=f"{', '.join(map(str, table))}: {missing[0]!r} is missing",
            )
        found = {}
        for name in self.features:
            try:
                found[name] = column_of(table[name])
            except (TypeError, ValueError) as error:
                raise quoted(error, who=self.who, argument=name) from None
        sizes = {name: len(x) if np.ndim(x) else "one value" for name, x in found.items()}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise value_error(who=self.who, expected="columns of one length", got=listed)
        return found

    def _check_adapted(self) -> None:
        if not self._is_adapted:
            raise value_error(
                "expected features that have learned from data: "
                f"{', '.join(self._to_adapt())}. Call adapt(table) first.",
                who=self.who,
            )

    # -- encoding

    def get_inputs(self) -> dict[str, Any]:
        """What `Input` returns, for each feature."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbols of the encoded features, for a model that begins with `get_inputs()`, or on
        what this object has encoded.
        """
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._run(self.inputs)
        return self._encoded

    def __call__(self, data: object) -> Any:
        """The encoded features of a table.

        Args:
          data: a dict of columns, or of the values of one row; a data frame.

        Raises:
          TypeError: it is none of these.
        """
        self._check_adapted()
        if columns.is_table(data):
            data = dict(columns.columns_of(data))
        if not isinstance(data, dict):
            raise type_error(
                who=self.who, expected="a dict with a value for each feature", got=describe(data)
            )
        if any(isinstance(value, Symbol) for value in data.values()):
            return self._run({name: data[name] for name in self.features})
        is_row = all(np.ndim(plain(data[name])) == 0 for name in self.features if name in data)
        if is_row:
            data = {name: [value] for name, value in data.items()}
        found = self._run(self._columns(data))
        if not is_row:
            return found
        return {key: x[0] for key, x in found.items()} if isinstance(found, dict) else found[0]

    def _run(self, values: Mapping[str, Any]) -> Any:
        prepared = {
            name: self._prepared_feature(name, values[name]) for name in sorted(self.features)
        }
        crosses = sorted(self.crosses, key=lambda cross: cross.name)
        crossed = {
            cross.name: self.crossers[cross.name]([prepared[name] for name in cross.feature_names])
            for cross in crosses
        }
        modes = {name: value.output_mode for name, value in self.features.items()}
        modes |= {cross.name: cross.output_mode for cross in crosses}
        encoded = {
            name: self._encoded_feature(name, value, modes[name])
            for name, value in (prepared | crossed).items()
        }
        if self.output_mode == "dict":
            return encoded
        for name, value in encoded.items():
            if not jnp.issubdtype(value.dtype, jnp.floating):
                raise value_error(
                    who=self.who,
                    expected="vectors of floats to join",
                    got=f"{value.dtype.name} of the feature {name!r}, which is not encoded",
                    fix="Write output_mode='dict', or output_mode='one_hot' for the feature.",
                )
        return Concatenate(axis=-1)(list(encoded.values())) if len(encoded) > 1 else value

    def _prepared_feature(self, name: str, value: object) -> Any:
        is_array = not isinstance(value, Symbol)
        if is_array and self.features[name].dtype != "string":
            value = jnp.asarray(np.asarray(value).astype(self.features[name].dtype))
        return self.preprocessors[name](value)

    def _encoded_feature(self, name: str, value: Array | Symbol, mode: str) -> Any:
        if mode != "one_hot":
            return value
        layer = self.crossers.get(name) or self.preprocessors[name]
        if not jnp.issubdtype(value.dtype, jnp.integer):
            raise value_error(
                who=self.who,
                expected=f"integers of the layer of {name!r} for output_mode='one_hot'",
                got=value.dtype.name,
            )
        return CategoryEncoding(categories_of(self.who, name, layer), "multi_hot")(value)

    # -- files

    def get_config(self) -> dict[str, Any]:
        """The arguments by name."""
        return {
            "features": {name: written(value) for name, value in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [written(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The features with these arguments, not adapted."""
        return cls(**config)

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the features, with what they have learned, to a `.keras` file, which
        `jkeras.saving.load_model` reads.
        """
        feature_spaces.save(self.name, self.get_config(), self.preprocessors, filepath)

    @classmethod
    def of_file(cls, config: Mapping[str, Any], texts: Mapping[str, str], stored: Any) -> Self:
        """The features of a file, adapted as they were.

        Args:
          config: the arguments by name.
          texts: the assets of the file by their names.
          stored: its groups of weights.
        """
        space = cls.from_config(config)
        feature_spaces.take(space.preprocessors.values(), texts, stored)
        space._is_adapted = True
        return space
