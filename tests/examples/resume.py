"""Checkpoint and resume: a run that breaks off goes on from its file as if it had not."""

import pathlib
import tempfile

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(410)
x = rng.normal(size=(64, 6)).astype("float32")
y = np.sin(x[:, :1]).astype("float32")
folder = pathlib.Path(tempfile.mkdtemp())


def build():
    inputs = keras.Input((6,))
    h = layers.Dense(12, activation="relu")(inputs)
    h = layers.LayerNormalization()(h)
    model = keras.Model(inputs, layers.Dense(1)(h))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9, staircase=True)
    model.compile(keras.optimizers.Adam(schedule, amsgrad=True), "mse", metrics=["mae"])
    return model


def fit(model, epochs, first=0, callbacks=()):
    return model.fit(
        x,
        y,
        batch_size=8,
        epochs=epochs,
        initial_epoch=first,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        validation_split=0.25,
    ).history


class Crash(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 3:
            raise InterruptedError("the power failed")


whole = build()
equal_weights(whole)
start = whole.get_weights()
expected = fit(whole, 8)

broken = build()
broken.set_weights(start)
every = keras.callbacks.ModelCheckpoint(folder / "epoch_{epoch:02d}.keras", save_freq="epoch")
best = keras.callbacks.ModelCheckpoint(
    folder / "best.weights.h5", monitor="val_mae", save_best_only=True, save_weights_only=True
)
log = keras.callbacks.CSVLogger(folder / "log.csv")
try:
    fit(broken, 8, callbacks=[every, best, log, Crash()])
except InterruptedError:
    pass
files = sorted(path.name for path in folder.glob("*.keras"))

resumed = keras.saving.load_model(folder / files[-1])
iterations = int(resumed.optimizer.iterations)
rest = fit(resumed, 8, first=len(files), callbacks=[best])
chosen = build()
chosen.load_weights(folder / "best.weights.h5")
lines = (folder / "log.csv").read_text().splitlines()
result = {
    **expected,
    **{f"rest {name}": values for name, values in rest.items()},
    "same": bool(np.allclose(rest["loss"], expected["loss"][len(files) :], rtol=1e-4)),
    "files": files,
    "iterations": iterations,
    "log": [float(number) for line in lines[1:] for number in line.split(",")],
    "columns": lines[0].split(","),
    "best": chosen.evaluate(x, y, verbose=0),
    "predictions": resumed.predict(x, verbose=0),
}
saved = {"resumed": (resumed, x, y)}
