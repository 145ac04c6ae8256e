"""Data that is made on the way: a generator, and a `PyDataset` that knows its length."""

import math

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(10)
x, y = random.normal(size=(50, 4)).astype("float32"), random.normal(size=(50, 2)).astype("float32")


def batches():
    while True:
        for start in range(0, 50, 10):
            yield x[start : start + 10], y[start : start + 10]


class Slices(keras.utils.PyDataset):
    def __init__(self, x_set, y_set, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x_set, y_set, batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        low = index * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        return self.x[low:high], self.y[low:high]


model = keras.Sequential([layers.Dense(6, activation="elu"), layers.Dense(2)])
model.build((None, 4))
equal_weights(model)
model.compile("adam", "mse", metrics=["mae"])
one = model.fit(batches(), steps_per_epoch=5, epochs=5, verbose=0)
two = model.fit(Slices(x, y, 12), epochs=5, shuffle=False, verbose=0)
result = {
    **{f"generator {name}": values for name, values in one.history.items()},
    **{f"dataset {name}": values for name, values in two.history.items()},
    "evaluate": model.evaluate(batches(), steps=5, verbose=0),
    "predict": model.predict(Slices(x, y, 12), verbose=0),
}
