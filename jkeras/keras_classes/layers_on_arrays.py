"""Layers called on arrays, and their weights, outside of any model.

    layer = layers.Dense(3)
    y = layer(x)                   # makes the weights
    layer.get_weights()

A layer holds no weights, so a `ModelState` of this one layer is made for it, which holds them. It
is kept with the layer's identity, and shares like any model's: a model that is built of the layer
later has the same weights. Where a model has the layer already, nothing is made, and what is read
and written are the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.calling import arrangement
from jkeras.core.identity import identity_of
from jkeras.core.layer import CARRIED, Layer, State, activity_losses
from jkeras.core.naming import kind_of, snake_case
from jkeras.core.parts import leaves, lies_at, path_to
from jkeras.core.trees import Tree, spec_of
from jkeras.core.variables import Variable
from jkeras.keras_classes.array_masks import masks_of, with_masks
from jkeras.keras_classes.call_frame import as_array
from jkeras.keras_classes.step_context import call_in_step
from jkeras.keras_classes.tracking import own_variables
from jkeras.keras_classes.weight_plan import at, put
from jkeras.keras_classes.weight_views import Weight, weights_of
from jkeras.models.calls import call_layer, naming_errors, unpacked
from jkeras.models.penalties import penalties
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state import sharing
from jkeras.trainer.state.inference_rng import next_key
from jkeras.trainer.state.model_state import ModelState, has_state, state_of
from jkeras.trainer.state.specs import concrete, spec_of_input
from jkeras.trainer.state.weight_order import Place
from jkeras.trainer.steps.loss_steps import LossSteps

Path = tuple[str, ...]


def call_on_arrays(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a layer for arrays; its weights are made at the first call.

    Raises:
      ValueError: inside a compiled program, where weights would be made in every run.
    """
    outputs = call_in_step(layer, args, kwargs)
    if outputs is not NotImplemented:
        return outputs
    args, options = arrangement(layer, args, kwargs)
    training = bool(options.pop("training", False))
    values = tuple(jax.tree.map(_entering, value) for value in args)
    with naming_errors(layer, values):
        found, draws = _holder(layer, values), training or _may_draw(layer)
    if found is None:
        outputs, _, masks = call_layer(
            layer, {}, {}, values, masks_of(values), key=_fresh_key(draws), training=training,
            options=options,
        )  # fmt: skip
        return with_masks(unpacked(outputs), masks)
    holder, path = found
    current = holder.need_values()
    key = next_key(holder, current)
    context: dict[str, Any] = {"key": key, "training": training, "options": options}
    weight_ties = weight_ties_of(holder.net)
    params = at(weight_ties.broadcast(current.params), path)
    before = at(weight_ties.broadcast(current.state), path)
    outputs, state, masks = call_layer(layer, params, before, values, masks_of(values), **context)
    if state is not before and not _is_traced(state):
        whole = weight_ties.propagate(_with_part(current.state, path, state), path)
        whole = weight_ties.deduplicate(whole)
        holder.values = current.replace(state=whole)
        note_losses(holder, whole)
    return with_masks(unpacked(outputs), masks)


def note_losses(holder: ModelState, state: State) -> None:
    """Keeps what the last call on arrays added to the losses, unless the call was traced."""
    found = activity_losses(state)
    holder.added = state if found and not _is_traced(found) else None


def _with_part(tree: State, path: Path, part: State) -> State:
    """A tree with another part at a path."""
    whole = dict(tree)
    if path:
        put(whole, path, part)
    return whole if path else part


def _may_draw(layer: Layer) -> bool:
    """Whether a layer may draw outside of training: one made of layers, or not the library's."""
    return bool(layer.named_sublayers()) or not type(layer).__module__.startswith("jkeras.")


def _entering(value: object) -> Any:
    return jnp.asarray(value) if isinstance(value, int | float) else as_array(value)


def _is_traced(tree: Tree) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def _fresh_key(draws: bool) -> Any:
    """A new key for each call of a layer without weights, for which no state is kept."""
    if not draws:
        return None
    from jkeras.core.seeds import key_of

    return key_of("layer", None)


# -- who has the values of a layer


def _holder(layer: Layer, values: tuple[Any, ...]) -> tuple[ModelState, Path] | None:
    """The model that holds the layer's values, made now if needed; None for one without values."""
    found = where(layer)
    if _has_values(found):
        return found
    specs = [jax.tree.map(_spec, value) for value in values]
    leaves = jax.tree.leaves(specs)
    made = jax.eval_shape(lambda key: layer.init(key, *specs), jax.random.key(0))
    if not jax.tree.leaves(made):
        return found
    if _is_traced(values):
        raise ValueError(
            f"{layer.who}: it was called for the first time inside a compiled program, and has no "
            f"weights yet. Build it before: layer.build({tuple(leaves[0].shape)})."
        )
    return _made(layer, specs)


def _spec(value: Any) -> Any:
    return spec_of(value) if hasattr(value, "shape") else value


def _made(layer: Layer, specs: Sequence[Any]) -> tuple[ModelState, Path]:
    """A model of this layer alone."""
    holder = ModelState(
        layer,
        kind="Trainer",
        name=layer.name or snake_case(kind_of(layer)),
        is_named=layer.name is not None,
        maker=LossSteps(),
    )
    shape = next((leaf.shape for leaf in jax.tree.leaves(list(specs)) if leaf.shape), (1,))
    holder.build(*specs, rows=shape[0] or 1)
    identity_of(layer).holder = holder
    return holder, ()


