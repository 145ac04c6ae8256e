"""Keras's further names of models: shapes, paths, and hooks that say what does their work."""

from __future__ import annotations

import pytest

import jkeras
from jkeras import layers


def _model() -> jkeras.Sequential:
    return jkeras.Sequential([jkeras.Input((3,)), layers.Dense(2)], name="m")


def test_build_configurations_make_the_same_weights() -> None:
    model = _model()
    config = model.get_build_config()
    assert config == {"input_shape": (None, 3)}
    other = jkeras.Sequential([layers.Dense(2)])
    assert other.get_build_config() is None
    other.build_from_config(config)
    assert [weight.shape for weight in other.weights] == [(3, 2), (2,)]
    with pytest.raises(TypeError, match=r"build_from_config: expected \{'input_shape'"):
        other.build_from_config({"shape": 3})


def test_attributes_are_those_of_the_inputs() -> None:
    model = _model()
    assert (model.path, model.input_dtype, model.quantization_mode) == ("m", "float32", None)
    assert [spec.shape for spec in model.input_spec] == [(None, 3)]
    assert model.jax_state_sync() is None and model.get_quantization_layer_structure() is None
    assert model.symbolic_call(jkeras.KerasTensor((None, 3))).shape == (None, 2)
    model.quantize("int8")
    assert model.quantization_mode == "int8"


def test_what_a_class_assigns_goes_first() -> None:
    class Named(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.path = "data.csv"

        def call(self, x: object) -> object:
            return x

    assert Named().path == "data.csv"


@pytest.mark.parametrize(
    ("name", "instead"),
    [("make_train_function", "train_step"), ("add_metric", "compile"), ("quantized_call", "call")],
)
def test_hooks_say_what_does_their_work(name: str, instead: str) -> None:
    with pytest.raises(
        NotImplementedError, match=f"'m': {name} has another form here: .*{instead}"
    ):
        getattr(_model(), name)()
