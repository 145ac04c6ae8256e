"""Where the weights and the outputs of layers lie, while a step over several devices is traced.

A strategy for devices says it for one trace (`placing`). What differentiates or applies a model
asks for the weights, and every layer of a model for its outputs, under its path. On one device
nothing is asked. JAX's caches know the difference, so what was traced for one strategy is never
taken for another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import jax

from jkeras.core.trees import Tree

if TYPE_CHECKING:
    from jax.extend.core import Primitive

_NOT_KEPT = frozenset(
    "sharding_constraint reshape transpose convert_element_type broadcast_in_dim squeeze".split()
)
"""The operation that gathers weights, and those that only arrange what was gathered."""


class Places(Protocol):
    """What a strategy says; hashable, since it is a part of the keys of JAX's caches.

    Attributes:
      gathers_again: whether gathered weights are dropped between the forward and the backward pass.
      has_output_rules: whether `outputs` is asked at all.
    """

    @property
    def gathers_again(self) -> bool: ...

    @property
    def has_output_rules(self) -> bool: ...

    def weights(self, params: Tree) -> Any:
        """A model's weights as its layers use them."""

    def gradients(self, grads: Tree) -> Any:
        """The gradients of the weights as the optimizer finds them."""

    def outputs(self, path: str, outputs: Tree) -> Any:
        """The outputs of the layer at this path, as the next layer finds them."""


_current: Any = jax.make_user_context(None)


def placing(places: Places) -> contextlib.AbstractContextManager[None]:
    """Within this context models that are traced ask `places`."""
    context: contextlib.AbstractContextManager[None] = _current((places, ""))
    return context


def placed_weights(params: Tree) -> Any:
    """A model's weights as its layers use them."""
    return params if _current.value is None else _current.value[0].weights(params)


def placed_gradients(grads: Tree) -> Any:
    """The gradients of the weights as the optimizer finds them."""
    return grads if _current.value is None else _current.value[0].gradients(grads)


def in_place(name: str, run: Callable[..., Any], *trees: Tree) -> Any:
    """`run(*trees)` of a layer of this name, whose outputs come first, with these in their place;
    layers inside have this one's path before their own.
    """
    if _current.value is None or not _current.value[0].has_output_rules:
        return run(*trees)
    places, outer = _current.value
    path = f"{outer}{name}"
    with _current((places, f"{path}/")):
        outputs, *others = run(*trees)
    return places.outputs(path, outputs), *others


def regathering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function to be differentiated. Where a strategy wants it, its derivative gathers the
    weights a second time, and keeps everything else: no more than the layers at work have whole
    weights.
    """
    if _current.value is None or not _current.value[0].gathers_again:
        return function

    def is_kept(primitive: Primitive, *_: Any, **__: Any) -> bool:
        return primitive.name not in _NOT_KEPT

    return jax.checkpoint(function, policy=is_kept)
