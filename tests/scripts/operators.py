"""Operators and functions on symbols, in place of layers."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(20)
x = random.normal(size=(80, 6, 4)).astype("float32")
y = random.normal(size=(80, 2)).astype("float32")

inputs = keras.Input((6, 4))
first, last = inputs[:, 0], inputs[:, -1, :]
gate = ops.sigmoid(layers.Dense(4)(first))
mixed = gate * first + (1.0 - gate) * last
table = ops.einsum("btd,bd->bt", inputs, mixed)
weights = ops.softmax(table / 2.0, axis=-1)
summed = ops.sum(ops.expand_dims(weights, -1) * inputs, axis=1)
joined = ops.concatenate([summed, ops.abs(mixed), ops.max(inputs, axis=1) ** 2], axis=-1)
outputs = layers.Dense(2)(ops.where(joined > 0, joined, 0.1 * joined))
model = keras.Model(inputs, outputs)
equal_weights(model)
model.compile(keras.optimizers.Nadam(0.01), "mae")
model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
result = {
    "predictions": model.predict(x, verbose=0),
    "weights": keras.Model(inputs, weights).predict(x[:4], verbose=0),
    "shapes": [list(part.shape[1:]) for part in (gate, table, joined)],
}
