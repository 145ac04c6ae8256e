"""The first fit: handwritten digits from data to figures.

    python experiments/guides/first_fit.py --tiny

A network with one hidden layer, trained on the ten thousand digits that ship with the package.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import display, layers

parser = argparse.ArgumentParser(description="The first fit.")
parser.add_argument("--tiny", action="store_true", help="few digits")
parser.add_argument("--output", type=Path, default=Path("results/first_fit"))
args = parser.parse_args()
count = 1000 if args.tiny else 8000

# -- collect: images from 0 (paper) to 255 (ink), and the digits that they show

(x_train, y_train), (x_test, y_test) = jkeras.datasets.mnist.load_sample()
x_train, y_train = x_train[:count] / 255.0, y_train[:count]
x_test = x_test / 255.0
print(f"{len(x_train)} digits to train on, {len(x_test)} to test, each of shape {x_train[0].shape}")

# -- define, and compile

model = jkeras.Sequential(
    [
        jkeras.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ],
    seed=0,
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

# -- fit

history = model.fit(x_train, y_train, epochs=8, validation_data=(x_test, y_test), verbose=2)

# -- learning curves: where the dashed line stops falling, the network learns by heart

history.plot(path=args.output / "curves.png")

# -- predictions: a wrong one is red, and names the true digit

probabilities = model.predict(x_test, verbose=0)
wrong = np.flatnonzero(probabilities.argmax(axis=-1) != y_test)
shown = np.concatenate([np.arange(12), wrong[:6]])
display.prediction_grid(
    x_test[shown], y_test[shown], probabilities[shown], path=args.output / "predictions.png"
)

# -- which digits are taken for which

display.confusion_matrix_plot((y_test, probabilities), path=args.output / "confusion.png")

# -- keep the model, in a file that Keras reads, too

model.save(args.output / "digits.keras")
again = jkeras.models.load_model(args.output / "digits.keras")
print("the same from its file:", bool((again.predict(x_test, verbose=0) == probabilities).all()))
