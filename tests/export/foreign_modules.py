"""Networks of other libraries, trained and exported as ours are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
from flax import nnx

import jkeras
from jkeras.models import as_layer


class LinenNet(nn.Module):
    """A convolution, statistics and a dense layer."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        x = nn.relu(nn.Conv(4, (3, 3))(x))
        x = nn.BatchNorm(use_running_average=not train)(x)
        return nn.Dense(3)(x.mean((1, 2)))


class NnxNet(nnx.Module):
    """Two linear layers with a normalization between."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first, self.second = nnx.Linear(6, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.second(nnx.gelu(self.norm(self.first(x))))


def haiku_net(x: Any) -> Any:
    return hk.Sequential([hk.Linear(5), jax.nn.silu, hk.Linear(3)])(hk.LayerNorm(-1, True, True)(x))


def trained(module: Any, *shape: int) -> jkeras.Trainer:
    trainer = jkeras.Trainer(module, seed=0)
    trainer.build((None, *shape))
    return trainer


def mixed() -> jkeras.Sequential:
    """A module of Flax among layers."""
    return jkeras.Sequential(
        [jkeras.Input((6,)), jkeras.layers.Dense(4), as_layer(nn.Dense(5)), jkeras.layers.ReLU()],
        seed=0,
    )


NETWORKS: dict[str, Callable[[], Any]] = {
    "flax_linen": lambda: trained(LinenNet(), 8, 8, 3),
    "flax_nnx": lambda: trained(NnxNet(nnx.Rngs(0)), 6),
    "haiku": lambda: trained(hk.transform(haiku_net), 6),
    "equinox": lambda: trained(eqx.nn.MLP(6, 3, 8, 2, key=jax.random.key(0)), 6),
    "flax_among_layers": mixed,
}
