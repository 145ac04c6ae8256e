"""Input and InputLayer: one description, however the shape is given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import Input, InputLayer


@pytest.mark.parametrize(
    "layer",
    [
        InputLayer((28, 28)),
        InputLayer([28, 28]),
        InputLayer(shape=(28, 28), batch_size=None),
        InputLayer(batch_shape=(None, 28, 28)),
        Input((28, 28)).node.layer,
        Input(shape=(28, 28)).node.layer,
        Input(batch_shape=(None, 28, 28)).node.layer,
    ],
)
def test_every_spelling_is_the_same_description(layer: InputLayer) -> None:
    assert layer == InputLayer((28, 28))
    assert hash(layer) == hash(InputLayer((28, 28)))
    assert repr(layer) == "InputLayer(shape=(28, 28))"
    assert (layer.shape, layer.batch_size, layer.batch_shape) == ((28, 28), None, (None, 28, 28))


def test_batch_shapes_of_keras() -> None:
    # keras.layers.InputLayer(...).batch_shape for the same arguments.
    assert InputLayer((3,), batch_size=4).batch_shape == (4, 3)
    assert InputLayer(batch_shape=(4, None, 3)).batch_shape == (4, None, 3)
    assert InputLayer(()).batch_shape == (None,)


def test_a_renamed_copy_keeps_its_shape() -> None:
    copy = InputLayer((3,), batch_size=4).replace(name="pixels")
    assert (copy.name, copy.batch_shape) == ("pixels", (4, 3))


def test_inputs_pass_through_in_the_dtype_asked_for() -> None:
    pixels = jnp.arange(6, dtype=jnp.uint8).reshape(2, 3)
    for layer, dtype in (
        (InputLayer((3,)), "uint8"),
        (InputLayer((None,), dtype="float32"), "float32"),
    ):
        params, state = layer.init(jax.random.key(0), pixels)
        outputs, _ = layer.apply(params, state, pixels)
        assert (params, state, outputs.dtype) == ({}, {}, jnp.dtype(dtype))
        np.testing.assert_array_equal(outputs, [[0, 1, 2], [3, 4, 5]])


def test_init_refuses_other_shapes_before_any_array_exists() -> None:
    spec = jax.ShapeDtypeStruct((32, 28), jnp.float32)
    with pytest.raises(ValueError) as caught:
        InputLayer((28, 28), name="image").init(jax.random.key(0), spec)
    assert str(caught.value) == (
        "InputLayer 'image': expected `inputs` of shape (None, 28, 28), got (32, 28). "
        "None is an axis of any size; the first axis counts the examples."
    )


def test_the_older_name_of_the_shape():
    with pytest.warns(UserWarning, match="`input_shape` is deprecated"):
        layer = InputLayer(input_shape=(28, 28), batch_size=4)
    assert layer == InputLayer((28, 28), batch_size=4) and "input_shape" not in layer.get_config()
