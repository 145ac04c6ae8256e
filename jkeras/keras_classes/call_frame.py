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
from jkeras.core.host_random import key_of_seed
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Layer, Params, State
from jkeras.core.parts import at, put
from jkeras.core.trees import Tree, is_traced, widest_float
from jkeras.core.variables import Variable, innermost
from jkeras.keras_classes import tracking
from jkeras.keras_classes.call_arrays import as_array, leaf_masks, spec_or_value
from jkeras.keras_classes.library_base import BaseFrame, LibraryBase
from jkeras.keras_classes.tracking import Path
from jkeras.keras_classes.weight_plan import LOSSES, CalledLayer, WeightPlan
from jkeras.models.calls import Values, call_layer, unpacked, with_activity
from jkeras.models.weight_tying import WeightTies, weight_ties_of


class CallFrame(BaseFrame):
    """One run of a layer: the arrays of its variables, and the values of the layers inside.

    Args:
      view: the layer under its name in the model.
      params, state: the layer's own.
      key, training: as for `apply`.
      plan: the plan to fill, when there are no values yet.
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
            tracking.origin_of(view),
            view.dtype,
            "a trained weight is changed by the optimizer, and cannot be assigned inside `call`. "
            "Make it with trainable=False.",
        )
        outer = innermost(CallFrame)
        self.view, self.key, self.training, self.plan = view, key, training, plan
        self.params, self.state = (dict(params) if plan else params), dict(state)
        self.losses: list[Any] = []
        self.turns: dict[Path, int] = {}
        self.planned: set[Path] = set()
        self.layer_outputs: dict[Path, Any] = {}
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
        """Begins `call`: every variable has its array, every layer inside its name."""
        for variable, name in tracking.own_variables(self.owner).items():
            tree = self.params if variable.in_params else self.state
            if self.plan is not None and name not in tree:
                self.plan.variables[variable] = name
                tree[name] = jnp.zeros(variable.shape, variable.dtype)
            if name not in tree:
                raise ValueError(
                    f"{self.view.who}: expected its weight {name!r} in `params` or `state`, which "
                    f"have {sorted([*self.params, *self.state])}."
                )
            self.values[variable] = tree[name]
        self.names = tracking.paths_of(self.owner)
        self.weight_ties = weight_ties_of(self.view)
        self.params = self.weight_ties.broadcast(self.params)
        self.state = self.weight_ties.broadcast(self.state)
        if self.plan is not None:
            self.plan.weight_ties = self.weight_ties
        if tracking.record_of(self.owner).calls_base_build:
            self.base.plan_weights(self.inputs)
        self.phase = "call"

    def new_state(self, before: State | None) -> State:
        """The state after the run: the assigned variables, and the sum of the added losses.

        Args:
          before: the state after the layer's earlier runs in this pass; their losses add up.
        """
        state = dict(self.state)
        for variable, name in tracking.own_variables(self.owner).items():
            if not variable.in_params and variable in self.values:
                state[name] = self.values[variable]
        if self.plan is not None:
            self.plan.adds_losses |= bool(self.losses)
        if LOSSES in state or self.losses:
            total = (
                jnp.zeros((), widest_float()) if before is None else before[LOSSES][ACTIVITY_LOSS]
            )
            for loss in self.losses:
                total = total + jnp.sum(jnp.asarray(loss)).astype(widest_float())
            state[LOSSES] = {ACTIVITY_LOSS: total}
        return self.weight_ties.deduplicate(state)

    # -- layers inside

    def call_layer(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs of a layer that is called in this run.

        Raises:
          ValueError: `build` calls the layer; or it has weights and is no attribute of the owner.
        """
        if self.phase == "build":
            raise ValueError(
                f"{layer.who}: it was called in `build` of {self.view.who}. Call it in `call`; "
                "in `build` it needs nothing."
            )
        args, options = arrangement(layer, args, kwargs)
        training = options.pop("training", self.training)
        values = jax.tree.map(as_array, args)
        masks = self.masks_of(values)
        if "mask" in options and hasattr(layer, "apply_with_mask"):
            mask = options.pop("mask")
            masks = tuple(mask) if isinstance(mask, list | tuple) else (mask, *masks[1:])
        path, named = self._place(layer, values)
        context: dict[str, Any] = {"key": None, "training": training}
        context["turn"] = self.turns[path] = self.turns.get(path, -1) + 1
        if self.key is not None:
            context["key"] = functools.reduce(child, path, self.key)
        if self.plan is not None and path not in self.planned:
            self.planned.add(path)
            options |= self._plan_layer(self.plan, path, named, values, context["key"])
        parts = at(self.params, path), at(self.state, path)
        runs = frozen_copy(named) if freezes_all(self.view) else named
        outputs, new, out_masks = call_layer(
            runs, *parts, values, masks, options=options, **context
        )
        self.state = self.weight_ties.propagate(put(self.state, path, new), path)
        self.set_masks(outputs, out_masks)
        self.layer_outputs[path] = unpacked(outputs)
        return unpacked(outputs)

    def _place(self, layer: Layer, values: Values) -> tuple[Path, Any]:
        """The path to a layer's values, and the layer under its name there."""
        identity = identity_of(layer)
        if identity not in self.names:
            self.names = tracking.paths_of(self.owner)
        if identity in self.names:
            return self.names[identity]
        taken = [path[0] for path, _ in self.names.values()]
        name = naming.unique(naming.snake_case(naming.kind_of(layer)), taken)
        specs = jax.tree.map(spec_or_value, values)
        with contextlib.suppress(TypeError):  # wrong inputs: `init` raises again when it is run
            weights = jax.eval_shape(lambda key: layer.init(key, *specs), key_of_seed(0))
            if jax.tree.leaves(weights):
                raise ValueError(
                    f"{layer.who}: it has weights, and is no attribute of {self.view.who}, where "
                    "it was called: they would be new in every call. Make it in `__init__`, "
                    f"self.{name} = ..., and call self.{name}(...)."
                )
        return (name,), layer.renamed(name)

    def _plan_layer(
        self, plan: WeightPlan, path: Path, layer: Layer, values: Values, key: Key | None
    ) -> dict[str, Any]:
        """Adds a layer's weights to the plan, with traced values for them in this run.

        Returns:
          Further keyword arguments for the layer's `apply`.
        """
        specs = tuple(jax.tree.map(spec_or_value, values))
        is_subclassed = tracking.is_subclassed(layer)
        new = WeightPlan(layer.who) if is_subclassed else CalledLayer(layer, specs)
        part = plan.parts.setdefault(path, new)
        if isinstance(part, WeightPlan):
            return {"plan": part, "on_params": functools.partial(self._put_params, path)}
        params, state = layer.init(key, *specs)
        self._put_params(path, params)
        self.state = put(self.state, path, with_activity(layer, state, jnp.zeros(())))
        return {}

    def _put_params(self, path: Path, params: Params) -> None:
        self.params = put(self.params, path, params)

    # -- weights of layers inside

    def weight_inside(self, layer: object, names: tuple[str, ...]) -> Any:
        """The array of a weight of a layer inside, in the dtype to compute in; None where the layer
        has no weights here, or not yet.
        """
        path = self.names.get(identity_of(layer), (None, None))[0]
        if path is None:
            return None
        for tree in (self.params, self.state):
            part = at(tree, (*path, *names[:-1]))
            if names[-1] in part:
                value = part[names[-1]]
                casts = self.dtype is not None and jnp.issubdtype(value.dtype, jnp.floating)
                return value.astype(self.dtype) if casts else value
        return None

    def value_inside(self, variable: Variable) -> Any:
        """The array of a variable of a subclassed layer inside. While weights are planned, it is
        one of them though the layer may never be called.
        """
        if self.phase != "call":
            return None
        path, name, owner = self._inside.get(variable, ((), "", None))
        if owner is None:
            return None
        for tree in (self.params, self.state):
            if name in at(tree, path):
                return at(tree, path)[name]
        return None if self.plan is None else self._planned(self.plan, variable, path, name)

    @functools.cached_property
    def _inside(self) -> dict[Variable, tuple[Path, str, Any]]:
        """The variables of the subclassed layers inside: path of the layer, name, layer."""
        return {
            variable: (path, name, layer)
            for path, layer in self.names.values()
            if tracking.is_subclassed(layer)
            for variable, name in tracking.own_variables(tracking.origin_of(layer)).items()
        }

    def _planned(self, plan: WeightPlan, variable: Variable, path: Path, name: str) -> Any:
        """Plans a variable of a layer inside; returns the zeros that stand for it in this run."""
        layers: dict[Path, Any] = dict(self.names.values())
        for depth in range(1, len(path) + 1):
            part = plan.parts.setdefault(
                path[depth - 1 : depth], WeightPlan(layers[path[:depth]].who)
            )
            if not isinstance(part, WeightPlan):
                return None
            plan = part
        plan.variables[variable] = name
        value = jnp.zeros(variable.shape, variable.dtype)
        if variable.in_params:
            self.params = put(self.params, path, {**at(self.params, path), name: value})
        else:
            self.state = put(self.state, path, {**at(self.state, path), name: value})
        return value

    # -- masks

    def masks_of(self, values: Tree) -> Any:
        """The masks of arrays, in their structure: from a layer of this run, or of its inputs."""
        return jax.tree.map(lambda value: self.masks.get(id(value), (value, None))[1], values)

    def set_masks(self, values: Tree, masks: Tree) -> None:
        """Remembers the masks of arrays."""
        for leaf, mask in leaf_masks(values, masks):
            if mask is not None:
                self.masks[id(leaf)] = (leaf, mask)

    def leave(self) -> None:
        """Ends the run; after the outermost one no attribute holds a traced array."""
        for owner, name in self.leaks if self.is_outermost else ():
            if is_traced(vars(owner).get(name)):
                who = getattr(owner, "who", type(owner).__name__)
                vars(owner)[name] = tracking.Leaked(who, name)
