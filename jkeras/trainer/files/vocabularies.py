"""The vocabularies of a model's layers in Keras's `.keras` files.

A vocabulary that `adapt` found is a text file among the assets, under the path of its layer's
weights; weights of "tf_idf" lie beside the weights, under a name in place of a number. Keras's
`TextVectorization` has a layer inside that keeps both, so these stand at two places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from jkeras.saving.keras_archive import ASSETS
from jkeras.saving.keras_h5 import Group, Stored
from jkeras.trainer.files.keras_layout import layers_by_path
from jkeras.training.net import Net

WEIGHTS = "idf_weights"
INNER = "_lookup_layer"
"""The attribute of Keras's `TextVectorization` that holds its lookup."""

Pairs = Iterable[tuple[str, Any]]


def lookups(net: Net) -> list[tuple[str, Any]]:
    """The layers of a model that have a vocabulary, each with its path in a file."""
    pairs = layers_by_path(net)
    return [(path, layer) for path, layer in pairs if hasattr(layer, "asset_files")]


def _places(path: str, layer: Any) -> Iterator[str]:
    yield path
    if layer.is_kept_twice:
        yield f"{path}/{INNER}"


def assets(pairs: Pairs) -> dict[str, str]:
    """The texts of the vocabularies, by the names of their files in an archive."""
    return {
        f"{ASSETS}/{place}/{name}": text
        for path, layer in pairs
        for place in _places(path, layer)
        for name, text in layer.asset_files().items()
    }


def with_weights(groups: list[Group], pairs: Pairs) -> list[Group]:
    """The groups of a file, with the weights of "tf_idf" in those of their layers."""
    named: dict[str, dict[str, np.ndarray]] = {}
    for path, layer in pairs:
        if layer.found is None or layer.found.weights is None:
            continue
        array = np.asarray(layer.found.weights, np.float32)
        named |= {place: {WEIGHTS: array} for place in _places(path, layer)}
    return [group._replace(named=named.get(group.path, {})) for group in groups]


def take(pairs: Pairs, texts: Mapping[str, str], stored: Stored) -> None:
    """Gives layers the vocabularies of a file.

    Args:
      pairs: the layers with their paths.
      texts: the assets by the names of their files.
      stored: the groups of weights.

    Raises:
      ValueError: a vocabulary is damaged.
    """
    for path, layer in pairs:
        found: dict[str, str] = {}
        for place in reversed(list(_places(path, layer))):
            start = f"{ASSETS}/{place}/"
            own = {n[len(start) :]: text for n, text in texts.items() if n.startswith(start)}
            found |= {name: text for name, text in own.items() if "/" not in name}
        if found:
            layer.take_asset_files(found, stored.get(path, {}).get(WEIGHTS))
