"""Layers written in Keras's way, run as pure functions.

    class Linear(Layer):
        def __init__(self, units): ...
        def build(self, input_shape): self.w = self.add_weight(shape=(input_shape[-1], self.units))
        def call(self, inputs): return inputs @ self.w

`plan_of` runs `build` and traces `call` once, to see which weights there are and which layers are
called on what; from that the weights are made. `run` lets the attributes stand for arrays that are
passed in, runs `call`, and takes down what it assigned and which losses it added. Laws:

  - The same arguments give the same result; nothing of a run stays in the object but attributes
    that `call` sets itself, and a traced array among them says so when it is used later.
  - Layers inside, in lists and dicts too, keep theirs under names in Keras's style, counted in this
    object; one object at two places is one set of weights.
  - The structure of the state is the same for every flag.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import naming
from jkeras.core.calling import arrangement
from jkeras.core.errors import describe
from jkeras.core.freezing import freezes_all, frozen_copy
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Layer, Params, State
from jkeras.core.seeds import drawing_from
from jkeras.core.trees import spec_of
from jkeras.core.variables import Frame, Variable, innermost, lenient, within
from jkeras.keras_classes.call_signature import build_arguments, signature
from jkeras.keras_classes.library_base import Above
from jkeras.keras_classes.tracking import (
    Leaked,
    Record,
    holds_tracer,
    is_subclassed,
    needs_super_init,
    origin_of,
    own_variables,
    paths_of,
    record_of,
)
from jkeras.keras_classes.weight_plan import LOSSES, Called, Plan, at, put
from jkeras.models.calls import (
    as_tuple,
    call_layer,
    naming_errors,
    unpacked,
    warn_of_lost_mask,
    with_activity,
)
from jkeras.models.ties import Ties, ties_of

Path = tuple[str, ...]


class Pass(Above, Frame):
    """One run of a layer: what its variables and the layers inside stand for.

    Args:
      view: the layer as its model names it.
      params, state: its own.
      key, training: as for `apply`.
      plan: filled on the way, when there are no values yet.
    """

    def __init__(
        self,
        view: Any,
        params: Params,
        state: State,
        *,
        key: Key | None,
        training: bool,
        plan: Plan | None,
    ) -> None:
        super().__init__(
            origin_of(view),
            view.dtype,
            "a trained weight is changed by the optimizer, and cannot be assigned inside `call`. "
            "Make it with trainable=False.",
        )
        above = innermost(Pass)
        self.view, self.key, self.training, self.plan = view, key, training, plan
        self.params, self.state = (dict(params) if plan else params), dict(state)
        self.losses: list[Any] = []
        self.turns: dict[Path, int] = {}
        self.filled: set[Path] = set()
        self.seen: dict[Path, Any] = {}
        self.masks: dict[int, Any] = {} if above is None else above.masks
        self.leaks: list[tuple[Any, str]] = [] if above is None else above.leaks
        self.is_outermost = above is None
        self.phase = "build"
        self.names: dict[Any, tuple[Path, Any]] = {}
        self.ties = Ties()

    # -- variables

    def enter(self) -> None:
        """Gives every variable its array."""
        for variable, name in own_variables(self.owner).items():
            tree = self.params if variable.trainable else self.state
            if self.plan is not None and name not in tree:
                self.plan.variables[variable] = name
                tree[name] = jnp.zeros(variable.shape, variable.dtype)
            if name not in tree:
                raise ValueError(
                    f"{self.view.who}: expected its weight {name!r} in `params` or `state`, which "
                    f"have {sorted([*self.params, *self.state])}."
                )
            self.values[variable] = tree[name]
        self.names = paths_of(self.owner)
        self.ties = ties_of(self.view)
        self.params, self.state = self.ties.filled(self.params), self.ties.filled(self.state)
        if self.plan is not None:
            self.plan.ties = self.ties
        if record_of(self.owner).builds_above:
            self.need_above(self.inputs)
        self.phase = "call"

    def new_state(self, before: State | None) -> State:
        """The state after the run: what was assigned, and the sum of the losses."""
        state = dict(self.state)
        for variable, name in own_variables(self.owner).items():
            if not variable.trainable and variable in self.values:
                state[name] = self.values[variable]
        if self.plan is not None:
            self.plan.adds_losses |= bool(self.losses)
        if LOSSES in state or self.losses:
            total = jnp.zeros((), jnp.float32) if before is None else before[LOSSES][ACTIVITY_LOSS]
            for loss in self.losses:
                total = total + jnp.sum(jnp.asarray(loss)).astype(jnp.float32)
            state[LOSSES] = {ACTIVITY_LOSS: total}
        return self.ties.single(state)

    # -- layers inside

    def call_layer(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs of a layer that is called here.

        Raises:
          ValueError: it is none of the layers of this object, and has weights.
        """
        if self.phase == "build":
            raise ValueError(
                f"{layer.who}: it was called in `build` of {self.view.who}. Call it in `call`; "
                "in `build` it needs nothing."
            )
        args, options = arrangement(layer, args, kwargs)
        training = options.pop("training", self.training)
        values = jax.tree.map(as_array, args)
        masks = tuple(jax.tree.map(self.mask_of, value) for value in values)
        if "mask" in options and hasattr(layer, "apply_with_mask"):
            given = options.pop("mask")
            masks = tuple(given) if isinstance(given, list | tuple) else (given, *masks[1:])
        path, named = self._place(layer, values)
        told: dict[str, Any] = {"key": None, "training": training}
        told["turn"] = self.turns[path] = self.turns.get(path, -1) + 1
        if self.key is not None:
            told["key"] = functools.reduce(child, path, self.key)
        if self.plan is not None:
            options |= self._planned(path, named, values, told["key"])
        parts = at(self.params, path), at(self.state, path)
        runs = frozen_copy(named) if freezes_all(self.view) else named
        outputs, new, made = call_layer(runs, *parts, values, masks, options=options, **told)
        put(self.state, path, new)
        self.state = self.ties.spread(self.state, path)
        leaves = jax.tree.leaves(outputs)
        found = jax.tree.leaves(made, is_leaf=lambda mask: mask is None)
        for leaf, mask in zip(leaves, found if len(found) == len(leaves) else (), strict=False):
            self.remember(leaf, mask)
        self.seen[path] = unpacked(outputs)
        return unpacked(outputs)

    def _place(self, layer: Any, values: Any) -> tuple[Path, Any]:
        """Where a layer's values lie, and the layer under its name there."""
        known = self.names.get(identity_of(layer))
        if known is not None:
            return known
        self.names = paths_of(self.owner)
        known = self.names.get(identity_of(layer))
        if known is not None:
            return known
        name = naming.unique(
            naming.snake_case(naming.kind_of(layer)), [path[0] for path, _ in self.names.values()]
        )
        specs = jax.tree.map(_spec_or_value, values)
        with contextlib.suppress(TypeError):  # an init that takes no such inputs says so later
            made = jax.eval_shape(lambda key: layer.init(key, *specs), jax.random.key(0))
            if jax.tree.leaves(made):
                raise ValueError(
                    f"{layer.who}: it has weights, and is no attribute of {self.view.who}, where "
                    "it was called: they would be new in every call. Make it in `__init__`, "
                    f"self.{name} = ..., and call self.{name}(...)."
                )
        return (name,), layer.renamed(name)

    def _planned(self, path: Path, layer: Any, values: Any, key: Key | None) -> dict[str, Any]:
        """Makes traced values of a layer that is called for the first time; what it is told."""
        assert self.plan is not None
        if path in self.filled:
            return {}
        self.filled.add(path)
        specs = tuple(jax.tree.map(_spec_or_value, values))
        new = Plan(layer.who) if is_subclassed(layer) else Called(layer, specs)
        part = self.plan.parts.setdefault(path, new)
        if isinstance(part, Plan):
            return {"plan": part, "fill": functools.partial(put, self.params, path)}
        params, state = layer.init(key, *specs)
        put(self.params, path, params)
        put(self.state, path, with_activity(layer, state, jnp.zeros(())))
        return {}

    # -- masks and losses

    def mask_of(self, value: Any) -> Any:
        """The mask of an array that a layer gave here, or that came in."""
        known = self.masks.get(id(value))
        return None if known is None else known[1]

    def remember(self, value: Any, mask: Any) -> None:
        """Notes the mask of an array."""
        if mask is not None:
            self.masks[id(value)] = (value, mask)

    def leave(self) -> None:
        """Where the outermost layer ends, nothing traced stays behind in attributes."""
        for owner, name in self.leaks if self.is_outermost else ():
            if holds_tracer(vars(owner).get(name)):
                vars(owner)[name] = Leaked(getattr(owner, "who", type(owner).__name__), name)


