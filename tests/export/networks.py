"""The networks that every format of export is tried on: one table, `NETWORKS`.

Each entry makes a built model whose weights are random numbers of a fixed seed, statistics of
normalizations included, so that a weight that is left out, or taken for another, shows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.export import architectures, foreign_modules, layer_kinds


def with_random_weights(model: Any, seed: int = 0) -> Any:
    """The model with every floating weight drawn anew, in the size that keeps outputs near one."""
    random = np.random.default_rng(seed)
    names = [weight.path.rpartition("/")[2] for weight in model.weights]
    values = model.get_weights()
    model.set_weights([_drawn(random, *pair) for pair in zip(names, values, strict=True)])
    return model


def _drawn(random: np.random.Generator, name: str, value: np.ndarray) -> np.ndarray:
    if not np.issubdtype(value.dtype, np.floating) and value.dtype.name not in ("bfloat16",):
        return value
    noise = random.standard_normal(value.shape)
    if "var" in name:
        drawn = 0.5 + np.abs(noise)
    elif name in ("gamma", "scale", "average"):
        drawn = 1 + 0.2 * noise
    elif value.ndim < 2:
        drawn = 0.3 * noise
    else:
        drawn = noise / np.sqrt(np.prod(value.shape[:-1]))
    return np.asarray(drawn, value.dtype)


def _built(make: Callable[[], Any]) -> Any:
    return with_random_weights(make())


NETWORKS: dict[str, Callable[[], Any]] = {
    name: functools.partial(_built, make)
    for table in (layer_kinds.NETWORKS, architectures.NETWORKS, foreign_modules.NETWORKS)
    for name, make in table.items()
}
"""By name a function that makes the model."""

FEW = ("conv2d", "embedding_mask_lstm", "gru", "u_net", "gpt", "two_towers", "flax_linen")
"""What the quick form of the tests tries in each format."""
