"""One run of a subclassed layer's `call`: the values of its variables and sublayers."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import naming
from jkeras.core.calling import arrangement
from jkeras.core.freezing import freezes_all, frozen_copy
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Array, Layer, Params, State
from jkeras.core.trees import spec_of
from jkeras.core.variables import Variable, innermost
from jkeras.keras_classes.library_base import BaseFrame, LibraryBase
from jkeras.keras_classes.tracking import (
    Leaked,
    holds_tracer,
    is_subclassed,
    origin_of,
    own_variables,
    paths_of,
    record_of,
)
from jkeras.keras_classes.weight_plan import LOSSES, CalledLayer, WeightPlan, at, put
from jkeras.models.calls import (
    Values,
    call_layer,
    unpacked,
    with_activity,
)
from jkeras.models.weight_tying import WeightTies, weight_ties_of

Path = tuple[str, ...]


class CallFrame(BaseFrame):
    """One run of a layer: what its variables and the layers inside stand for.

    Args:
      view: the layer as its model names it.
      params, state: its own.
      key, training: as for `apply`.
      plan: filled on the way, when there are no values yet.
    """

    def __init__(
        self,
        view: Layer,
        params: Params,
        state: State,
        *,
        key: Key | None,
        training: bool,
        plan: WeightPlan | None,
    ) -> None:
        super().__init__(
            origin_of(view),
            view.dtype,
            "a trained weight is changed by the optimizer, and cannot be assigned inside `call`. "
            "Make it with trainable=False.",
        )
        outer = innermost(CallFrame)
        self.view, self.key, self.training, self.plan = view, key, training, plan
        self.params, self.state = (dict(params) if plan else params), dict(state)
        self.losses: list[Any] = []
        self.turns: dict[Path, int] = {}
        self.filled: set[Path] = set()
        self.seen: dict[Path, Any] = {}
        self.masks: dict[int, Any] = {} if outer is None else outer.masks
        self.leaks: list[tuple[Any, str]] = [] if outer is None else outer.leaks
        self.is_outermost = outer is None
        self.phase = "build"
        self.inputs = ()
        self.base = LibraryBase(self)
        self.names: dict[Any, tuple[Path, Any]] = {}
        self.weight_ties = WeightTies()

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
        self.weight_ties = weight_ties_of(self.view)
        self.params = self.weight_ties.broadcast(self.params)
        self.state = self.weight_ties.broadcast(self.state)
        if self.plan is not None:
            self.plan.weight_ties = self.weight_ties
        if record_of(self.owner).calls_base_build:
            self.base.plan_weights(self.inputs)
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
        return self.weight_ties.deduplicate(state)

    # -- layers inside

    def call_layer(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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
        context: dict[str, Any] = {"key": None, "training": training}
        context["turn"] = self.turns[path] = self.turns.get(path, -1) + 1
        if self.key is not None:
            context["key"] = functools.reduce(child, path, self.key)
        if self.plan is not None:
            options |= self._planned(path, named, values, context["key"])
        parts = at(self.params, path), at(self.state, path)
        runs = frozen_copy(named) if freezes_all(self.view) else named
        outputs, new, made = call_layer(runs, *parts, values, masks, options=options, **context)
        put(self.state, path, new)
        self.state = self.weight_ties.propagate(self.state, path)
        leaves = jax.tree.leaves(outputs)
        found = jax.tree.leaves(made, is_leaf=lambda mask: mask is None)
        for leaf, mask in zip(leaves, found if len(found) == len(leaves) else (), strict=False):
            self.remember(leaf, mask)
        self.seen[path] = unpacked(outputs)
        return unpacked(outputs)

    def _place(self, layer: Layer, values: Values) -> tuple[Path, Any]:
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

    def _planned(self, path: Path, layer: Layer, values: Values, key: Key | None) -> dict[str, Any]:
        """Plans the weights of a layer at its first call, and makes traced values for them.

        Returns:
          Further keyword arguments for the layer's `apply`.
        """
        assert self.plan is not None
        if path in self.filled:
            return {}
        self.filled.add(path)
        specs = tuple(jax.tree.map(_spec_or_value, values))
        new = WeightPlan(layer.who) if is_subclassed(layer) else CalledLayer(layer, specs)
        part = self.plan.parts.setdefault(path, new)
        if isinstance(part, WeightPlan):
            return {"plan": part, "fill": functools.partial(put, self.params, path)}
        params, state = layer.init(key, *specs)
        put(self.params, path, params)
        put(self.state, path, with_activity(layer, state, jnp.zeros(())))
        return {}

    # -- masks and losses

    def mask_of(self, value: object) -> Any:
        """The mask of an array that a layer gave here, or that came in."""
        known = self.masks.get(id(value))
        return None if known is None else known[1]

    def remember(self, value: object, mask: Array | None) -> None:
        """Notes the mask of an array."""
        if mask is not None:
            self.masks[id(value)] = (value, mask)

    def leave(self) -> None:
        """Where the outermost layer ends, nothing traced stays behind in attributes."""
        for owner, name in self.leaks if self.is_outermost else ():
            if holds_tracer(vars(owner).get(name)):
                vars(owner)[name] = Leaked(getattr(owner, "who", type(owner).__name__), name)


def as_array(value: object) -> Any:
    """A variable as the array it stands for, an array of NumPy as one of JAX; else as it is."""
    if isinstance(value, Variable):
        return value.value
    is_array = hasattr(value, "shape") and hasattr(value, "dtype")
    return jnp.asarray(value) if is_array and not isinstance(value, jax.Array) else value


def _spec_or_value(value: Any) -> Any:
    return spec_of(value) if hasattr(value, "shape") and hasattr(value, "dtype") else value


__all__ = ["CallFrame", "Path", "as_array"]
