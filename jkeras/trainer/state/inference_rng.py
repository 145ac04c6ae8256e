"""Random keys for evaluation and prediction, one for every call.

The key follows from the model's own and the number of the call, so that two predictions of a
network with pinned dropout differ, and a run from the same seed repeats them. The validations of
`fit` follow from the step instead: a run that is resumed makes the draws it would have made.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jkeras.core.keys import Key, child
from jkeras.core.trees import specs
from jkeras.trainer.state import shape_inference
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.specs import concrete
from jkeras.training.inference_key import StateWithKey, trace_inference
from jkeras.training.state import TrainState


def uses_rng(state: ModelState) -> bool:
    """Whether a model's outputs depend on a key outside of training; found by tracing it, once for
    each description.
    """
    net, flag = state.draws
    if net is not state.net:
        state.build_if_known()
        if not state.specs:  # a model without `call` may draw in its steps
            return state.specs is not None
        output_specs(state, *map(concrete, state.specs))
        net, flag = state.draws
    return flag


def output_specs(state: ModelState, *inputs: Any) -> Any:
    """The specs of a model's outputs for such inputs, traced once for each; notes whether the
    model draws.
    """
    values, given = state.need_values(), specs(inputs)
    leaves, tree = jax.tree.flatten(given)
    key = (tree, *leaves)
    if state.output_specs[0] != state.version:
        state.output_specs = state.version, {}
    known, net = state.output_specs[1], state.net
    if key not in known:
        parts = specs((values.params, values.state))
        known[key], flag = shape_inference.outputs(
            net, lambda x: trace_inference(net.apply, *parts, *x), given
        )
        state.draws = net, flag
    return known[key]


def next_key(state: ModelState, values: TrainState) -> Key:
    """A key for one call, another every time."""
    state.calls += 1
    return child(child(values.key, "call"), state.calls - 1)


def with_inference_rng(state: ModelState, values: TrainState, *, in_fit: bool = False) -> Any:
    """The layers' state for an evaluation or prediction: with a key, where the model draws.

    Args:
      state: of the model, built.
      values: its values.
      in_fit: whether it is validated in the middle of training.
    """
    if not uses_rng(state):
        return values.state
    key = child(child(values.key, "validation"), values.step) if in_fit else next_key(state, values)
    return StateWithKey(values.state, key, np.int32(0))
