"""Layers called on arrays, and their weights, outside of any model.

    layer = layers.Dense(3)
    y = layer(x)                   # makes the weights
    layer.get_weights()

A layer holds no weights. At its first call on arrays a `ModelState` of this one layer is made,
which holds them; it is kept with the layer's identity, and shares like any model's: a model that is
built of the layer later has the same weights. If a model has the layer already, nothing is made:
reading and writing go to that model's weights.

The model state that holds a layer's values is called its *holder* here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.calling import arrangement
from jkeras.core.errors import WrongTypeError, quoted
from jkeras.core.host_random import key_of_seed
from jkeras.core.identity import identity_of
from jkeras.core.keys import child
from jkeras.core.layer import ACTIVITY_LOSS, CARRIED, Layer, State, activity_losses
from jkeras.core.layer_seeds import fixed_seed
from jkeras.core.naming import kind_of, snake_case
from jkeras.core.parts import at, lies_at, put
from jkeras.core.seeds import counting_generators, is_tracing, key_of
from jkeras.core.symbols import has_symbols
from jkeras.core.trees import Tree, is_traced, path_names
from jkeras.core.variables import Variable
from jkeras.keras_classes.call_arrays import (
    as_array,
    masks_of,
    returning_variables,
    spec_or_value,
    with_masks,
)
from jkeras.keras_classes.holders import Location, holders_of, location_of, values_at
from jkeras.keras_classes.step_context import call_in_step, may_build
from jkeras.keras_classes.tracking import is_subclassed, own_variables
from jkeras.keras_classes.weight_views import Weight, kept_views, weights_of
from jkeras.models.calls import call_layer, naming_errors, unpacked
from jkeras.models.penalties import penalties
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state.inference_rng import next_key
from jkeras.trainer.state.model_state import ModelState, has_state, state_of
from jkeras.trainer.state.specs import concrete, spec_of_input
from jkeras.trainer.state.weight_order import Place
from jkeras.trainer.steps.loss_steps import LossSteps
from jkeras.training.state import TrainState


def call_on_arrays(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a layer for arrays; its weights are made at the first call.

    A layer with a `seed` has random numbers that the seed and the number of calls fix, as in Keras;
    another one draws new numbers in every call. `key=` may give the key itself.

    Raises:
      ValueError: inside a compiled program, where weights would be made in every run.
    """
    outputs = call_in_step(layer, args, kwargs)
    if outputs is not NotImplemented:
        return outputs
    kwargs = dict(kwargs)
    given_key = kwargs.pop("key") if _is_key(kwargs.get("key")) else None
    args, options = arrangement(layer, args, kwargs)
    training = bool(options.pop("training", False))
    try:
        values = tuple(jax.tree.map(_as_input, value) for value in args)
    except WrongTypeError as error:
        raise quoted(error, who=layer.who) from None
    context: dict[str, Any] = {"training": training, "options": options}
    with naming_errors(layer, values):
        location = _location_or_new(layer, values)
    identity_of(layer).built = True
    if location is None:  # no weights: no state is kept, and each call has a new key
        # Outside of training, layers of the library that are not made of layers draw nothing.
        is_ours = type(layer).__module__.startswith("jkeras.")
        draws = training or bool(layer.named_sublayers()) or not is_ours
        key = _seeded_key(layer) if given_key is None and draws else given_key
        key = _new_key(layer) if key is None and draws else key
        with counting_generators(given_key is None):
            outputs, state, masks = call_layer(
                layer, {}, {}, values, masks_of(values), key=key, **context
            )
        losses = activity_losses(state)
        identity_of(layer).losses = [] if is_traced(losses) else losses
        return with_masks(unpacked(outputs), masks)
    holder, path = location
    current = holder.need_values()
    key = call_key(layer, holder, current) if given_key is None else given_key
    weight_ties = weight_ties_of(holder.net)
    params, before = (
        at(weight_ties.broadcast(tree), path) for tree in (current.params, current.state)
    )
    with counting_generators(given_key is None), returning_variables() as restored:
        outputs, state, masks = call_layer(
            layer, params, before, values, masks_of(values), key=key, **context
        )
    if state is not before and not is_traced(state):
        whole = weight_ties.deduplicate(
            weight_ties.propagate(put(current.state, path, state), path)
        )
        holder.values = current.replace(state=whole)
        note_losses(holder, whole)
    return restored(with_masks(unpacked(outputs), masks))


