"""K-fold cross-validation of a small regression, with the mean curve over the folds."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

K = 4
rng = np.random.default_rng(404)
x = rng.normal(size=(64, 5)) * [1, 10, 100, 0.1, 1] + [0, 5, -20, 3, 1]
y = x[:, 0] + 0.1 * x[:, 1] - 0.01 * x[:, 2] + rng.normal(0, 0.1, 64)


def build_model():
    model = keras.Sequential(
        [
            layers.Dense(16, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer="rmsprop", loss="mean_squared_error", metrics=["mean_absolute_error"])
    return model


folds = np.array_split(np.arange(64), K)
curves, scores, predictions = [], [], np.zeros(64)
for fold in folds:
    train = np.setdiff1d(np.arange(64), fold)
    mean, std = x[train].mean(axis=0), x[train].std(axis=0)
    model = build_model()
    model.build((None, 5))
    equal_weights(model)
    history = model.fit(
        (x[train] - mean) / std,
        y[train],
        epochs=6,
        batch_size=8,
        verbose=0,
        shuffle=False,
        validation_data=((x[fold] - mean) / std, y[fold]),
    )
    curves.append(history.history["val_mean_absolute_error"])
    scores.append(model.evaluate((x[fold] - mean) / std, y[fold], verbose=0))
    predictions[fold] = model.predict((x[fold] - mean) / std, verbose=0)[:, 0]
result = {
    "curves": curves,
    "mean curve": np.mean(curves, axis=0),
    "scores": scores,
    "predictions": predictions,
    "r2": 1 - np.mean((predictions - y) ** 2) / np.var(y),
}
saved = {"last": (model, (x - mean) / std, y)}
