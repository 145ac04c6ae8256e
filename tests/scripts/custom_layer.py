"""Layers of one's own: weights made in `build`, layers inside, a penalty, a configuration."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(31)
x, y = random.normal(size=(80, 4)).astype("float32"), random.normal(size=(80, 2)).astype("float32")


class Linear(layers.Layer):
    def __init__(self, units=32, rate=1e-2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate = units, rate

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        self.add_loss(self.rate * ops.mean(ops.square(inputs)))
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units, "rate": self.rate}


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second = Linear(6), Linear(4)
        self.normal = layers.LayerNormalization()

    def call(self, inputs):
        return inputs + self.second(ops.relu(self.first(self.normal(inputs))))


inputs = keras.Input((4,))
outputs = Linear(2, name="head")(Block()(inputs))
model = keras.Model(inputs, outputs)
equal_weights(model)
model.compile(keras.optimizers.SGD(0.05), "mse")
history = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
config = model.get_layer("head").get_config()
result = {
    "loss": history.history["loss"],
    "predictions": model.predict(x, verbose=0),
    "weights": len(model.trainable_weights),
    "units": Linear.from_config(config).units,
}
