"""The weights of a subclassed layer, as a trace of `build` and `call` finds them."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp

from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Layer, Params, State
from jkeras.core.parts import put
from jkeras.core.trees import Tree, widest_float
from jkeras.core.variables import Variable
from jkeras.models.calls import with_activity
from jkeras.models.weight_tying import WeightTies

LOSSES = "losses"
"""The entry of a state that holds the sum of the losses of `add_loss`."""


METRIC_SUMS = "metric_sums"
"""The entry of a state that holds, during a step, the sums of the metrics in the attributes."""


class CalledLayer(NamedTuple):
    """A layer and the specs of its inputs."""

    layer: Layer
    specs: tuple[Any, ...]


class WeightsElsewhere(NamedTuple):
    """A layer that nothing calls here, whose values another model has.

    Attributes:
      layer: the layer.
      specs: the specs of its params and state there.
    """

    layer: Layer
    specs: tuple[Any, Any]


class WeightPlan:
    """The variables of a subclassed layer, and the layers that it calls.

    Args:
      who: the layer's name in messages.

    Attributes:
      base: the base layer (see `library_base`), if its weights are used.
      variables: the names of the variables.
      parts: the layers inside by their paths: plans of subclassed layers, other layers with specs,
        layers that are not called but have values elsewhere, which `init` makes zeros of: a model
        that is built takes over the values that its layers have.
      adds_losses: whether `call` adds losses.
      weight_ties: the layers inside that stand at several places.
    """

    def __init__(self, who: str) -> None:
        self.who = who
        self.base: CalledLayer | None = None
        self.variables: dict[Variable, str] = {}
        self.parts: dict[tuple[str, ...], WeightPlan | CalledLayer | WeightsElsewhere] = {}
        self.adds_losses = False
        self.weight_ties = WeightTies()

    def init(self, key: Key) -> tuple[Params, State]:
        """Initial params and state."""
        params: Params = {}
        state: State = {}
        if self.base is not None:
            params, state = self.base.layer.init(key, *self.base.specs)
        for variable, name in self.variables.items():
            value = variable.initial(child(key, name))
            (params if variable.in_params else state)[name] = value
        for path, part in self.parts.items():
            part_key = functools.reduce(child, path, key)
            if isinstance(part, WeightPlan):
                new = part.init(part_key)
            elif isinstance(part, WeightsElsewhere):
                new = _zeros(part.specs[0]), _zeros(part.specs[1])
            else:
                new = part.layer.init(part_key, *part.specs)
                new = new[0], with_activity(part.layer, new[1], jnp.zeros((), widest_float()))
            params, state = put(params, path, new[0]), put(state, path, new[1])
        if self.adds_losses:
            state[LOSSES] = {ACTIVITY_LOSS: jnp.zeros((), widest_float())}
        self.weight_ties.check_shapes(self.who, params)
        return self.weight_ties.deduplicate(params), self.weight_ties.deduplicate(state)


def _zeros(specs: Tree) -> Any:
    """Zeros for specs in nested dicts, whose order stays."""
    if isinstance(specs, dict):
        return {name: _zeros(part) for name, part in specs.items()}
    return jnp.zeros(specs.shape, specs.dtype)
