"""Anomaly detection in a time series by a convolutional autoencoder and a threshold."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

STEPS = 24
rng = np.random.default_rng(300)
time = np.arange(360)
daily = np.sin(2 * np.pi * time / 24) + 0.3 * np.sin(2 * np.pi * time / 12)
normal = daily + rng.normal(0, 0.05, 360)
jumpsup = normal.copy()
jumpsup[200:212] += 2.0
mean, std = normal.mean(), normal.std()


def create_sequences(values, time_steps=STEPS, stride=5):
    starts = range(0, len(values) - time_steps + 1, stride)
    return np.stack([values[i : i + time_steps] for i in starts])[..., None]


x_train = create_sequences((normal - mean) / std)
x_test = create_sequences((jumpsup - mean) / std)

model = keras.Sequential(
    [
        layers.Input(shape=(x_train.shape[1], x_train.shape[2])),
        layers.Conv1D(filters=8, kernel_size=7, padding="same", strides=2, activation="relu"),
        layers.Dropout(rate=0.0),
        layers.Conv1D(filters=4, kernel_size=7, padding="same", strides=2, activation="relu"),
        layers.Conv1DTranspose(
            filters=4, kernel_size=7, padding="same", strides=2, activation="relu"
        ),
        layers.Dropout(rate=0.0),
        layers.Conv1DTranspose(
            filters=8, kernel_size=7, padding="same", strides=2, activation="relu"
        ),
        layers.Conv1DTranspose(filters=1, kernel_size=7, padding="same"),
    ]
)
equal_weights(model)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.005), loss="mse")
history = model.fit(
    x_train,
    x_train,
    epochs=8,
    batch_size=8,
    validation_split=0.1,
    shuffle=False,
    verbose=0,
    callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")],
)
error = np.mean(np.abs(model.predict(x_train, verbose=0) - x_train), axis=1)
threshold = error.max()
test_error = np.mean(np.abs(model.predict(x_test, verbose=0) - x_test), axis=1).reshape(-1)
result = {
    **history.history,
    "threshold": threshold,
    "test error": test_error,
    "anomalies": np.flatnonzero(test_error > threshold),
    "shapes": [layer.output.shape[1:] for layer in model.layers][-1],
}
saved = {"autoencoder": (model, x_test, x_test)}
