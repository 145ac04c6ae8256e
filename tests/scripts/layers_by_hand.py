"""Layers called on arrays, one after the other, and put into a model afterward."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(34)
x, y = random.normal(size=(80, 4)).astype("float32"), random.normal(size=(80, 1)).astype("float32")

first = layers.Dense(5, activation="relu", name="first")
second = layers.Dense(1, name="second")
unbuilt = [first.built, len(first.weights)]
outputs = second(first(x))
equal_weights(first, second)
by_hand = ops.convert_to_numpy(second(first(x)))
built = [first.built, len(first.weights), list(first.kernel.shape)]

model = keras.Sequential([first, second])
model.build((None, 4))
before = model.predict(x, verbose=0)
model.compile("adam", "mse")
model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
result = {
    "unbuilt": unbuilt,
    "built": built[:2] + built[2],
    "by hand": by_hand,
    "before": before,
    "after": ops.convert_to_numpy(second(first(x))),
    "kernel": np.asarray(first.kernel),
}
