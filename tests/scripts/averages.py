"""Optimizers with more to them: averaged weights, accumulated gradients, clipping by value."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(24)
x, y = random.normal(size=(80, 4)).astype("float32"), random.normal(size=(80, 1)).astype("float32")
optimizers = {
    "averaged": keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9),
    "accumulated": keras.optimizers.Adam(0.01, gradient_accumulation_steps=5),
    "clipped": keras.optimizers.Lion(0.005, clipvalue=0.1),
}
result = {}
for name, optimizer in optimizers.items():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="tanh")])
    model.add(layers.Dense(1))
    equal_weights(model)
    model.compile(optimizer, "mse")
    model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
    result[name] = model.predict(x, verbose=0)
    result[f"{name} steps"] = int(model.optimizer.iterations)
