"""The keys with which a model draws outside of training, one for every call.

The key follows from the model's own and the number of the call, so that two predictions of a
network with pinned dropout differ, and a run from the same seed repeats them. The validations of
`fit` follow from the step instead: a run that is resumed makes the draws it would have made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.core.keys import Key, child
from jkeras.core.trees import specs
from jkeras.trainer.state import shape_inference as trials
from jkeras.trainer.state.specs import concrete
from jkeras.training.drawing import Drawing, traced
from jkeras.training.state import TrainState

_FOUND, _COUNT = "_draws", "_calls_so_far"


class _Found:
    """Whether a net draws. An object of its own, so that nobody takes the net for a part of it."""

    __slots__ = ("draws", "net")

    def __init__(self, net: Any, draws: bool) -> None:
        self.net, self.draws = net, draws


def draws(model: Any) -> bool:
    """Whether a model's outputs depend on a key outside of training; found by tracing it, once for
    each net.
    """
    found = vars(model).get(_FOUND)
    if found is None or found.net is not model.net:
        model._build_if_known()
        if model._specs is None:
            return False
        outputs_of(model, *map(concrete, model._specs))
        found = vars(model)[_FOUND]
    return bool(found.draws)


def outputs_of(model: Any, *inputs: Any) -> Any:
    """The specs of a model's outputs for such inputs; notes whether it draws."""
    values = model._need_values()
    parts = specs((values.params, values.state))
    net = model.net
    found, flag = trials.outputs(net, lambda x: traced(net.apply, *parts, *x), specs(inputs))
    vars(model)[_FOUND] = _Found(model.net, flag)
    return found


def next_key(model: Any, values: TrainState) -> Key:
    """A key for one call, another every time."""
    count = calls(model)
    set_calls(model, count + 1)
    return child(child(values.key, "call"), count)


def calls(model: Any) -> int:
    """How many keys `next_key` has given so far."""
    return int(vars(model).get(_COUNT, 0))


def set_calls(model: Any, count: int) -> None:
    """Goes on as after `count` keys."""
    vars(model)[_COUNT] = count


def asked(model: Any, values: TrainState, *, in_fit: bool = False) -> Any:
    """The state with which a model is asked: with a key, where it draws.

    Args:
      model: the model, built.
      values: its values.
      in_fit: whether it is validated in the middle of training.
    """
    if not draws(model):
        return values.state
    key = child(child(values.key, "validation"), values.step) if in_fit else next_key(model, values)
    return Drawing(values.state, key, np.int32(0))


__all__ = ["asked", "calls", "draws", "next_key", "outputs_of", "set_calls"]
