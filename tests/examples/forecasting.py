"""Weather-like forecasting: windows of a table of sensors, an LSTM, the next hours."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

PAST, FUTURE, STEP = 24, 6, 2
rng = np.random.default_rng(104)
hours = np.arange(400)
temperature = 10 + 8 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 0.5, 400)
pressure = 990 + 5 * np.cos(2 * np.pi * hours / 96) + rng.normal(0, 0.3, 400)
humidity = 60 - 2 * temperature + rng.normal(0, 1, 400)
table = np.stack([temperature, pressure, humidity], axis=1)

split = 280
mean, std = table[:split].mean(axis=0), table[:split].std(axis=0)
features = ((table - mean) / std).astype("float32")
targets = features[PAST + FUTURE :, 0]


def windows(begin, end):
    """Every third window of the past, and the temperature `FUTURE` hours after it."""
    starts = np.arange(begin, end - PAST - FUTURE, 3)
    return np.stack([features[i : i + PAST : STEP] for i in starts]), targets[starts]


class Windows(keras.utils.PyDataset):
    """Batches of windows, cut when they are asked for."""

    def __init__(self, begin, end, batch_size=16, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y = windows(begin, end)
        self.batch_size = batch_size

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index):
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[batch], self.y[batch]


train, valid = Windows(0, split), Windows(split, 400)
inputs = keras.Input(shape=(PAST // STEP, 3))
x = layers.LSTM(8)(inputs)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs=inputs, outputs=outputs)
equal_weights(model)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse", metrics=["mae"])
reduce = keras.callbacks.ReduceLROnPlateau(
    monitor="val_loss", factor=0.5, patience=2, min_delta=0.01
)
history = model.fit(
    train, epochs=10, validation_data=valid, callbacks=[reduce], verbose=0, shuffle=False
)
x, y = windows(split, 400)
naive = float(np.mean(np.abs(x[:, -1, 0] - y)))
result = {
    **history.history,
    "windows": [len(train), len(valid), *x.shape],
    "naive": naive,
    "degrees": model.predict(valid, verbose=0)[:, 0] * std[0] + mean[0],
    "test": model.evaluate(valid, verbose=0),
}
saved = {"forecaster": (model, x, y)}
