"""A search over hyper-parameters: a builder, a budget, the best model kept in a file."""

import itertools
import json
import pathlib
import tempfile

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(405)
x = rng.normal(size=(72, 6)).astype("float32")
y = ((x[:, 0] * x[:, 1] > 0) ^ (x[:, 2] > 1)).astype("float32")[:, None]
train, valid = slice(0, 48), slice(48, None)
folder = pathlib.Path(tempfile.mkdtemp())


def build(units, activation, depth, lr, optimizer):
    inputs = keras.Input((6,))
    h = inputs
    for i in range(depth):
        h = layers.Dense(units, activation=activation, name=f"hidden_{i}")(h)
        if i > 0:
            h = layers.BatchNormalization(momentum=0.9)(h)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="output")(h))
    opt = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": lr}})
    model.compile(
        opt, "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc", num_thresholds=40)]
    )
    return model


space = {
    "units": [8, 12],
    "activation": ["relu", "gelu"],
    "depth": [1, 2],
    "lr": [3e-3],
    "optimizer": ["Adam", "RMSprop"],
}
trials, best = [], None
for values in itertools.product(*space.values()):
    config = dict(zip(space, values, strict=True))
    if config["activation"] == "gelu" and config["optimizer"] == "RMSprop":
        continue
    model = build(**config)
    equal_weights(model)
    history = model.fit(
        x[train],
        y[train],
        validation_data=(x[valid], y[valid]),
        epochs=3,
        batch_size=8,
        shuffle=False,
        verbose=0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(
                folder / f"{len(trials)}.keras", monitor="val_loss", save_best_only=True
            )
        ],
    )
    score = min(history.history["val_loss"])
    trials.append({**config, "score": score})
    if best is None or score < trials[best]["score"]:
        best = len(trials) - 1
winner = keras.saving.load_model(folder / f"{best}.keras")
summary = json.loads(winner.to_json())
result = {
    "scores": [trial["score"] for trial in trials],
    "best": best,
    "winner": winner.evaluate(x[valid], y[valid], verbose=0),
    "predictions": winner.predict(x[valid], verbose=0),
    "layers": len(summary["config"]["layers"]),
    "rate": float(winner.optimizer.learning_rate),
}
saved = {"winner": (winner, x, y)}