def where(layer: object) -> tuple[ModelState, Path] | None:
    """The model that holds a layer's values, and the path there; None where no model does."""
    identity = identity_of(layer)
    own = identity.holder
    if own is not None and own.values is not None:
        return own, ()
    for holder in holders_of(layer):
        path = path_to(holder.net, identity)
        if path is not None and holder.values is not None:
            return holder, path
    return None


def _has_values(found: tuple[ModelState, Path] | None) -> bool:
    """Whether there is a value at such a place; none is where a model does not call a layer."""
    if found is None:
        return False
    holder, path = found
    values, weight_ties = holder.need_values(), weight_ties_of(holder.net)
    trees = (weight_ties.broadcast(tree) for tree in (values.params, values.state))
    return any(jax.tree.leaves(at(tree, path)) for tree in trees)


def _built(layer: object) -> tuple[ModelState, Path] | None:
    """The same after building the models that know the shape of their inputs, as graphs do."""
    for holder in holders_of(layer):
        holder.build_if_known()
    return where(layer)


def holders_of(layer: object) -> list[ModelState]:
    """Those that have a layer, or the first of the layers in it; who wrote it last, first."""
    for identity, _ in leaves(layer):
        holders = sharing.subscribers_of(identity)
        if holders is not None:
            return holders
    return []


# -- weights, in Keras's words


class Weights:
    """What is said of a layer's weights; for an unbuilt layer there are none.

    Args:
      layer: the layer.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.found = where(layer) or _built(layer)

    def places(self) -> list[Place]:
        """Where they lie in the model that has them."""
        if self.found is None:
            return []
        holder, path = self.found
        groups = [group for group in weight_ties_of(holder.net).groups if _has(group, path)]
        wanted = [path, *(place for group in groups for place in group)]
        return [w for w in holder.order() if any(lies_at(w.names, place) for place in wanted)]

    def views(self, trained: bool | None = None) -> list[Weight]:
        """Views on the trained ones, the others, or all."""
        if self.found is None:
            return []

        wanted = set(self.places())
        return [w for w in weights_of(self.found[0], trained) if w.place in wanted]

    def losses(self) -> list[Any]:
        """The losses of the last call on arrays, and the regularization losses of the weights."""
        if self.found is None:
            return []
        holder, path = self.found
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
        if self.found is None or counts != (len(views[0]), len(views[1])):
            raise ValueError(
                f"{self.layer.who}: stateless_call: expected {len(views[0])} trainable and "
                f"{len(views[1])} other variables, got {counts[0]} and {counts[1]}. A layer has "
                "them when it is built: layer.build((None, ...))."
            )
        holder, path = self.found
        values, weight_ties = holder.need_values(), weight_ties_of(holder.net)
        given = dict(zip([*views[0], *views[1]], [*trained, *others], strict=True))
        parts = {"params": values.params, "state": values.state}
        for part, tree in parts.items():
            own = {view.place.leaf: v for view, v in given.items() if view.place.part == part}
            leaves = [own.get(i, leaf) for i, leaf in enumerate(jax.tree.leaves(tree))]
            arrays = [jnp.asarray(getattr(leaf, "value", leaf)) for leaf in leaves]
            parts[part] = at(weight_ties.broadcast(_refilled(tree, arrays)), path)
        inputs, options = arrangement(self.layer, args, kwargs)
        training = bool(options.pop("training", False))
        drawing: dict[str, Any] = {"key": next_key(holder, values), "training": training}
        inputs = tuple(jax.tree.map(_entering, value) for value in inputs)
        outputs, state, _ = call_layer(
            self.layer,
            parts["params"],
            parts["state"],
            inputs,
            masks_of(inputs),
            options=options,
            **drawing,
        )
        whole = weight_ties.propagate(_with_part(values.state, path, state), path)
        whole = weight_ties.deduplicate(whole)
        found = jax.tree.leaves(whole)
        places = [view.place for view in views[1]]
        new = [
            found[p.leaf] if p.part == "state" else given[v]
            for p, v in zip(places, views[1], strict=True)
        ]
        losses = [*activity_losses(state), *penalties(self.layer, parts["params"])]
        return unpacked(outputs), new, losses

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
        """Sets what a stateful layer carries to zero."""
        if self.found is not None:
            holder, path = self.found
            current = holder.need_values()
            own = dict(at(current.state, path))
            own[CARRIED] = jax.tree.map(jnp.zeros_like, own[CARRIED])
            holder.values = current.replace(state=_with_part(current.state, path, own))

    def build(self, shapes: tuple[Any, ...]) -> None:
        """Makes the weights for inputs of these shapes, where no model has any."""
        if not _has_values(self.found):
            specs = [concrete(spec_of_input(shape, self.layer.who)) for shape in shapes]
            made = jax.eval_shape(lambda key: self.layer.init(key, *specs), jax.random.key(0))
            if jax.tree.leaves(made):
                _made(self.layer, specs)


def _has(group: tuple[Any, ...], path: Path) -> bool:
    return any(place[: len(path)] == path for place in group)


def _refilled(tree: Tree, leaves: list[Any]) -> Any:
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)


def value_of(owner: object, variable: Variable | None) -> Any:
    """The array of a variable in the model that has it."""
    if owner is None or variable is None:
        return None
    if has_state(owner):
        state = state_of(owner)
        found = where(state.net) if state.stored is None else (state, ())
    else:
        found = where(owner)
    name = own_variables(owner).get(variable)
    if found is None or name is None:
        return None
    holder, path = found
    values = holder.need_values()
    tree = values.params if variable.trainable else values.state
    return at(tree, path).get(name)
