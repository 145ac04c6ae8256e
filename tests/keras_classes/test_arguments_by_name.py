"""Arguments of `build` and `call` that are named after the inputs: `x_shape` and `x_mask`.

The shapes and masks are those that Keras 3.15.1 gives to the same classes.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers


class Shapes(layers.Layer):
    """Notes the shapes of its inputs, in another order than `call` has them."""

    def build(self, bar_shape: Any, foo_shape: Any) -> None:
        self.shapes = {"foo": foo_shape, "bar": bar_shape}

    def call(self, foo: Any, bar: Any) -> Any:
        return foo[:, 0] + bar[:, 0]


def test_shapes_have_the_names_of_the_inputs() -> None:
    layer = Shapes()
    layer(np.ones((4, 1)), np.ones((4, 2)))
    assert layer.shapes == {"foo": (None, 1), "bar": (None, 2)}
    layer = Shapes()
    layer(bar=np.ones((4, 2)), foo=np.ones((4, 1)))
    assert layer.shapes == {"foo": (None, 1), "bar": (None, 2)}


class SomeShapes(Shapes):
    """Asks for the shapes of two of three inputs."""

    def build(self, baz_shape: Any, foo_shape: Any) -> None:
        self.shapes = {"foo": foo_shape, "baz": baz_shape}

    def call(self, foo: Any, bar: Any = None, baz: Any = None) -> Any:
        return foo[:, 0] + bar[:, 0] + baz[:, 0]


def test_build_may_leave_inputs_out() -> None:
    layer = SomeShapes()
    layer(np.ones((4, 1)), np.ones((4, 2)), np.ones((4, 3)))
    assert layer.shapes == {"foo": (None, 1), "baz": (None, 3)}


class AnyShapes(Shapes):
    """Takes the shapes as keywords."""

    def build(self, **shapes: Any) -> None:
        self.shapes = shapes


def test_build_may_take_all_shapes_as_keywords() -> None:
    layer = AnyShapes()
    layer(np.ones((4, 1)), np.ones((4, 2)))
    assert layer.shapes == {"foo_shape": (None, 1), "bar_shape": (None, 2)}


class Other(Shapes):
    """An argument of `build` that is no input of `call`."""

    def build(self, foo_shape: Any, baz_shape: Any) -> None: ...


class Suffix(Shapes):
    """An argument of `build` that is not named as a shape."""

    def build(self, foo_shape: Any, bar: Any) -> None: ...


@pytest.mark.parametrize(("kind", "name"), [(Other, "baz_shape"), (Suffix, "bar")])
def test_an_argument_that_is_no_input_is_an_error(kind: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"build: expected arguments named .*got '{name}'"):
        kind()(np.ones((4, 1)), np.ones((4, 2)))


def with_mask(value: Any, mask: Any) -> Any:
    """An array with a mask, as a layer on arrays leaves it."""
    array: Any = jnp.asarray(value)
    array._keras_mask = jnp.asarray(mask)
    return array


class Masked(layers.Layer):
    """The sum of two inputs where both masks, by their names, let it through."""

    def call(self, x1: Any, x2: Any, x1_mask: Any = None, x2_mask: Any = None) -> Any:
        total = x1 + x2
        for mask in (x1_mask, x2_mask):
            total = total if mask is None else total * mask[:, None]
        return total


def test_each_input_has_its_mask_by_name() -> None:
    x1, x2 = with_mask(np.ones((3, 2)), [1.0, 0.0, 1.0]), with_mask(np.ones((3, 2)), [1.0, 1.0, 0])
    expected = [[2, 2], [0, 0], [0, 0]]
    np.testing.assert_array_equal(Masked()(x1, x2), expected)
    np.testing.assert_array_equal(Masked()(x2=x2, x1=x1), expected)
    given = Masked()(x1, x2, x1_mask=jnp.ones(3))
    np.testing.assert_array_equal(given, [[2, 2], [2, 2], [0, 0]])
    np.testing.assert_array_equal(Masked()(x1, jnp.ones((3, 2))), [[2, 2], [0, 0], [2, 2]])
    np.testing.assert_array_equal(Masked()(np.ones((3, 2)), np.ones((3, 2))), np.full((3, 2), 2))


class Passing(layers.Layer):
    """Passes the mask on."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        return 2 * x


def test_an_explicit_mask_goes_on_to_the_next_layer() -> None:
    mask = jnp.array([True, False])
    outputs: Any = Passing()(jnp.ones((2, 3)), mask=mask)
    np.testing.assert_array_equal(outputs._keras_mask, mask)
    instead: Any = Passing()(with_mask(np.ones((2, 3)), [True, True]), mask=mask)
    np.testing.assert_array_equal(instead._keras_mask, mask)


@pytest.mark.parametrize(("rows", "loss"), [(0, 0.0), (1, 0.2), (5, 0.2)])
def test_no_examples_have_no_activity_loss(rows: int, loss: float) -> None:
    layer = layers.Dense(5, kernel_initializer="identity", activity_regularizer="l2")
    layer(jnp.full((rows, 5), 2.0))
    np.testing.assert_allclose(layer.losses, [loss], rtol=1e-6)
