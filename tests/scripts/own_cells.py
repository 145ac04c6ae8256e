"""Recurrent cells as a class, one on top of the other, with states of their own making."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights


class LeakyCell(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, units]

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

    def call(self, inputs, states, training=None):
        h, c = states
        c = 0.9 * c + ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent))
        return ops.tanh(c), [ops.tanh(c), c]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units)), ops.ones((batch_size, self.units))]


inputs = keras.Input((None, 3))
x = layers.RNN([LeakyCell(4), LeakyCell(3)])(inputs)
model = keras.Model(inputs, layers.Dense(1)(x))
equal_weights(model)
x = np.random.default_rng(52).normal(size=(80, 5, 3)).astype("float32")
model.compile("adam", "mse")
history = model.fit(x, x[:, 0, :1], batch_size=8, epochs=5, shuffle=False, verbose=0)
result = {
    **history.history,
    "predictions": model.predict(x, verbose=0),
    "shapes": [str(weight.shape) for weight in model.weights],
}