def _new_key(layer: Layer) -> Any:
    if is_tracing():
        raise ValueError(
            f"{layer.who}: expected `key` inside a compiled program, got none: every run would "
            "draw the same numbers. Pass the program a key, and the key to the layer: "
            "layer(x, training=True, key=key)."
        )
    return key_of(layer.who, None, "key")


def note_losses(holder: ModelState, state: State) -> None:
    """Keeps the losses that the last call on arrays added, unless the call was traced."""
    losses = activity_losses(state)
    holder.added = state if losses and not is_traced(losses) else None


def _as_input(value: object) -> Any:
    return jnp.asarray(value) if isinstance(value, int | float) else as_array(value)


def _is_key(value: object) -> bool:
    """Whether a value is a key of JAX, and not the `key` of an attention layer."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key)


def call_key(layer: Layer, holder: ModelState, values: TrainState) -> Any:
    """The key of the next call on arrays: of the seeds in the layer, else of the holder's."""
    key = _seeded_key(layer)
    return next_key(holder, values) if key is None else key


def _seeded_key(layer: Layer) -> Any:
    """The key of the next call on arrays that the `seed`s of a layer and of the layers in it fix;
    None where there is none, or where one of them has no seed.
    """
    seed = fixed_seed(layer)
    if seed is None:
        return None
    identity = identity_of(layer)
    identity.calls += 1
    return child(key_of_seed(seed), identity.calls)


# -- the holder of a layer's values


def _location_or_new(layer: Layer, values: tuple[Any, ...]) -> Location | None:
    """The location of the layer's values, made now if needed; None for a layer without values."""
    location = location_of(layer)
    if _has_values(location):
        return location
    specs = jax.tree.map(spec_or_value, values)
    if not _needs_values(layer, specs):
        return location
    if is_tracing() and not may_build(layer):
        shape = tuple(jax.tree.leaves(specs)[0].shape)
        raise ValueError(
            f"{layer.who}: it was called for the first time inside a compiled program, and has no "
            f"weights yet. Build it before: layer.build({shape})."
        )
    return _new_holder(layer, specs), ()


def _needs_values(layer: Layer, specs: Sequence[Any]) -> bool:
    """Whether a layer has weights or state for such inputs."""
    values = jax.eval_shape(lambda key: layer.init(key, *specs), key_of_seed(0))
    return bool(jax.tree.leaves(values))


def _new_holder(layer: Layer, specs: Sequence[Any]) -> ModelState:
    """A built model of this layer alone."""
    is_named = layer.name is not None
    name = layer.name or snake_case(kind_of(layer))
    holder = ModelState(layer, kind="Trainer", name=name, is_named=is_named, maker=LossSteps())
    shape = next((leaf.shape for leaf in jax.tree.leaves(list(specs)) if leaf.shape), (1,))
    holder.build(*specs, rows=shape[0] or 1)
    identity_of(layer).holder = holder
    return holder


def _has_values(location: Location | None) -> bool:
    """Whether there is a value at a location; a layer that its model does not call has none."""
    return location is not None and any(values_at(location))


def _spec_of_argument(value: object) -> Any:
    """The spec of a symbol or array that a layer was called on."""
    return concrete(spec_of_input(value, "")) if has_symbols(value) else spec_or_value(value)


def has_weights(layer: Layer) -> bool:
    """Whether a model has values of a layer."""
    return _has_values(location_of(layer))


def is_built(layer: Layer) -> bool:
    """Whether a layer has its weights, or makes none: it was built or called, on arrays or symbols,
    a built model has it, or it is of a class that makes none for any inputs.
    """
    if type(layer).init is Layer.init:
        return True
    identity = identity_of(layer)
    known = identity.built or bool(identity.nodes) or bool(layer.known_specs)
    return known or location_of(layer) is not None


