"""A weight of a model as in Keras: an element of `model.trainable_variables`.

It holds no array: it reads the model's current value, and `assign` replaces that value.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import describe
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.trainer.state import freezing
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.weight_order import Place, leaves_of, with_leaves


class Weight(LiveNumber):
    """A view on one weight of a model: it computes, compares and prints as an array.

    Args:
      state: the state of the model.
      place: the place of the weight in it.

    Attributes:
      path: the names of the layers around it, and its name: "encoder/dense/kernel".
      name: the last name of the path.

    Source: `keras.Variable`.
    """

    def __init__(self, state: ModelState, place: Place) -> None:
        self.path = "/".join(place.names)
        super().__init__(place.names[-1] if place.names else "weight", self._get, self._set)
        self._model_state = state
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
        """Whether training changes the weight; set it to freeze or unfreeze this weight alone."""
        state = self._model_state
        return freezing.trained_places(state)[state.order().index(self.place)]

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self.place.part == "state":
            raise AttributeError(
                f"{self.path}: `trainable` cannot be set: it is a statistic, which no gradient "
                "changes."
            )
        freezing.freeze_weight(self._model_state, self.path, value)

    def numpy(self) -> Any:
        """A copy of the value."""
        return np.array(self.value)

    def assign_add(self, value: Any) -> None:
        """Adds to the value."""
        self.assign(self.value + jnp.asarray(value, self.dtype))

    def assign_sub(self, value: Any) -> None:
        """Subtracts from the value."""
        self.assign(self.value - jnp.asarray(value, self.dtype))

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __len__(self) -> int:
        return len(self.value)

    def __hash__(self) -> int:
        return hash((id(self._model_state), self.place))

    def __repr__(self) -> str:
        return f"<Weight path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    def _get(self) -> jax.Array:
        values = self._model_state.lend()
        leaf: jax.Array = jax.tree.leaves(getattr(values, self.place.part))[self.place.leaf]
        return leaf

    def _set(self, value: Any) -> None:
        old = self._get()
        new = jnp.asarray(value)
        if new.shape != old.shape:
            raise ValueError(
                f"{self.path}: expected a value of shape {old.shape}, got {describe(value)}."
            )
        values = self._model_state.need_values()
        leaves = leaves_of(values)
        leaves[self.place.part][self.place.leaf] = new.astype(old.dtype)
        self._model_state.replace(with_leaves(values, leaves))


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
