"""All values of a model by name, as `get_state_tree` and `set_state_tree` have them in Keras.

trainable_variables/dense/kernel       weights under their paths
optimizer_variables/adam/iteration     the optimizer's variables under Keras's paths
metrics_variables/loss/total           the sums of the metrics
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.errors import nearest
from jkeras.core.global_arrays import local
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.keras_classes.optimizer_view import optimizer_variables
from jkeras.keras_classes.weight_views import weights_of
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.model_state import ModelState

FORMATS = ("backend_tensor", "numpy_array")


class MetricVariable(LiveNumber):
    """A view on one sum of a metric.

    Args:
      state: the state of the model.
      path: the name of the metric, and the names of the sum in it: "loss/total".

    Source: `keras.Variable`.
    """

    def __init__(self, state: ModelState, path: str) -> None:
        self.path, self._state = path, state
        super().__init__(path.rpartition("/")[2], self._get, self._set)

    def _get(self) -> Any:
        return trees.named_leaves(self._state.lend().sums)[self.path]

    def _set(self, value: object) -> None:
        values = self._state.need_values()
        names = list(trees.named_leaves(values.sums))
        leaves: list[Any] = jax.tree.leaves(values.sums)
        structure: Any = jax.tree.structure(values.sums)
        at = names.index(self.path)
        new = np.asarray(value)
        if new.shape != leaves[at].shape:
            raise ValueError(f"{self.path}: expected shape {leaves[at].shape}, got {new.shape}.")
        leaves[at] = jnp.asarray(new, leaves[at].dtype)
        self._state.values = values.replace(sums=structure.unflatten(leaves))


def metrics_variables(state: ModelState) -> list[MetricVariable]:
    """Views on the sums of a model's metrics; none before the model is built and compiled."""
    state.build_if_known()
    sums = {} if state.values is None else state.values.sums
    return [MetricVariable(state, path) for path in trees.named_leaves(sums)]


def state_tree(parts: TrainerParts, value_format: str) -> dict[str, Any]:
    """The values under Keras's names, as nested dicts; arguments and errors of `get_state_tree`."""
    state = parts.state
    if value_format not in FORMATS:
        raise ValueError(
            f"{state.who}: get_state_tree: `value_format`: expected one of {list(FORMATS)}, "
            f"got {value_format!r}.{nearest(str(value_format), FORMATS)}"
        )
    found = {part: _nested(variables) for part, variables in _variables(parts).items()}
    if value_format == "numpy_array":
        return jax.tree.map(lambda leaf: jax.device_get(local(leaf)), found)
    return found


def set_state_tree(parts: TrainerParts, tree: Mapping[str, Any]) -> None:
    """Assigns the values of a tree, which may have a part of them.

    Raises:
      ValueError: a name is unknown here, or a value has another shape.
    """
    who, known = f"{parts.state.who}: set_state_tree", _variables(parts)
    assigned = []
    for part, values in tree.items():
        if part not in known:
            raise ValueError(f"{who}: no part {part!r}.{nearest(part, known)}")
        variables = {variable.path: variable for variable in known[part]}
        for path, value in _leaves(values):
            if path not in variables:
                raise ValueError(
                    f"{who}: no weight {path!r}.{nearest(path, variables)} "
                    f"Weights: {', '.join(variables)}."
                )
            assigned.append((variables[path], value))
    for variable, value in assigned:
        variable.assign(value)


def _variables(parts: TrainerParts) -> dict[str, list[Any]]:
    """The variables of each part."""
    state = parts.state
    state.need_values()
    return {
        "trainable_variables": list(weights_of(state, trained=True)),
        "non_trainable_variables": list(weights_of(state, trained=False)),
        "optimizer_variables": list(optimizer_variables(parts)) if parts.compilation else [],
        "metrics_variables": list(metrics_variables(state)),
    }


def _nested(variables: list[Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for variable in variables:
        *names, last = variable.path.split("/")
        node = tree
        for name in names:
            node = node.setdefault(name, {})
        node[last] = variable.value
    return tree


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """What is no dict, with the keys that lead to it."""
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for name, part in tree.items():
        yield from _leaves(part, f"{path}/{name}".lstrip("/"))
