"""Networks that draw in evaluation and prediction: new draws at every call, repeated by a seed."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.trainer.loop.parts import parts_of
from jkeras.trainer.state.inference_rng import uses_rng, with_inference_rng
from tests.programs import plan_of

X = np.ones((7, 16), "float32")


def pinned(seed: int = 3) -> Any:
    x = jkeras.Input((16,))
    model = jkeras.Model(x, layers.Dropout(0.5)(x, training=True), seed=seed)
    model.compile("sgd", "mse")
    return model


class Noise(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs + jkeras.random.normal(jkeras.ops.shape(inputs))


def test_pinned_dropout_draws_anew_at_every_call_and_repeats_from_a_seed() -> None:
    model, again = pinned(), pinned()
    first, second = model.predict(X, verbose=0), model.predict(X, verbose=0)
    assert set(np.unique(first)) == {0.0, 2.0} and (first != second).any()
    assert (first == again.predict(X, verbose=0)).all()
    assert (second == again.predict(X, verbose=0)).all()
    one, other = model.evaluate(X, X, verbose=0), model.evaluate(X, X, verbose=0)
    assert one == pytest.approx(1) and other == pytest.approx(1), "all entries are 1 away"
    assert np.asarray(model(X) != model(X)).any()


def test_no_draw_depends_on_how_batches_are_cut_into_dispatches() -> None:
    whole = pinned().predict(X, batch_size=2, verbose=0)
    rows = iter([(X[i : i + 2],) for i in range(0, 7, 2)])
    assert (pinned().predict(rows, verbose=0)[:6] == whole[:6]).all()
    assert (whole[:2] != whole[2:4]).any(), "each batch has its own key"


def test_validation_in_fit_follows_from_the_step_alone() -> None:
    model = pinned()
    model.build()
    values = model.train_state
    key = with_inference_rng(parts_of(model).state, values, in_fit=True).key
    assert (
        with_inference_rng(parts_of(model).state, values).key
        != with_inference_rng(parts_of(model).state, values).key
    )
    assert with_inference_rng(parts_of(model).state, values, in_fit=True).key == key, (
        "whatever was asked in between"
    )
    assert (
        with_inference_rng(
            parts_of(model).state, values.replace(step=values.step + 1), in_fit=True
        ).key
        != key
    )


def test_dropout_that_is_called_with_true_again_and_again_differs() -> None:
    model = jkeras.Sequential([jkeras.Input((16,)), layers.Dropout(0.5)], seed=0)
    draws_of = [np.asarray(model(X, training=True)) for _ in range(2)]
    assert (draws_of[0] != draws_of[1]).any()
    assert (np.asarray(model(X)) == X).all() and not uses_rng(parts_of(model).state)


@pytest.mark.parametrize(
    "make", [pinned, lambda: jkeras.Sequential([jkeras.Input((16,)), Noise()])]
)
def test_a_model_that_draws_is_a_part_of_another(make: Any) -> None:
    outer = jkeras.Sequential([jkeras.Input((16,)), make(), layers.Rescaling(1.0)])
    assert uses_rng(parts_of(outer).state)
    outer.summary(print_fn=lambda text: None)
    assert np.asarray(outer(X) != outer(X)).any()


def test_a_network_that_draws_nothing_gets_no_key() -> None:
    model = jkeras.Sequential([jkeras.Input((16,)), layers.Dropout(0.5), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.predict(X, verbose=0)
    step = plan_of(model, "predict").programs.functions.predict
    values = model.train_state
    batch = jkeras.core.batch.Batch(X)
    text = str(jax.make_jaxpr(step)(values.params, values.state, batch))
    assert not uses_rng(parts_of(model).state) and "random" not in text


def test_a_layer_of_ones_own_draws_anew_when_it_is_called_on_arrays() -> None:
    layer = Noise()
    assert np.asarray(layer(X) != layer(X)).any()
