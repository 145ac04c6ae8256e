"""`model(x)` as one compiled program.

Operation by operation, a call on arrays costs a dispatch for each; compiled, it costs one. Where a
user's own Python may run in the call (a class with `call`, a `Lambda`, a function of the user's as
activation or activity regularizer), it stays uncompiled, so that prints and debuggers see values,
and what the function reads outside of its arguments counts as it is then.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jkeras.core.freezing import layer_paths
from jkeras.core.keys import Key
from jkeras.core.layer import ACTIVITY_LOSS
from jkeras.core.trees import Tree
from jkeras.keras_classes.tracking import is_subclassed
from jkeras.layers import Lambda
from jkeras.training.net import Net

RUN_IN_CALLS = ("activation", "activity_regularizer")
"""How the names of attributes of layers end that hold functions which run in a call."""


def is_compilable(net: object) -> bool:
    """Whether no Python of a user's may run in a call, other than pure functions."""
    for layer in [net, *(layer for _, layer in layer_paths(net))]:
        held = getattr(layer, "__dict__", {})
        called = [v for name, v in held.items() if name.endswith(RUN_IN_CALLS) and callable(v)]
        is_users = is_subclassed(layer) or isinstance(layer, Lambda)
        if is_users or not all(map(_is_of_library, called)):
            return False
    return True


def _is_of_library(function: object) -> bool:
    """Whether a function, or the class of an object that is called, is jkeras's or JAX's own."""
    while isinstance(function, functools.partial):
        function = function.func
    module = getattr(function, "__module__", None) or type(function).__module__
    return module.partition(".")[0] in ("jkeras", "jax", "jaxlib")


def run(
    net: Net,
    params: Tree,
    state: Tree,
    arrays: Sequence[Any],
    masks: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    """(outputs, what changed in the state, masks of the outputs) of a description for arrays.

    Args:
      net: the description.
      params, state: its values.
      arrays: the inputs.
      masks: those of the inputs, None for none.
      kwargs: `key`, `training`, and further arguments of the call.
    """
    hears = jax.tree.leaves(list(masks)) or getattr(net, "makes_masks", False)
    if hears and "mask" not in kwargs and hasattr(net, "apply_with_mask"):
        outputs, new, made = net.apply_with_mask(
            params, state, *arrays, masks=list(masks), **kwargs
        )
        return outputs, _changed(state, new), made
    outputs, new = net.apply(params, state, *arrays, **kwargs)
    return outputs, _changed(state, new), None


def call_program(net: Net) -> Callable[..., tuple[Any, Any, Any]]:
    """The compiled function (params, state, key, arrays, masks, training, flags) -> (outputs, what
    changed in the state, masks of the outputs). The flags say which layers are trained, which a
    layer looks at while it is traced.
    """

    @functools.partial(jax.jit, static_argnums=(5, 6))
    def call(
        params: Tree,
        state: Tree,
        key: Key | None,
        arrays: Sequence[Tree],
        masks: Sequence[Tree],
        training: bool,
        flags: tuple[bool, ...],
    ) -> tuple[Any, Any, Any]:
        del flags
        return run(net, params, state, arrays, masks, {"key": key, "training": training})

    return call


def _changed(before: Tree, after: Tree) -> Any:
    """The entries of a state, nested dicts, that are not the arrays of the state before."""
    if not isinstance(after, dict):
        return after
    changed = {}
    for name, part in after.items():
        old = before.get(name) if isinstance(before, dict) else None
        inner = _changed(old, part)
        if isinstance(part, dict):
            is_same = not inner
        else:
            pairs = zip(jax.tree.leaves(part), jax.tree.leaves(old), strict=False)
            is_same = old is not None and all(a is b for a, b in pairs)
        if not is_same:
            changed[name] = inner
    return changed


def moved(state: Tree, changed: Tree) -> Any:
    """The state with the entries that a call changed, but for the losses of that call."""
    if not isinstance(changed, dict):
        return changed
    new = dict(state)
    for name, part in changed.items():
        if name != ACTIVITY_LOSS:
            new[name] = moved(state.get(name, {}), part)
    return new
