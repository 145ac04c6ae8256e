"""The optimizers of a `MultiOptimizer`, each with its own rate."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import optimizers as o
from jkeras.callbacks import LearningRateScheduler, ReduceLROnPlateau
from tests.programs import loops_of

X = np.ones((4, 2), np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    """A model whose head has its own optimizer; the default has the rest."""
    layers = [
        jkeras.Input((2,)),
        jkeras.layers.Dense(2, name="a"),
        jkeras.layers.Dense(1, name="b"),
    ]
    made = jkeras.Sequential(layers)
    chosen = o.OptimizerMap(o.SGD(0.1), {"b/bias": o.SGD(0.5, name="slow"), "b/.*": o.Adam(0.01)})
    made.compile(o.MultiOptimizer(chosen), "mse")
    return made


def test_callbacks_set_every_rate_and_log_it_under_the_name_of_keras(
    model: Any, capsys: Any
) -> None:
    """Keras 3.15.1 logs `learning_rate_adam` and `learning_rate_sgd`, halved and halved again, and
    its ReduceLROnPlateau lowers all of them.
    """
    halve = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    lower = ReduceLROnPlateau("loss", patience=1, min_delta=1e9, verbose=1)
    history = model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[halve, lower]).history
    rates = {"slow": 0.5, "adam": 0.01, "sgd": 0.1}
    for name, rate in rates.items():
        np.testing.assert_allclose(
            history[f"learning_rate_{name}"], [rate / 2, rate / 4], rtol=1e-6
        )
    assert list(history) == ["loss", *(f"learning_rate_{name}" for name in rates)]
    told = "ReduceLROnPlateau reducing adam learning rate to 0.000249999"
    assert told in capsys.readouterr().out
    parts = model.optimizer.optimizers
    assert [part.name for part in parts] == list(rates)
    for part in parts:
        assert math.isclose(float(part.learning_rate), rates[part.name] / 40, rel_tol=1e-6)
    assert [int(part.iterations) for part in parts] == [2, 2, 2] and parts[1].beta_1 == 0.9
    assert loops_of(model, "train")[4].traces == 1


def test_a_rate_that_is_set_is_used(model: Any) -> None:
    slow, adam, sgd = model.optimizer.optimizers
    adam.learning_rate = jnp.float32(0.0)
    sgd.learning_rate.assign(sgd.learning_rate * 0)
    slow.learning_rate = 0.5
    before = model.get_weights()
    model.fit(X, X[:, :1] + 5, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)]
    assert moved == [False, False, False, True]


def test_one_optimizer_has_no_parts_and_one_that_scales_the_loss_has_those_within(
    model: Any,
) -> None:
    other = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    other.compile("sgd", "mse")
    assert not hasattr(other.optimizer, "optimizers")
    rule = o.MultiOptimizer(lambda variable: o.SGD(0.25))
    other.compile(o.LossScaleOptimizer(rule), "mse")
    (part,) = other.optimizer.optimizers
    part.learning_rate = 0.5
    assert repr(part) == "<sgd: SGD(learning_rate=0.25)>" and float(part.learning_rate) == 0.5


NO_RATE = (
    "MultiOptimizer has no `learning_rate`: each of its optimizers has its own: slow, adam, sgd. "
    "Read or set it there: model.optimizer.optimizers[0].learning_rate = 0.01, once the model is "
    "built."
)
WRONG = {
    "read": (lambda m: m.optimizer.learning_rate, AttributeError, NO_RATE),
    "set": (lambda m: setattr(m.optimizer, "learning_rate", 1.0), AttributeError, NO_RATE),
    "read of the model": (lambda m: m.learning_rate, AttributeError, NO_RATE),
    "negative": (
        lambda m: setattr(m.optimizer.optimizers[0], "learning_rate", -1.0),
        ValueError,
        "set_learning_rate: expected `value` to be a number of at least 0, got -1.0 (float).",
    ),
    "another argument": (
        lambda m: setattr(m.optimizer.optimizers[1], "beta_1", 0.5),
        AttributeError,
        "Adam is a frozen description: `beta_1` cannot be set. Make a changed copy instead: "
        "x = x.replace(beta_1=0.5).",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_uses_are_told_what_to_do(case: str, model: Any) -> None:
    wrong, kind, message = WRONG[case]
    model.build()
    with pytest.raises(kind) as caught:
        wrong(model)
    assert str(caught.value) == message
