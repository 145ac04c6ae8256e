"""Weights whose next value a training step computes: no optimizer moves them.

    computed = next_values(net, params, grads)
    params = whole(computed, params)             # `jkeras.core.freezing.whole`

A layer names such weights in `computed_weights`, and its method `computed` says their next values:
the scales of float8, and weights of `add_weight(overwrite_with_gradient=True)`. To everybody else
they are trained weights: they have gradients, which are, or tell, the next values. The optimizer
gets gradients of zero for them, and its averages do not take their place.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.parts import Path, at, layers_by_path, put
from jkeras.core.trees import Tree


def _is_none(leaf: object) -> bool:
    return leaf is None


def layers_with_computed_weights(net: object) -> list[tuple[Path, Any]]:
    """The layers in a model that have such weights, with the paths to their values."""
    found = layers_by_path(net).items()
    return [(path, layer) for path, layer in found if getattr(layer, "computed_weights", ())]


def next_values(net: object, params: Tree, grads: Tree) -> Tree | None:
    """The tree of `params` with the next values of such weights, and None for all others.

    Args:
      net: anything with the layer contract.
      params: its params.
      grads: of the params; None for what is not trained, which stays as it is.

    Returns:
      The tree; None where no layer has such weights.
    """
    layers = layers_with_computed_weights(net)
    if not layers:
        return None
    new = jax.tree.map(lambda _: None, params)
    for path, layer in layers:
        own = at(params, path)
        if own:
            given, names = at(grads, path), layer.computed_weights & own.keys()
            trained = {name: given[name] for name in names if given.get(name) is not None}
            values = layer.computed({name: own[name] for name in names}, trained)
            new = put(new, path, {**at(new, path), **values})
    return new


def names(net: object) -> frozenset[str]:
    """The paths of such weights, as "encoder/dense/kernel_scale"."""
    pairs = layers_with_computed_weights(net)
    return frozenset("/".join((*path, name)) for path, x in pairs for name in x.computed_weights)


def without_gradient(grads: Tree, computed: Tree | None) -> Tree:
    """The gradients for the optimizer: zeros for what was computed."""
    if computed is None:
        return grads
    return jax.tree.map(
        lambda grad, new: grad if grad is None or new is None else jnp.zeros_like(grad),
        grads,
        computed,
        is_leaf=_is_none,
    )


def kept(net: object, new: Tree, params: Tree) -> Tree:
    """`new`, such as averages, with such weights as they are in `params`."""
    for path, layer in layers_with_computed_weights(net):
        own = at(params, path)
        mine = {name: own[name] for name in layer.computed_weights & own.keys()}
        new = put(new, path, {**at(new, path), **mine}) if mine else new
    return new


def held(net: object, trained: Tree) -> Tree:
    """The params of a loss that an optimizer searches itself, with no gradient of such weights."""
    return kept(net, trained, jax.lax.stop_gradient(trained))
