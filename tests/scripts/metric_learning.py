"""Triplets: the loss calls the model's encoder again, and keeps a metric of its own."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights


class Triplets(keras.Model):
    def __init__(self, encoder, margin=0.5, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.margin = margin
        self.distance = keras.metrics.Mean(name="distance")

    def call(self, inputs):
        return self.encoder(inputs[:, 0])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs):
        near = ops.sum(ops.square(y_pred - self.encoder(x[:, 1])), axis=-1)
        far = ops.sum(ops.square(y_pred - self.encoder(x[:, 2])), axis=-1)
        self.distance.update_state(near)
        return ops.mean(ops.maximum(near - far + self.margin, 0.0))


encoder = keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(3, use_bias=False)])
model = Triplets(encoder)
x = np.random.default_rng(51).normal(size=(80, 3, 4)).astype("float32")
model(x[:1])
equal_weights(model)
model.compile(keras.optimizers.Adam(0.01))
history = model.fit(x, np.zeros(80, "float32"), epochs=5, batch_size=8, shuffle=False, verbose=0)
result = {
    **history.history,
    "predictions": encoder.predict(x[:, 0], verbose=0),
    "names": [metric.name for metric in model.metrics],
}
