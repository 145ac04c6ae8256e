"""A trained model as a pure function of named arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.export.inference import Inference, TensorSpec
from jkeras.trainer.files.exporting import inference_of


def of(model: Any, signature: Any = None) -> Inference:
    return inference_of(model._trainer_parts.state, signature)


def two_towers() -> Any:
    left, right = layers.Input((None, 3), name="left"), layers.Input((2,), name="right")
    pooled = layers.GlobalAveragePooling1D()(layers.Dense(4)(left))
    first = layers.Dense(1, name="first")(layers.Concatenate()([pooled, right]))
    return jkeras.Model([left, right], {"a": first, "b": layers.Dense(2, name="second")(left)})


def test_inputs_and_outputs_have_the_names_of_the_graph_and_open_axes_have_names() -> None:
    inference = of(two_towers())
    assert inference.inputs == (
        TensorSpec("left", ("batch", "left_axis_1", 3), "float32"),
        TensorSpec("right", ("batch", 2), "float32"),
    )
    assert inference.open_axes == ("batch", "left_axis_1")
    assert inference.outputs == (
        TensorSpec("a", ("batch", 1), "float32"),
        TensorSpec("b", ("batch", "left_axis_1", 2), "float32"),
    )


def test_it_gives_what_the_model_gives() -> None:
    model = two_towers()
    inference = of(model)
    arrays = inference.example({"batch": 2, "left_axis_1": 5})
    expected = model.predict(arrays, verbose=0)
    for got, wanted in zip(inference(*arrays), expected.values(), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_a_signature_says_which_axes_are_open() -> None:
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(2)])
    inference = of(model, [(3, 4)])
    assert inference.inputs[0].shape == (3, 4)
    assert inference.open_axes == ()


def test_a_model_that_draws_is_refused() -> None:
    x = layers.Input((4,))
    model = jkeras.Model(x, layers.Dropout(0.5)(x, training=True), name="noisy")
    with pytest.raises(ValueError) as error:
        of(model)
    assert str(error.value) == (
        "Model 'noisy': export: expected a model that draws no random numbers outside of training, "
        "got one that does (Dropout called with `training=True`, or a sampling layer)."
    )
