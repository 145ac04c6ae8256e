"""A `FeatureSpace` in Keras's `.keras` files: its configuration, vocabularies and statistics."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jkeras.core.folders import atomic_write
from jkeras.layers import Normalization
from jkeras.layers.lookup import Lookup
from jkeras.saving import keras_archive, keras_h5
from jkeras.saving.keras_h5 import Group, Stored, in_order
from jkeras.trainer.files import vocabularies

CLASS = "FeatureSpace"


def _by_path(layers: Iterable[Any]) -> dict[str, Any]:
    """The layers of features by their paths, which count the features in their order."""
    return {
        f"features/feature_{number}/preprocessor".replace("feature_0/", "feature/"): layer
        for number, layer in enumerate(layers)
    }


def save(
    name: str,
    config: Mapping[str, Any],
    layers: Mapping[str, Any],
    filepath: str | os.PathLike[str],
) -> None:
    """Writes a feature space.

    Args:
      name: its name.
      config: its arguments by name.
      layers: the layer of each feature.
      filepath: ends with `.keras`.

    Raises:
      ValueError: the name does not end with `.keras`.
    """
    path = Path(filepath)
    if path.suffix != ".keras":
        raise ValueError(
            f"save: `filepath`: expected a name that ends with '.keras', got {path.name!r}. Use "
            f"{path.with_suffix('.keras').name!r}."
        )
    by_path = _by_path(layers.values())
    lookups = [(at, layer) for at, layer in by_path.items() if isinstance(layer, Lookup)]
    whole = {
        "module": "keras.utils",
        "class_name": CLASS,
        "config": config,
        "registered_name": CLASS,
        "build_config": {feature: {} for feature in layers},
    }
    groups = [Group(at, str(layer.name), _statistics(layer)) for at, layer in by_path.items()]
    groups = vocabularies.with_weights([Group("", name), *groups], lookups)
    texts = vocabularies.assets(lookups)

    def weights(file: BinaryIO) -> None:
        keras_h5.write(file, groups)

    atomic_write(path, lambda file: keras_archive.write(file, whole, weights, texts))


def _statistics(layer: object) -> tuple[Any, ...]:
    """Mean, variance and count of a layer that normalizes."""
    state = layer.fitted_state() if isinstance(layer, Normalization) else {}
    return tuple(np.asarray(value) for value in state.values())


def take(layers: Iterable[Any], texts: Mapping[str, str], stored: Stored) -> None:
    """Gives the layers of features what they had learned.

    Args:
      layers: in the order of the features.
      texts: the assets of the file by their names.
      stored: its groups of weights.
    """
    by_path = _by_path(layers)
    lookups = [(path, layer) for path, layer in by_path.items() if isinstance(layer, Lookup)]
    vocabularies.take(lookups, texts, stored)
    for path, layer in by_path.items():
        arrays = in_order(stored.get(path, {})) or []
        if isinstance(layer, Normalization) and len(arrays) >= 2:
            layer.take_statistics(arrays[0], arrays[1])
