"""Weights of layers inside, read by the `call` around them: trained with the model, as in Keras.

The expected numbers are those of Keras 3.15.1.
"""

import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

IDS = np.array([0, 1, 2])


class Table(layers.Layer):
    def __init__(self, n, d):
        super().__init__()
        self.w = self.add_weight(shape=(n, d), initializer="ones", name="w")

    def call(self, ids):
        return ops.take(self.w, ids, axis=0)


class TableBuiltLate(Table):
    def __init__(self, n, d):
        layers.Layer.__init__(self)
        self.sizes = n, d

    def build(self, shape):
        self.w = self.add_weight(shape=self.sizes, initializer="ones", name="w")


class Tied(jkeras.Model):
    def __init__(self, table, read):
        super().__init__()
        self.table, self.read = table, read

    def call(self, ids):
        return ops.matmul(self.table(ids), ops.transpose(self.read(self.table)))


class Reader(jkeras.Model):
    def __init__(self, part, read):
        super().__init__()
        self.part, self.read = part, read

    def call(self, ids):
        return ops.take(self.read(self.part), ids, axis=0)


class Around(layers.Layer):
    def __init__(self, part):
        super().__init__()
        self.part = part

    def call(self, ids):
        return self.part(ids)


def trained(model, y):
    model.compile(jkeras.optimizers.SGD(0.1), "mse")
    model.fit(IDS, y, verbose=0, shuffle=False)
    assert len(model.trainable_weights) == 1
    return model.get_weights()[0]


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (lambda: Table(3, 2), lambda part: part.w),
        (lambda: TableBuiltLate(3, 2), lambda part: part.w),
        (lambda: Around(Table(3, 2)), lambda part: part.part.w),
        (
            lambda: layers.Embedding(3, 2, embeddings_initializer="ones"),
            lambda part: part.embeddings,
        ),
    ],
)
def test_both_uses_of_a_tied_weight_have_gradients(make, read):
    w = trained(Tied(make(), read), np.zeros((3, 3)))
    np.testing.assert_allclose(w, np.full((3, 2), 0.7333333), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (lambda: Table(3, 2), lambda part: part.w),
        (lambda: Around(Table(3, 2)), lambda part: part.part.w),
    ],
)
def test_a_weight_of_a_part_that_is_never_called_is_trained_and_saved(make, read, tmp_path):
    model = Reader(make(), read)
    w = trained(model, np.zeros((3, 2)))
    np.testing.assert_allclose(w, np.full((3, 2), 0.96666664), rtol=1e-6)
    model.save_weights(tmp_path / "w.weights.h5")
    again = Reader(make(), read)
    again(IDS)
    again.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(again(IDS), model(IDS))
    np.testing.assert_array_equal(read(model.part), w)


def test_the_loss_of_a_kernel_in_call_is_a_loss_of_its_current_values():
    class Penalized(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, use_bias=False, kernel_initializer="ones")

        def call(self, x):
            outputs = self.dense(x)
            self.add_loss(ops.sum(ops.square(self.dense.kernel)))
            return outputs

    model = Penalized()
    model.compile(jkeras.optimizers.SGD(0.1), "mse")
    model.fit(np.ones((4, 3)), np.zeros((4, 2)), verbose=0, epochs=2)
    np.testing.assert_allclose(model.get_weights()[0], np.full((3, 2), 0.25), rtol=1e-6)


def test_a_weight_of_a_part_has_the_dtype_that_the_reader_computes_in():
    class Reading(layers.Layer):
        def __init__(self, part, dtype):
            super().__init__(dtype=dtype)
            self.part = part

        def call(self, ids):
            self.part(ids)
            return ops.sum(self.part.embeddings)

    assert Reading(layers.Embedding(3, 2), "mixed_bfloat16")(IDS).dtype == "bfloat16"


def test_the_projections_of_attention_in_a_call():
    class Reading(layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = layers.MultiHeadAttention(2, 3)

        def call(self, x):
            return self.attention(x, x) + ops.sum(self.attention.query_dense.kernel)

    layer, x = Reading(), np.ones((1, 4, 5), "float32")
    outputs = layer(x)
    expected = layer.attention(x, x) + np.sum(layer.attention.query_dense.kernel)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)


class Vectors(layers.Layer):
    def __init__(self, n, d):
        super().__init__()
        self.w = self.add_weight(shape=(n, d), initializer="ones", name="w")


def test_a_layer_without_call_holds_weights():
    assert Vectors(3, 2).w.shape == (3, 2)
    model = Reader(Vectors(3, 2), lambda part: part.w)
    w = trained(model, np.zeros((3, 2)))
    np.testing.assert_allclose(w, np.full((3, 2), 0.96666664), rtol=1e-6)
    with pytest.raises(NotImplementedError, match="Vectors: expected a method `call"):
        Vectors(3, 2)(IDS)


def test_a_table_is_built_from_a_shape_and_read_without_a_call():
    table = TableBuiltLate(3, 2)
    table.build((None,))
    assert table.built and table.w.shape == (3, 2)
    w = trained(Reader(table, lambda part: part.w), np.zeros((3, 2)))
    np.testing.assert_allclose(w, np.full((3, 2), 0.96666664), rtol=1e-6)
    with pytest.raises(TypeError, match="cannot reshape"):
        Failing().build((None, 3))


class Failing(layers.Layer):
    def call(self, x):
        return ops.reshape(x, (-1, 7))
