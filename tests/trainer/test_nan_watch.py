"""`compile(check_nans=True)`: the step, and the first thing in it that is no number."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras import optimizers
from jkeras.models import Chain

X = np.ones((6, 2), "float32")
X[5] = -1
Y = np.ones((6, 1), "float32")
SAME = {"kernel_initializer": "ones"}


class Log(L.Layer):
    """Not defined below 0."""

    def apply(self, params: Any, state: Any, inputs: Any, **told: Any) -> Any:
        return jnp.log(inputs), state


class Root(L.Layer):
    """Has no derivative at 0."""

    def apply(self, params: Any, state: Any, inputs: Any, **told: Any) -> Any:
        return jnp.sqrt(inputs * 0), state


def fail(layers: list[Any], loss: Any = "mse", rate: float = 0.01) -> tuple[str, jkeras.Sequential]:
    """What is said of a run, and the model after it."""
    made = jkeras.Sequential([jkeras.Input((2,)), *layers], seed=0)
    made.compile(optimizers.SGD(rate), loss, check_nans=True)
    with pytest.raises(FloatingPointError) as caught:
        made.fit(X, Y, batch_size=2, shuffle=False, verbose=0)
    assert all(np.isfinite(weight).all() for weight in made.get_weights())
    return str(caught.value), made


def test_a_layer_is_named_also_inside_another_and_the_model_is_as_before_the_step() -> None:
    inner = Chain([L.Dense(1, **SAME), Log(name="logarithm")], name="inner")
    message, made = fail([inner, L.Dense(1, **SAME)], rate=0.0)
    assert message == (
        "fit: epoch 1, batch 2: the outputs of Log 'logarithm' are NaN, of inputs that are finite "
        "and lie between -2 and 2. Look at what it computes, scale its inputs, or lower the "
        "learning rate."
    )
    assert int(made.train_state.step) == 2


def test_the_loss_a_gradient_or_the_update_is_named() -> None:
    def loss(y_true: Any, y_pred: Any) -> Any:
        return jnp.log(y_pred - 1e6)

    assert fail([L.Dense(1)], loss)[0] == (
        "fit: epoch 1, batch 0: the loss is NaN, of outputs that are finite. Losses from "
        "probabilities want outputs in their range (softmax, sigmoid), logarithms targets above -1."
    )
    assert fail([L.Dense(2, name="first"), Root(), L.Dense(1)])[0] == (
        "fit: epoch 1, batch 0: the gradient of first/kernel is NaN, of a loss that is finite. "
        "Look for square roots, divisions and norms of zero in that layer and behind it."
    )
    assert fail([L.Dense(1)], rate=3e38)[0] == (
        "fit: epoch 1, batch 0: the optimizer's update is not finite, of gradients that are. Lower "
        "the learning rate, or clip: Adam(global_clipnorm=1.0)."
    )


def test_a_weight_that_is_nan_from_the_start_is_named() -> None:
    made = jkeras.Sequential([jkeras.Input((2,)), L.Dense(1)], seed=0)
    made.compile("sgd", "mse", check_nans=True)
    made.set_weights([np.full((2, 1), np.nan), np.zeros(1)])
    with pytest.raises(FloatingPointError) as caught:
        made.fit(X, Y, verbose=0)
    assert str(caught.value) == (
        "fit: epoch 1, batch 0: the weight dense/kernel is NaN already. Look at its initializer."
    )


def test_a_run_without_nan_is_the_same_with_the_switch() -> None:
    histories = []
    for check in (False, True):
        made = jkeras.Sequential([jkeras.Input((2,)), L.Dense(1)], seed=0)
        made.compile("sgd", "mse", check_nans=check)
        histories.append(made.fit(X, Y, batch_size=4, epochs=2, verbose=0).history)
    assert histories[0] == histories[1]
