"""A price-like series cut into consecutive windows: a stateful LSTM reads on where it stopped."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

TRACKS, WINDOW, PIECES = 4, 6, 10
rng = np.random.default_rng(301)
steps = rng.normal(0, 0.1, (TRACKS, WINDOW * PIECES + 1)) + 0.05 * np.sin(
    np.arange(WINDOW * PIECES + 1) / 4
)
prices = np.exp(np.cumsum(steps, axis=1))
returns = np.diff(np.log(prices), axis=1).astype("float32")
x = np.stack([returns[:, i * WINDOW : (i + 1) * WINDOW] for i in range(PIECES)])[..., None]
y = np.stack([returns[:, min((i + 1) * WINDOW, WINDOW * PIECES - 1)] for i in range(PIECES)])[
    ..., None
]

stateless = keras.Sequential(
    [keras.Input((None, 1)), layers.LSTM(6, return_sequences=True), layers.GRU(5), layers.Dense(1)]
)
equal_weights(stateless)
stateless.compile(loss="mse", optimizer=keras.optimizers.Adam(5e-3), metrics=["mae"])
history = stateless.fit(
    np.concatenate(list(x[:-1])),
    np.concatenate(list(y[:-1])),
    batch_size=TRACKS,
    epochs=6,
    shuffle=False,
    verbose=0,
)

# The same weights in a model that remembers: fed piece by piece it ends where one long piece does.
inputs = keras.Input(batch_shape=(TRACKS, WINDOW, 1))
h = layers.LSTM(6, stateful=True, return_sequences=True, name="first")(inputs)
h = layers.GRU(5, stateful=True, name="second")(h)
model = keras.Model(inputs, layers.Dense(1)(h))
for layer, trained in zip(model.layers[1:], stateless.layers, strict=True):
    for variable, value in zip(layer.trainable_variables, trained.get_weights(), strict=True):
        variable.assign(value)
walked = [np.asarray(model(x[i], training=False)) for i in range(PIECES)]
model.get_layer("first").reset_states()
model.get_layer("second").reset_states()
again = np.asarray(model(x[0], training=False))
whole = np.concatenate(list(x), axis=1)
at_once = stateless.predict(whole, verbose=0)
result = {
    **history.history,
    "again": float(np.abs(again - walked[0]).max()) < 1e-6,
    "walked": walked,
    "at once": at_once,
    "same": float(np.abs(at_once - walked[-1]).max()) < 1e-4,
    "prices": prices[:, -1],
}
saved = {"stateless": (stateless, whole)}
remark = "in `fit` of Keras on JAX a stateful layer begins each batch at zero; the walk is by calls"


def go_on(models):
    return (
        models["stateless"]
        .fit(whole, y[-1], batch_size=2, epochs=3, shuffle=False, verbose=0)
        .history
    )


def step():
    stateless.train_on_batch(x[0], y[0])
