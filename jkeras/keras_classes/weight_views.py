"""A weight of a model as in Keras: an element of `model.trainable_variables`.

It holds no array: it reads the model's current value, and `assign` replaces that value. In a step
of a model (`train_step`, `compute_loss`) it is the value of the step, so gradients flow into it.

Laws:
  - What users see is one object for each weight, whichever layer or model shows it: the `Variable`
    of a subclassed layer, otherwise a `Weight` that the layer's identity knows (`kept_views`).
  - Nothing is kept alive: the identity refers to it weakly; it lives as long as its model.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.errors import describe
from jkeras.core.global_arrays import on_host
from jkeras.core.identity import identity_of
from jkeras.core.layer import Layer
from jkeras.core.parts import at, layers_by_path, path_to
from jkeras.core.variables import Variable, innermost
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.keras_classes.step_context import StepFrame
from jkeras.keras_classes.tracking import MODEL_PRIVATE, is_subclassed, origin_of, own_variables
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state import freezing, sharing
from jkeras.trainer.state.model_state import ModelState, state_of
from jkeras.trainer.state.weight_order import Place, leaves_of, with_leaves


class Weight(LiveNumber):
    """A view on one weight of a model: it computes, compares and prints as an array.

    Args:
      state: the state of the model.
      place: the place of the weight in it.

    Attributes:
      model_state, place: as given; of a kept view those of the model that showed it last.
      path: the names of the layers around it, and its name: "encoder/dense/kernel".
      name: the last name of the path.

    Source: `keras.Variable`.
    """

    def __init__(self, state: ModelState, place: Place) -> None:
        self.path = "/".join(place.names)
        super().__init__(place.names[-1] if place.names else "weight", self._get, self._set)
        self.model_state = state
        self.place = place

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of scalars."""
        return int(self.value.size)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weight; set it to freeze or unfreeze this weight alone, in
        all models that have it.
        """
        state = self.model_state
        return freezing.trained_places(state)[state.order().index(self.place)]

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self.place.part == "state":
            raise AttributeError(
                f"{self.path}: `trainable` cannot be set: it is a statistic, which no gradient "
                "changes."
            )
        layer, inner_names = _layer_of(self.place, layers_by_path(self.model_state.net))
        identity = identity_of(layer) if isinstance(layer, Layer) else None
        others = None if identity is None else sharing.subscribers_of(identity)
        for state in others or [self.model_state]:
            path = () if identity is None else path_to(state.net, identity)
            if path is not None and state.built:
                name = "/".join((*path, *inner_names))
                freezing.freeze_weight(state, name, value)

    @property
    def constraint(self) -> Any:
        """The layer's constraint for this weight, or None."""
        return self._rule("constraint")

    @property
    def regularizer(self) -> Any:
        """The layer's regularizer for this weight, or None."""
        return self._rule("regularizer")

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether a training step computes the next value, as of the scales of float8."""
        layer, inner_names = _layer_of(self.place, layers_by_path(self.model_state.net))
        return "/".join(inner_names) in getattr(layer, "computed_weights", ())

    def _rule(self, kind: str) -> Any:
        layer, inner_names = _layer_of(self.place, layers_by_path(self.model_state.net))
        if not isinstance(layer, Layer) or not inner_names:
            return None
        return dict(layer.weight_rules(kind, {inner_names[-1]: None})).get(inner_names[-1])

    def numpy(self) -> Any:
        """A copy of the value."""
        return np.array(on_host(self.value))

    def assign_add(self, value: object) -> None:
        """Adds to the value."""
        self.assign(self.value + jnp.asarray(value, self.dtype))

    def assign_sub(self, value: object) -> None:
        """Subtracts from the value."""
        self.assign(self.value - jnp.asarray(value, self.dtype))

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __len__(self) -> int:
        return len(self.value)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Weight path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    def _get(self) -> jax.Array:
        in_step = self._in_step()
        if in_step is not None:
            return in_step
        values = self.model_state.lend()
        leaf: jax.Array = jax.tree.leaves(getattr(values, self.place.part))[self.place.leaf]
        return leaf

    def _in_step(self) -> jax.Array | None:
        """The array that stands for the weight in the step of a model that runs; None without."""
        frame = innermost(StepFrame)
        if frame is None or frame.params is None:
            return None
        own, tree = state_of(frame.owner), getattr(frame, self.place.part)
        if own is self.model_state:
            leaves = jax.tree.leaves(tree)
            return leaves[self.place.leaf] if self.place.leaf < len(leaves) else None
        layer, inner_names = _layer_of(self.place, layers_by_path(self.model_state.net))
        path = path_to(own.net, identity_of(layer)) if isinstance(layer, Layer) else None
        found = {} if path is None else at(weight_ties_of(own.net).broadcast(tree), path)
        for name in inner_names:
            found = found.get(name, {}) if isinstance(found, dict) else {}
        return None if isinstance(found, dict) else found

    def _set(self, value: object) -> None:
        old = self._get()
        new = as_jax(value)
        if new.shape != old.shape:
            raise ValueError(
                f"{self.path}: expected a value of shape {old.shape}, got {describe(value)}."
            )
        values = self.model_state.need_values()
        leaves = leaves_of(values)
        leaves[self.place.part][self.place.leaf] = new.astype(old.dtype)
        self.model_state.replace(with_leaves(values, leaves))


def weights_of(state: ModelState, trained: bool | None = None) -> list[Weight]:
    """The weights of a model in Keras's order; none of an unbuilt model.

    Args:
      state: the state of the model.
      trained: True for the trained weights, False for the others, None for all.
    """
    state.build_if_known()
    if not state.built:
        return []
    places = state.order()
    if trained is not None:
        pairs = zip(places, freezing.trained_places(state), strict=True)
        places = [place for place, flag in pairs if flag == trained]
    return [Weight(state, place) for place in places]


def _layer_of(place: Place, layers: dict[tuple[Any, ...], Any]) -> tuple[Any, tuple[str, ...]]:
    """The innermost of `layers_by_path` that has a weight, and the weight's names there."""
    names = place.names
    depth = next(n for n in range(len(names), -1, -1) if names[:n] in layers)
    return layers[names[:depth]], names[depth:]


def kept_views(views: list[Weight]) -> list[Weight | Variable]:
    """The objects that users see for views on weights of one model: one for each weight."""
    if not views:
        return []
    state = views[0].model_state
    owner = state.owner()
    views_alive = (state if owner is None else vars(owner)[MODEL_PRIVATE]).views
    layers = layers_by_path(state.net)
    variables: dict[int, dict[str, Variable]] = {}
    result: list[Weight | Variable] = []
    for view in views:
        layer, inner_names = _layer_of(view.place, layers)
        if is_subclassed(layer) and len(inner_names) == 1:
            if id(layer) not in variables:
                own = own_variables(origin_of(layer)).items()
                variables[id(layer)] = {name: variable for variable, name in own}
            if inner_names[0] in variables[id(layer)]:
                result.append(variables[id(layer)][inner_names[0]])
                continue
        identity = identity_of(layer if isinstance(layer, Layer) else state)
        kept = identity.views.setdefault(inner_names, view)
        if kept is not view:
            kept.path, kept.model_state, kept.place = view.path, state, view.place
        views_alive[view.place.names] = kept
        result.append(kept)
    return result
