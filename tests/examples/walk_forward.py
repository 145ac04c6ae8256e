"""Walk-forward validation: train on the past, test on the next block, take the block in, repeat."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

LAGS, BLOCK = 8, 24
rng = np.random.default_rng(302)
month = np.arange(160)
sales = 50 + 0.3 * month + 10 * np.sin(2 * np.pi * month / 12) + rng.normal(0, 1, 160)
lags = np.lib.stride_tricks.sliding_window_view(sales[:-1], LAGS)
calendar = np.stack([np.sin(2 * np.pi * month / 12), np.cos(2 * np.pi * month / 12)], axis=1)[LAGS:]
target = sales[LAGS:]


def build(lags):
    normalizer = layers.Normalization()
    normalizer.adapt(lags)
    past = keras.Input((LAGS,), name="past")
    season = keras.Input((2,), name="season")
    h = layers.Concatenate()([normalizer(past), season])
    h = layers.Dense(12, activation="silu")(h)
    change = layers.Dense(1, name="change")(h)
    last = past[:, -1:]
    return keras.Model(
        {"past": past, "season": season}, keras.layers.Add(name="sales")([last, change])
    )


errors, counts, weights = [], [], None
for start in range(80, len(target) - BLOCK + 1, BLOCK):
    train, test = slice(0, start), slice(start, start + BLOCK)
    model = build(lags[train])
    if weights is None:
        equal_weights(model.layers[-3] if model.layers[-3].weights else model.get_layer("change"))
        for layer in model.layers:
            if isinstance(layer, layers.Dense):
                equal_weights(layer)
    else:
        for layer, values in zip(model.layers, weights, strict=True):
            if isinstance(layer, layers.Dense):
                layer.set_weights(values)  # a warm start, with a normalization of its own
    model.compile(keras.optimizers.Adam(0.01), keras.losses.LogCosh(), metrics=["mape"])
    model.fit(
        {"past": lags[train], "season": calendar[train]},
        target[train],
        batch_size=16,
        epochs=3,
        shuffle=False,
        verbose=0,
    )
    scores = model.evaluate(
        {"past": lags[test], "season": calendar[test]}, target[test], verbose=0, return_dict=True
    )
    errors.append([scores["loss"], scores["mape"]])
    counts.append(float(model.layers[1].count_params()))
    weights = [layer.get_weights() for layer in model.layers]

x = {"past": lags[-40:], "season": calendar[-40:]}
recent, future = lags[-1].tolist(), []
for i in range(6):  # each forecast is an input of the next
    step_inputs = {"past": np.array([recent[-LAGS:]]), "season": calendar[i : i + 1]}
    future.append(float(model.predict(step_inputs, verbose=0)[0, 0]))
    recent.append(future[-1])
result = {
    "errors": errors,
    "counts": counts,
    "future": future,
    "predictions": model.predict(x, verbose=0),
}
saved = {"forecaster": (model, x, target[-40:])}
