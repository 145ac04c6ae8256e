"""Layers with a `call` of their own, run as pure functions.

    class Linear(Layer):
        def __init__(self, units): ...
        def build(self, input_shape): self.w = self.add_weight(shape=(input_shape[-1], self.units))
        def call(self, inputs): return inputs @ self.w

`plan_weights` runs `build` and traces `call` once, to see which weights there are and which layers
are called on what; from that the weights are made. `run` lets the attributes stand for arrays that
are passed in (`CallFrame`), runs `call`, and takes down what it assigned and which losses it added.

Laws:

  - The same arguments give the same result; nothing of a run stays in the object but attributes
    that `call` sets itself, and a traced array among them says so when it is used later.
  - Layers inside, in lists and dicts too, keep theirs under names in Keras's style, counted in this
    object; one object at two places is one set of weights.
  - The structure of the state is the same for every flag.
  - Threads may meet: an object is built, and traced for what it has, by one at a time. A run of an
    object that is built takes no lock.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, Params, State
from jkeras.core.seeds import drawing_from
from jkeras.core.trees import Tree, spec_of
from jkeras.core.variables import lenient, within
from jkeras.keras_classes.call_frame import CallFrame, Path, as_array
from jkeras.keras_classes.call_signature import build_arguments, signature
from jkeras.keras_classes.tracking import (
    is_subclassed,
    needs_super_init,
    origin_of,
    paths_of,
    record_of,
)
from jkeras.keras_classes.weight_plan import WeightPlan
from jkeras.models.calls import (
    Masks,
    Values,
    as_tuple,
    naming_errors,
    unpacked,
    warn_of_lost_mask,
)


def plan_weights(view: Layer, key: Key, inputs: tuple[Any, ...]) -> WeightPlan:
    """What a layer has, by its inputs' specs or arrays.

    Raises:
      TypeError, ValueError: what `build` and `call` say to such inputs.
    """
    plan = WeightPlan(view.who)
    leaves, tree = jax.tree.flatten(inputs)
    arrays = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "shape")]

    def trace(key: Key, *values: Any) -> None:
        own = list(leaves)
        for i, value in zip(arrays, values, strict=True):
            own[i] = value
        given = jax.tree.unflatten(tree, own)
        for training in (False, True) if _knows_training(origin_of(view)) else (False,):
            run(view, {}, {}, given, (None,) * len(given), key=key, training=training, plan=plan)

    jax.eval_shape(trace, key, *(spec_of(leaves[i]) for i in arrays))
    return plan


def _knows_training(owner: object) -> bool:
    """Whether this object or one inside of this kind looks at the flag."""
    if signature(type(owner)).takes("training"):
        return True
    inside = (origin_of(layer) for _, layer in paths_of(owner).values() if is_subclassed(layer))
    return any(signature(type(layer)).takes("training") for layer in inside)


def run(
    view: Layer,
    params: Params,
    state: State,
    values: tuple[Any, ...],
    masks: Masks | list[Any] | Array | None,
    *,
    key: Key | None,
    training: bool,
    plan: WeightPlan | None = None,
    turn: int = 0,
    fill: Callable[[Any], None] | None = None,
    seen: dict[Path, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[Any, State, Any]:
    """Runs a layer with a `call` of its own.

    Args:
      view: the layer.
      params: as for `apply`.
      state: as for `apply`.
      key: as for `apply`.
      training: as for `apply`.
      values: the inputs, side by side.
      masks: their masks, or None.
      plan: filled with the variables and layers found, when there are no values yet.
      turn: how often it ran before in this pass; its losses then add up.
      fill: is given the traced params that a plan made.
      seen: is given the outputs of the layers inside, by their paths.
      options: further arguments of `call` by name.

    Returns:
      The outputs, the new state, and the masks of the outputs in their structure.
    """
    needs_super_init(view)
    record = record_of(origin_of(view))
    builds = plan is not None or record.shapes is None
    frame = CallFrame(view, params, state, key=key, training=training, plan=plan)
    frame.seen = frame.seen if seen is None else seen
    with record.lock if builds else contextlib.nullcontext():
        outputs, new, made = _run(frame, values, masks, options or {}, state if turn else None)
    if fill is not None:
        fill(frame.params)
    return outputs, new, made


def _run(
    frame: CallFrame,
    values: tuple[Any, ...],
    masks: Masks | list[Any] | Array | None,
    options: dict[str, Any],
    before: State | None,
) -> tuple[Any, State, Any]:
    """The outputs, the new state, and the masks of the outputs; `before` as for `new_state`."""
    values = tuple(jax.tree.map(functools.partial(_entering, frame.view.dtype), values))
    listed = masks if isinstance(masks, tuple | list) else (masks,) * len(values)
    for value, mask in zip(values, listed, strict=False):
        _remember(frame, value, mask)
    with within(frame), drawing_from(functools.partial(_draw_key, frame)), lenient():
        frame.inputs = values
        _build(frame, values)
        frame.enter()
        outputs = _called(frame, values, options)
        frame.base.end()
        made = _masks(frame, values, outputs)
        new = frame.new_state(before)
    frame.leave()
    return outputs, new, made


def _remember(frame: CallFrame, value: Tree, mask: Tree) -> None:
    leaves = jax.tree.leaves(value)
    masks = jax.tree.leaves(mask, is_leaf=lambda leaf: leaf is None)
    for leaf, own in zip(leaves, masks if len(masks) == len(leaves) else (), strict=False):
        frame.remember(leaf, own)


def _entering(dtype: DTypeLike | None, value: Tree) -> Any:
    value = as_array(value)
    if dtype is None or not hasattr(value, "dtype"):
        return value
    return value.astype(dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _draw_key(frame: CallFrame) -> Key:
    """Where random functions without a key draw from. Outside of training always the same."""
    key = jax.random.key(0) if frame.key is None else frame.key
    return child(child(key, "draws"), str(frame.view.name))


# -- build


def _build(frame: CallFrame, values: tuple[Any, ...]) -> None:
    """Runs the object's `build` for these inputs, unless it was built for such ones."""
    record = record_of(frame.owner)
    shapes = tuple(_shapes(value) for value in values)
    if record.shapes is not None and (frame.plan is None or record.shapes == shapes):
        return
    record.begin(frame.owner)
    build: Any = getattr(type(frame.owner), "build", None)
    if hasattr(build, "makes_weights"):
        build(frame.owner, *build_arguments(build, shapes, signature(type(frame.owner))))
    record.shapes = shapes


