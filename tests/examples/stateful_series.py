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

inputs = keras.Input(batch_shape=(TRACKS, WINDOW, 1))
h = layers.LSTM(6, stateful=True, return_sequences=True, name="first")(inputs)
h = layers.GRU(5, stateful=True, name="second")(h)
model = keras.Model(inputs, layers.Dense(1)(h))
equal_weights(model)
model.compile(loss="mse", optimizer=keras.optimizers.Adam(5e-3), metrics=["mae"])

losses = []
for _ in range(6):
    for layer in model.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
    epoch = [model.train_on_batch(x[i], y[i]) for i in range(PIECES - 1)]
    losses.append(np.mean(epoch, axis=0))

model.get_layer("first").reset_states()
model.get_layer("second").reset_states()
walked = [np.asarray(model(x[i], training=False)) for i in range(PIECES)]
stateless = keras.Sequential(
    [keras.Input((None, 1)), layers.LSTM(6, return_sequences=True), layers.GRU(5), layers.Dense(1)]
)
stateless.set_weights(
    [w.numpy() if hasattr(w, "numpy") else np.asarray(w) for w in model.trainable_weights]
)
whole = np.concatenate(list(x), axis=1)
at_once = stateless.predict(whole, verbose=0)
result = {
    "losses": losses,
    "walked": walked,
    "at once": at_once,
    "same": float(np.abs(at_once - walked[-1]).max()) < 1e-4,
    "prices": prices[:, -1],
}
saved = {"stateless": (stateless, whole)}


def go_on(models):
    again = models["stateless"]
    again.compile(loss="mse", optimizer="adam")
    return again.fit(whole, y[-1], batch_size=2, epochs=3, shuffle=False, verbose=0).history


def step():
    model.train_on_batch(x[0], y[0])
