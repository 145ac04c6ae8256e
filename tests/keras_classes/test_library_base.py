"""Classes written over a layer of the library: `super()`, in Keras's numbers."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.models import Chain
from jkeras.trainer.compiling.call_program import is_compilable
from tests.golden.sharing_cases import SUPERS

GOLDEN = json.loads(pathlib.Path(__file__).parents[1].joinpath("golden/sharing.json").read_text())
SPEC = jax.ShapeDtypeStruct((2, 4), jnp.float32)


@pytest.mark.parametrize("name", SUPERS)
def test_a_case_is_as_in_keras(name: str) -> None:
    """`python -m tests.golden.make_sharing` wrote what Keras gives."""
    found = SUPERS[name](jkeras)
    np.testing.assert_allclose(found, GOLDEN["cases"][name], rtol=1e-5, atol=1e-6)


class Doubled(layers.Dense):
    """Twice a Dense."""

    def call(self, inputs: Any) -> Any:
        return 2 * super().call(inputs)


def test_weights_are_those_of_the_layer_above_under_its_names_and_drawn_like_them() -> None:
    key = jax.random.key(0)
    wanted = layers.Dense(3).init(key, SPEC)
    jax.tree.map(np.testing.assert_array_equal, Doubled(3).init(key, SPEC), wanted)


def test_a_class_that_only_builds_calls_the_layer_above() -> None:
    class Own(layers.Dense):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.gain = self.add_weight(shape=(self.units,), name="gain")

    params, state = Own(3).init(jax.random.key(0), SPEC)
    assert list(params) == ["kernel", "bias", "gain"] and state == {}
    plain = {name: params[name] for name in ("kernel", "bias")}
    outputs = Own(3).apply(params, state, jnp.ones((2, 4)))[0]
    np.testing.assert_array_equal(outputs, layers.Dense(3).apply(plain, {}, jnp.ones((2, 4)))[0])


def test_weights_that_no_call_uses_are_there_all_the_same() -> None:
    class Own(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return inputs

    params, _ = Own(3).init(jax.random.key(0), SPEC)
    assert jax.tree.map(jnp.shape, params) == {"kernel": (4, 3), "bias": (3,)}


def test_a_frozen_layer_has_no_penalty() -> None:
    layer = Doubled(3, kernel_regularizer="l2")
    params = {"kernel": jnp.ones((4, 3)), "bias": jnp.zeros(3)}
    assert float(layer.penalty(params)) == pytest.approx(0.12)
    layer.trainable = False
    assert layer.penalty(params) == 0.0


def test_losses_of_a_model_hold_the_penalties_of_the_layer_above() -> None:
    model = jkeras.Sequential([Doubled(3, kernel_regularizer="l2")], seed=0)
    model.build((None, 4))
    expected = 0.01 * np.square(model.get_weights()[0]).sum()
    np.testing.assert_allclose(model.losses, [expected], rtol=1e-5)


class Row(jkeras.Sequential):
    """Has layers in a row and a call, of which one would not be heard of."""

    def call(self, inputs: Any) -> Any:
        return inputs


def with_attribute(name: str) -> Any:
    """A model that sets an attribute before it calls a layer."""

    class Own(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            setattr(self, name, layers.Dense(2))

        def call(self, inputs: Any) -> Any:
            return getattr(self, name)(inputs)

    return Own()


BOTH = (
    ": expected layers in a row, or a `call` of its own, got both: `call` would not be run. "
    "Subclass Model and make the row an attribute: super().__init__(); self.body = "
    "Sequential(layers); and call it in `call`: self.body(x)."
)
TAKEN = "Own 'own': the attribute `{}` is taken: it is {}. Choose another name: self.{} = ..."
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a row and a call": (lambda: Row([layers.Dense(1)]), TypeError, "Row" + BOTH),
    "net": (
        lambda: with_attribute("net"),
        AttributeError,
        TAKEN.format("net", "its description", "network"),
    ),
    "params": (
        lambda: with_attribute("params"),
        AttributeError,
        TAKEN.format("params", "its trained weights", "parameters"),
    ),
    "inputs": (
        lambda: with_attribute("inputs"),
        AttributeError,
        TAKEN.format("inputs", "its inputs as symbols", "own_inputs"),
    ),
    "learning_rate": (
        lambda: with_attribute("learning_rate"),
        AttributeError,
        TAKEN.format("learning_rate", "that of its optimizer", "rate"),
    ),
    "a property of every model": (
        lambda: with_attribute("weights"),
        AttributeError,
        TAKEN.format("weights", "`weights` of every model", "own_weights"),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = WRONG[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message


def test_a_seed_of_none_leaves_the_models_own() -> None:
    class Own(jkeras.Model):
        def __init__(self, seed: Any = None) -> None:
            super().__init__()
            self.seed = seed

        def call(self, inputs: Any) -> Any:
            return inputs

    assert isinstance(Own().seed, int) and Own(3).seed == 3


def test_a_class_over_a_layer_leaves_models_of_the_layer_compiled() -> None:
    class Over(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs)

    assert is_compilable(Chain([layers.Dense(2)]))
    assert not is_compilable(Chain([Over(2)]))