def _shapes(value: Tree) -> Any:
    """The shape of an input with None for the batch; a structure of shapes for a structure."""
    return jax.tree.map(
        lambda leaf: (None, *leaf.shape[1:]) if getattr(leaf, "ndim", 0) else (), value
    )


# -- call


def _called(frame: CallFrame, values: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The outputs of `call`."""
    known = signature(type(frame.owner))
    args = values
    if len(values) > 1 and len(known.inputs) == 1 and not known.spreads:
        args = (list(values),)
    args, kwargs = known.arranged(args, options)
    if known.takes("training"):
        kwargs["training"] = frame.training
    if known.takes("mask") and "mask" not in kwargs and values:
        masks = jax.tree.map(frame.mask_of, args[0] if args else values[0])
        kwargs["mask"] = masks if jax.tree.leaves(masks) else None
    try:
        inspect.signature(frame.owner.call).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{frame.view.who}: call: {error}.") from None
    with naming_errors(frame.view, values):
        outputs = jax.tree.map(as_array, frame.owner.call(*args, **kwargs))
    if not jax.tree.leaves(outputs):
        raise ValueError(
            f"{frame.view.who}: expected `call` to return its outputs, got {describe(outputs)}. "
            "End it with return."
        )
    return jax.tree.map(jnp.asarray, outputs)


def _masks(frame: CallFrame, values: Values, outputs: Tree) -> Any:
    """The masks of the outputs: those that layers inside gave them, else by `compute_mask`."""
    made = jax.tree.map(frame.mask_of, outputs)
    if jax.tree.leaves(made):
        return made
    masks = tuple(jax.tree.map(frame.mask_of, value) for value in values)
    own = getattr(type(frame.owner), "compute_mask", Layer.compute_mask)
    if getattr(frame.owner, "supports_masking", False) or own is not Layer.compute_mask:
        return own(frame.owner, unpacked(values), unpacked(masks))
    if jax.tree.leaves(masks) and not signature(type(frame.owner)).takes("mask"):
        warn_of_lost_mask(frame.view)
    return None if not isinstance(outputs, tuple) else (None,) * len(as_tuple(outputs))


__all__ = ["plan_weights", "run"]
