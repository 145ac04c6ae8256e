"""A model in mixed precision: `model.dtype_policy`."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.core.identity import identity_of
from jkeras.models import Chain
from jkeras.models.precision import in_policy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def dtypes(layers: Any) -> list[str]:
    return [str(layer.dtype) for layer in layers]


def classifier() -> jkeras.Sequential:
    made = jkeras.Sequential(
        [jkeras.Input((4,)), L.Dense(4, activation="relu"), L.Dense(2, activation="softmax")],
        seed=0,
    )
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def test_layers_are_narrow_and_outputs_and_weights_are_not() -> None:
    made = classifier()
    wide = made.predict(X, verbose=0)
    made.dtype_policy = "mixed_bfloat16"
    assert dtypes(made.layers) == ["bfloat16", "float32"]
    assert {w.dtype for w in made.get_weights()} == {np.dtype("float32")}
    outputs = made.predict(X, verbose=0)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, wide, atol=1e-2)
    assert (outputs != wide).any()
    made.fit(X, Y, verbose=0)
    made.dtype_policy = "float32"
    assert dtypes(made.layers) == ["None", "None"] and made.dtype_policy.name == "float32"


def test_float16_scales_the_loss_and_the_rate_stays_settable() -> None:
    made = classifier()
    made.dtype_policy = "mixed_float16"
    assert isinstance(made.optimizer, jkeras.optimizers.LossScaleOptimizer)
    before = made.get_weights()
    made.learning_rate = 0.5
    made.fit(X, Y, verbose=0)
    assert made.learning_rate == float(made.optimizer.learning_rate) == 0.5
    assert float(made.optimizer.dynamic_scale) == 2.0**15
    assert any((a != b).any() for a, b in zip(before, made.get_weights(), strict=True))
    made.compile("sgd", "mse", auto_scale_loss=False)
    assert made.optimizer == jkeras.optimizers.SGD()
    made.compile(jkeras.optimizers.SGD(loss_scale_factor=8.0), "mse")
    assert made.optimizer == jkeras.optimizers.SGD(loss_scale_factor=8.0)


def test_graphs_and_models_in_models_keep_their_layers() -> None:
    own = L.Dense(3, dtype="float32")
    inner = Chain([L.Dense(3), own, L.TimeDistributed(L.Dense(3))])
    inputs = jkeras.Input((2, 4))
    hidden = inner(inputs)
    net = jkeras.Model(inputs, [L.Dense(1)(hidden), L.Bidirectional(L.LSTM(2))(hidden)]).net
    new = in_policy(net, "mixed_bfloat16")
    chain, *ends = new.layers[1:]
    assert dtypes(chain.layers[:2]) == ["bfloat16", "float32"]
    assert str(chain.layers[2].layer.dtype) == "bfloat16"
    assert [str(ends[0].dtype), str(ends[1].layer.dtype)] == ["float32", "float32"]
    assert identity_of(chain.layers[1]) is identity_of(own)
    assert new.input_names == net.input_names and new.output_names == net.output_names


def test_losses_and_metrics_of_narrow_outputs_are_wide() -> None:
    made = jkeras.Sequential([jkeras.Input((4,)), L.Dense(1, dtype="bfloat16")], seed=0)
    targets = made.predict(X, verbose=0).astype("float32") + 1e-3
    made.compile("sgd", "mae", metrics=["mae"])
    loss, mae = made.evaluate(X, targets, verbose=0)
    assert loss == pytest.approx(1e-3, rel=1e-3) and mae == pytest.approx(1e-3, rel=1e-3)
    assert made.predict(X, verbose=0).dtype == jnp.bfloat16
