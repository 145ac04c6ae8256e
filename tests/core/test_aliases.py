"""`input_dim` says the shape of inputs, as in Keras; shapes in lists and dicts build layers."""

import pytest

from jkeras import Model, Sequential, layers


class Linear(layers.Layer):
    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units))

    def call(self, x):
        return x @ self.w


@pytest.mark.parametrize("layer", [layers.Dense(2, input_dim=3), Linear(2, input_dim=3)])
def test_input_dim_builds(layer: layers.Layer) -> None:
    model = Sequential([layer])
    assert model.weights[0].shape == (3, 2)
    assert layer.input_shape == (3,)


def test_input_dim_of_an_embedding_is_its_own() -> None:
    assert layers.Embedding(input_dim=3, output_dim=2) == layers.Embedding(3, 2)
    with pytest.raises(TypeError, match="unexpected argument `input_dims`"):
        layers.Dense(2, input_dims=3)


@pytest.mark.parametrize(
    ("layer", "count", "shapes"),
    [
        (layers.AdditiveAttention(), 2, [(3,)]),
        (layers.Attention(use_scale=True), 3, [()]),
        (layers.Add(), 2, []),
    ],
)
def test_a_list_of_shapes_builds(layer: layers.Layer, count: int, shapes: list) -> None:
    layer.build([(None, 4, 3)] * count)
    assert [weight.shape for weight in layer.weights] == shapes


def test_lists_and_dicts_of_shapes_reach_a_build_of_ones_own() -> None:
    class Product(layers.Layer):
        def build(self, shapes):
            first, second = shapes.values() if isinstance(shapes, dict) else shapes
            self.w = self.add_weight(shape=(first[-1], second[-1]))

        def call(self, xs):
            first = xs["a"] if isinstance(xs, dict) else xs[0]
            return first @ self.w

    class Wrapping(Model):
        def __init__(self) -> None:
            super().__init__()
            self.product = Product()

        def call(self, xs):
            return self.product(xs)

    shapes = (None, 3), (None, 4)
    for given in (list(shapes), dict(zip("ab", shapes, strict=True))):
        for made in (Product(), Wrapping()):
            made.build(given)
            assert [weight.shape for weight in made.weights] == [(3, 4)]
