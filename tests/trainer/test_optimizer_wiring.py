"""What an optimizer asks of the trainer besides updates: a scaled loss, and averages at the end."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Sequential, layers, optimizers

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)


def trained(epochs: int = 2, **options: Any) -> Sequential:
    model = Sequential([layers.Dense(4, activation="tanh"), layers.Dense(1)], seed=1)
    model.compile(optimizers.SGD(0.1, **options), "mse")
    model.fit(X, X[:, :1], batch_size=8, epochs=epochs, verbose=0)
    return model


def test_scaling_the_loss_changes_neither_the_weights_nor_the_history() -> None:
    plain, scaled = trained(), trained(loss_scale_factor=1024.0)
    for got, expected in zip(scaled.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert plain.evaluate(X, X[:, :1], verbose=0) == scaled.evaluate(X, X[:, :1], verbose=0)


def test_training_ends_with_the_averages() -> None:
    averaged = trained(use_ema=True, ema_momentum=0.5)
    (average,) = [averaged.train_state.opt_state.slots["average"]]
    jax.tree.map(np.testing.assert_array_equal, averaged.params, average)
    plain = trained()
    difference = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), averaged.params, plain.params)
    assert max(jax.tree.leaves(difference)) > 1e-3


def test_training_goes_on_after_averages() -> None:
    model = trained(use_ema=True)
    before = model.evaluate(X, X[:, :1], verbose=0)
    model.fit(X, X[:, :1], batch_size=8, epochs=20, verbose=0)
    assert model.evaluate(X, X[:, :1], verbose=0) < before