def as_array(value: Any) -> Any:
    """A variable as the array it stands for, an array of NumPy as one of JAX; else as it is."""
    if isinstance(value, Variable):
        return value.value
    is_array = hasattr(value, "shape") and hasattr(value, "dtype")
    return jnp.asarray(value) if is_array and not isinstance(value, jax.Array) else value


def _spec_or_value(value: Any) -> Any:
    return spec_of(value) if hasattr(value, "shape") and hasattr(value, "dtype") else value


def plan_of(view: Any, key: Key, inputs: tuple[Any, ...]) -> Plan:
    """What a layer has, by its inputs' specs or arrays.

    Raises:
      TypeError, ValueError: what `build` and `call` say to such inputs.
    """
    plan = Plan(view.who)
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


def _knows_training(owner: Any) -> bool:
    """Whether this object or one inside of this kind looks at the flag."""
    if signature(type(owner)).takes("training"):
        return True
    inside = (origin_of(layer) for _, layer in paths_of(owner).values() if is_subclassed(layer))
    return any(signature(type(layer)).takes("training") for layer in inside)


def run(
    view: Any,
    params: Params,
    state: State,
    values: tuple[Any, ...],
    masks: Any,
    *,
    key: Key | None,
    training: bool,
    plan: Plan | None = None,
    turn: int = 0,
    fill: Callable[[Any], None] | None = None,
    seen: dict[Path, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[Any, State, Any]:
    """Runs a layer that is written in Keras's way.

    Args:
      view: the layer.
      params: as for `apply`.
      state: as for `apply`.
      key: as for `apply`.
      training: as for `apply`.
      values: the inputs, side by side.
      masks: their masks, or None.
      plan: filled with what is found, when there are no values yet.
      turn: how often it ran before in this pass; its losses then add up.
      fill: is given the traced params that a plan made.
      seen: is given the outputs of the layers inside, by their paths.
      options: further arguments of `call` by name.

    Returns:
      The outputs, the new state, and the masks of the outputs in their structure.
    """
    needs_super_init(view)
    frame = Pass(view, params, state, key=key, training=training, plan=plan)
    frame.seen = frame.seen if seen is None else seen
    values = tuple(jax.tree.map(functools.partial(_entering, view.dtype), values))
    listed = masks if isinstance(masks, tuple | list) else (masks,) * len(values)
    for value, mask in zip(values, listed, strict=False):
        _remember(frame, value, mask)
    with within(frame), drawing_from(functools.partial(_draw_key, frame)), lenient():
        frame.inputs = values
        _build(frame, values)
        frame.enter()
        outputs = _called(frame, values, options or {})
        frame.end_above()
        made = _masks(frame, values, outputs)
        new = frame.new_state(state if turn else None)
    frame.leave()
    if fill is not None:
        fill(frame.params)
    return outputs, new, made


def _remember(frame: Pass, value: Any, mask: Any) -> None:
    leaves = jax.tree.leaves(value)
    masks = jax.tree.leaves(mask, is_leaf=lambda leaf: leaf is None)
    for leaf, own in zip(leaves, masks if len(masks) == len(leaves) else (), strict=False):
        frame.remember(leaf, own)


def _entering(dtype: Any, value: Any) -> Any:
    value = as_array(value)
    if dtype is None or not hasattr(value, "dtype"):
        return value
    return value.astype(dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _draw_key(frame: Pass) -> Key:
    """Where random functions without a key draw from. Outside of training always the same."""
    key = jax.random.key(0) if frame.key is None else frame.key
    return child(child(key, "draws"), str(frame.view.name))


# -- build


def _build(frame: Pass, values: tuple[Any, ...]) -> None:
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


def _shapes(value: Any) -> Any:
    """The shape of an input with None for the batch; a structure of shapes for a structure."""
    return jax.tree.map(
        lambda leaf: (None, *leaf.shape[1:]) if getattr(leaf, "ndim", 0) else (), value
    )


# -- call


def _called(frame: Pass, values: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The outputs of `call`."""
    known = signature(type(frame.owner))
    args = values
    if len(values) > 1 and len(known.inputs) == 1 and not known.spreads:
        args = (list(values),)
    args, told = known.arranged(args, options)
    if known.takes("training"):
        told["training"] = frame.training
    if known.takes("mask") and "mask" not in told and values:
        masks = jax.tree.map(frame.mask_of, args[0] if args else values[0])
        told["mask"] = masks if jax.tree.leaves(masks) else None
    try:
        inspect.signature(frame.owner.call).bind(*args, **told)
    except TypeError as error:
        raise TypeError(f"{frame.view.who}: call: {error}.") from None
    with naming_errors(frame.view, values):
        outputs = jax.tree.map(as_array, frame.owner.call(*args, **told))
    if not jax.tree.leaves(outputs):
        raise ValueError(
            f"{frame.view.who}: expected `call` to return its outputs, got {describe(outputs)}. "
            "End it with return."
        )
    return jax.tree.map(jnp.asarray, outputs)


def _masks(frame: Pass, values: tuple[Any, ...], outputs: Any) -> Any:
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


__all__ = ["LOSSES", "Pass", "Plan", "Record", "plan_of", "run"]
