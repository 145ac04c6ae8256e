"""A loop of one's own over `train_on_batch`, with a test in between."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(15)
x, y = random.normal(size=(80, 4)).astype("float32"), random.integers(0, 2, 80)

model = keras.Sequential([keras.Input((4,)), layers.Dense(6, activation="relu")])
model.add(layers.Dense(1, activation="sigmoid"))
equal_weights(model)
model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
losses, tests = [], []
for epoch in range(5):
    model.reset_metrics()
    for start in range(0, 80, 8):
        batch = slice(start, start + 8)
        logs = model.train_on_batch(x[batch], y[batch], return_dict=True)
        losses.append(logs["loss"])
    tests.append(model.test_on_batch(x[:20], y[:20]))
    if epoch == 2:
        model.optimizer.learning_rate = 1e-4
result = {
    "losses": losses,
    "tests": tests,
    "rate": float(model.optimizer.learning_rate),
    "predictions": model.predict_on_batch(x),
}