class Weights:
    """A layer's weights, in Keras's words; see `jkeras.core.object_api.LayerWeights`.

    Args:
      layer: the layer.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.location = location_of(layer)
        if self.location is None:
            for holder in holders_of(layer):
                holder.build_if_known()  # graphs know the shape of their inputs
            self.location = location_of(layer)
        if layer.known_specs and not _has_values(self.location) and not is_tracing():
            self._build_for(layer.known_specs)
        if self.location is None and identity_of(layer).nodes and not is_tracing():
            self._build_for(jax.tree.map(_spec_of_argument, identity_of(layer).nodes[0].args))

    def views(self, trained: bool | None = None, *, kept: bool = False) -> list[Any]:
        """Views on the trained ones, the others, or all; with `kept` the ones that users see."""
        if self.location is None:
            return []
        holder, path = self.location
        groups = weight_ties_of(holder.net).groups
        tied = [group for group in groups if any(place[: len(path)] == path for place in group)]
        layer_places = [path, *(place for group in tied for place in group)]

        def is_of_layer(place: Place) -> bool:
            return any(lies_at(place.names, layer_place) for layer_place in layer_places)

        views = [view for view in weights_of(holder, trained) if is_of_layer(view.place)]
        return kept_views(views) if kept else views

    def tree(self, part: str) -> Any:
        """The layer's params or state, with the views that users see in the place of arrays."""
        if self.location is None:
            return {}
        holder, path = self.location
        values = at(getattr(holder.need_values(), part), path)
        kept = {name: x for name, x in values.items() if name not in (ACTIVITY_LOSS, CARRIED)}
        views = [view for view in self.views(kept=True) if view.place.part == part]
        ordered = sorted(views, key=lambda view: view.place.leaf)
        return jax.tree.unflatten(jax.tree.structure(kept), ordered)

    def losses(self) -> list[Any]:
        """The losses of the last call on arrays, and the regularization losses of the weights."""
        if self.location is None:
            return list(identity_of(self.layer).losses)
        holder, path = self.location
        params = weight_ties_of(holder.net).broadcast(holder.need_values().params)
        added = activity_losses(at(holder.added or {}, path))
        return [*added, *penalties(self.layer, at(params, path))]

    def call(
        self,
        trained: list[Any],
        others: list[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """(outputs, new values of the others, losses) of a call with these values; pure.

        Raises:
          ValueError: the layer is not built, or other numbers of arrays.
        """
        views = self.views(True), self.views(False)
        counts = len(trained), len(others)
        if self.location is None or counts != (len(views[0]), len(views[1])):
            raise ValueError(
                f"{self.layer.who}: stateless_call: expected {len(views[0])} trainable and "
                f"{len(views[1])} other variables, got {counts[0]} and {counts[1]}. A layer has "
                "them when it is built: layer.build((None, ...))."
            )
        holder, path = self.location
        values, weight_ties = holder.need_values(), weight_ties_of(holder.net)
        arrays = [jnp.asarray(getattr(v, "value", v)) for v in (*trained, *others)]
        new = dict(zip([*views[0], *views[1]], arrays, strict=True))

        def values_of(part: str, tree: Tree) -> Any:
            """The layer's part of a tree with the new values."""
            by_leaf = {view.place.leaf: v for view, v in new.items() if view.place.part == part}
            old, structure = jax.tree.flatten(tree)
            leaves = [by_leaf.get(i, leaf) for i, leaf in enumerate(old)]
            return at(weight_ties.broadcast(jax.tree.unflatten(structure, leaves)), path)

        params = values_of("params", values.params)
        inputs, options = arrangement(self.layer, args, kwargs)
        training = bool(options.pop("training", False))
        inputs = tuple(jax.tree.map(_as_input, value) for value in inputs)
        outputs, state, _ = call_layer(
            self.layer, params, values_of("state", values.state), inputs, masks_of(inputs),
            key=next_key(holder, values), training=training, options=options,
        )  # fmt: skip
        whole = weight_ties.deduplicate(weight_ties.propagate(put(values.state, path, state), path))
        after = jax.tree.leaves(whole)
        others = [after[v.place.leaf] if v.place.part == "state" else new[v] for v in views[1]]
        return unpacked(outputs), others, [*activity_losses(state), *penalties(self.layer, params)]

    def get(self) -> list[np.ndarray]:
        """Copies as NumPy arrays."""
        return [view.numpy() for view in self.views()]

    def set(self, weights: Sequence[Any]) -> None:
        """Replaces all of them.

        Raises:
          ValueError: another number of arrays, or a shape that differs.
        """
        views = self.views()
        if len(weights) != len(views):
            fix = "" if views else " It has none before it is built: layer.build((None, ...))."
            raise ValueError(
                f"{self.layer.who}: `weights`: expected {len(views)} arrays, as get_weights() "
                f"returns, got {len(weights)}.{fix}"
            )
        for view, new in zip(views, weights, strict=True):
            if tuple(np.shape(new)) != tuple(view.shape):
                raise ValueError(
                    f"{self.layer.who}: `weights`: expected shape {tuple(view.shape)} for "
                    f"{view.name}, got {tuple(np.shape(new))}."
                )
        for view, new in zip(views, weights, strict=True):
            view.assign(new)

    def reset_carried(self) -> None:
        """Sets the carried state of a stateful layer to zero."""
        if self.location is not None:
            holder, path = self.location
            current = holder.need_values()
            state = dict(at(current.state, path))
            state[CARRIED] = jax.tree.map(jnp.zeros_like, state[CARRIED])
            holder.values = current.replace(state=put(current.state, path, state))

    def build(self, shapes: tuple[Any, ...], by_name: dict[str, Any]) -> None:
        """Makes the weights for inputs of these shapes, where no model has any.

        Args:
          shapes: of the inputs, in their order.
          by_name: `query_shape=` is the shape of the input `query`, `input_shape=` of the first.
        """
        names = {name.removesuffix("_shape"): shape for name, shape in by_name.items()}
        names = {name: shape for name, shape in names.items() if shape is not None}
        shapes += tuple(names.pop(name) for name in ("input", "inputs") if name in names)
        if not self.layer.weights_need_shapes and shapes in ((), (None,)) and not names:
            shapes = ((None,),)
        given = tuple(concrete(spec_of_input(shape, self.layer.who)) for shape in shapes)
        named = {name: concrete(spec_of_input(s, self.layer.who)) for name, s in names.items()}
        if not _has_values(self.location):
            try:
                self._build_for(arrangement(self.layer, given, named)[0])
            except (TypeError, ValueError):
                if not (is_subclassed(self.layer) and self._is_built_for_ids(given, named)):
                    raise
        identity_of(self.layer).built = True

    def _is_built_for_ids(self, given: tuple[Any, ...], named: dict[str, Any]) -> bool:
        """Makes the weights for integers, if `call` takes them: a shape does not say the dtype, and
        a `call` that looks up rows takes no floats.
        """
        ids = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, np.int32), (given, named))
        with contextlib.suppress(TypeError, ValueError):
            self._build_for(arrangement(self.layer, *ids)[0])
            return True
        return False

    def _build_for(self, specs: Sequence[Any]) -> None:
        if _needs_values(self.layer, specs):
            self.location = _new_holder(self.layer, specs), ()


def variable_view(owner: object, variable: Variable | None) -> Weight | None:
    """The view on a variable in the model that has it; None where no model has."""
    if owner is None or variable is None:
        return None
    if has_state(owner):
        state = state_of(owner)
        location = location_of(state.net) if state.stored is None else (state, ())
    else:
        location = location_of(owner)
    name = own_variables(owner).get(variable)
    if location is None or name is None:
        return None
    holder, path = location
    part, names = "params" if variable.in_params else "state", (*path, name)
    paths = jax.tree_util.tree_leaves_with_path(getattr(holder.need_values(), part))
    at_names = [i for i, (keys, _) in enumerate(paths) if path_names(keys) == names]
    return Weight(holder, Place(part, at_names[0], names)) if at_names else None
