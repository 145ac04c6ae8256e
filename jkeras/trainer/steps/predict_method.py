"""A `predict_step` that a class defines, as a pure function.

    def predict_step(self, state, data):
        trainable, non_trainable = state
        outputs, non_trainable = self.stateless_call(trainable, non_trainable, data)
        return outputs * 2, non_trainable

`data` is the inputs of a batch, or for several `(inputs,)`, as in Keras. The returned state is
ignored: a prediction leaves the model as it is. `super().predict_step(state, data)` calls the
model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree
from jkeras.core.variables import within
from jkeras.keras_classes.step_context import StepFrame
from jkeras.trainer.state.model_state import state_of
from jkeras.trainer.steps.method_steps import VariableLists
from jkeras.training.inference_key import state_and_key


def predict_step(self: Any, state: tuple[Any, ...], data: Tree) -> tuple[Any, Any]:
    """The outputs for a batch: (outputs, non_trainable_variables), where the state is the lists of
    trainable and non-trainable variables.
    """
    x = data[0] if isinstance(data, tuple) else data
    made: tuple[Any, Any] = self.stateless_call(*state, x, training=False)
    return made


def predict_step_of(model: Any) -> Callable[..., Any] | None:
    """The function (params, state, batch) -> outputs, of a model's `predict_step`; None where its
    class defines none.

    Args:
      model: the model; it has to be built when the function is called.

    Raises:
      TypeError: when called: the method returns something else than (outputs, state).
    """
    if type(model).predict_step is predict_step:
        return None

    def step(params: Tree, state: Tree, batch: Batch) -> Any:
        state, key = state_and_key(state)
        given, x = VariableLists(state_of(model)).of(params, state), as_batch(batch).x
        data = (x,) if isinstance(x, tuple) else x
        with within(StepFrame(model, key, None, params, state)):
            made = model.predict_step(given, data)
        if not (isinstance(made, tuple | list) and len(made) == 2 and jax.tree.leaves(made[0])):
            raise WrongTypeError(
                f"{state_of(model).who}: predict_step: expected to return (outputs, "
                f"non_trainable_variables), got {describe(made)}."
            )
        return made[0]

    return step
