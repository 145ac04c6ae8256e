"""Transfer learning: a trained base under a new head, first frozen, then fine-tuned.

python experiments/guides/transfer_learning.py --tiny
"""

from __future__ import annotations

import argparse

import numpy as np

import jkeras
from jkeras import layers

parser = argparse.ArgumentParser(description="Transfer learning.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", help="not used: nothing is written")
rows = 96 if parser.parse_args().tiny else 4000

# -- bars in images: many with a direction, few with a place

random = np.random.default_rng(0)


def bars(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy images of a bar, whether it stands upright, and whether it lies in the first half."""
    images = random.normal(0, 0.3, (count, 12, 12, 1)).astype("float32")
    upright, at = random.integers(0, 2, count), random.integers(0, 12, count)
    for image, stands, place in zip(images, upright, at, strict=True):
        part = image[:, place] if stands else image[place]
        part += 1.0
    return images, upright, (at < 6).astype("int32")


x, upright, _ = bars(rows)
x_new, _, first_half = bars(rows // 4)

# -- the old task trains the base

base = jkeras.Sequential(
    [
        jkeras.Input((12, 12, 1)),
        layers.Conv2D(8, (3, 3), activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(8, (3, 3), strides=(2, 2), activation="relu"),
    ],
    name="base",
)
old = jkeras.Sequential([base, layers.Flatten(), layers.Dense(1)], name="old", seed=0)
bce = jkeras.losses.BinaryCrossentropy(from_logits=True)
old.compile("adam", bce, metrics=["accuracy"])
old.fit(x, upright, epochs=3, verbose=2)

# -- the new task: the base is frozen, only the head is trained

base.trainable = False
inputs = jkeras.Input((12, 12, 1))
x_features = layers.Flatten()(base(inputs, training=False))
model = jkeras.Model(inputs, layers.Dense(1, name="head")(x_features), name="new", seed=0)
model.compile(jkeras.optimizers.Adam(1e-2), bce, metrics=["accuracy"])
before = base.get_weights()
model.fit(x_new, first_half, epochs=3, verbose=2)
same = all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
print(f"trained {len(model.trainable_weights)} of {len(model.weights)} arrays; base kept: {same}")

# -- fine-tuning of all layers at a small rate. `training=False` above freezes the statistics.

base.trainable = True
model.optimizer.learning_rate = 1e-4  # a change of `trainable` or the rate needs no new compile
model.fit(x_new, first_half, epochs=2, verbose=2)
moved = max(float(np.abs(a - b).max()) for a, b in zip(before, base.get_weights(), strict=True))
print(f"trained {len(model.trainable_weights)} arrays; the base moved by {moved:.4f} at most")
