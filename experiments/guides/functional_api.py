"""The functional API: models that are not a simple sequence of layers.

    python experiments/guides/functional_api.py --tiny

A layer called on `Input(...)` computes nothing: it returns a symbol that records the call.
`Model(inputs, outputs)` contains the layers between inputs and outputs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import layers, ops

parser = argparse.ArgumentParser(description="The functional API.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", type=Path, default=Path("results/functional_api"))
args = parser.parse_args()
rows = 64 if args.tiny else 2000

# -- a layer called on a symbol returns a symbol, with a shape and without a value

inputs = jkeras.Input(shape=(8,), name="numbers")
hidden = layers.Dense(16, activation="relu", name="hidden")(inputs)
print(hidden)

# -- several inputs and outputs, and functions instead of layers

text = jkeras.Input(shape=(None,), dtype="int32", name="text")
read = layers.LSTM(8)(layers.Embedding(50, 8, mask_zero=True)(text))
both = layers.Concatenate()([hidden, read])
gate = ops.sigmoid(layers.Dense(24)(both))  # an operator or a function of jkeras.ops is a layer
both = gate * both
outputs = {
    "price": layers.Dense(1, name="price")(both),
    "kind": layers.Dense(3, activation="softmax", name="kind")(both),
}
model = jkeras.Model([inputs, text], outputs, name="offers", seed=0)
model.summary()

# -- losses, metrics and weights by the names of the outputs

random = np.random.default_rng(0)
numbers = random.normal(size=(rows, 8)).astype("float32")
words = random.integers(0, 50, (rows, 5))
price, kind = numbers.sum(1, keepdims=True), words[:, 0] % 3
model.compile(
    optimizer="adam",
    loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
    loss_weights={"price": 0.1},
    metrics={"kind": ["accuracy"]},
)
model.fit({"numbers": numbers, "text": words}, {"price": price, "kind": kind}, epochs=2, verbose=2)

# -- a model of some of the layers shares their weights

features = jkeras.Model(model.inputs, model.get_layer("hidden").output)
found = features.predict([numbers[:4], words[:4]], verbose=0)
print("features of four examples:", found.shape)

# -- a model is a layer: two calls use the same weights

encoder = jkeras.Sequential([jkeras.Input((8,)), layers.Dense(4)], name="encoder")
left, right = jkeras.Input((8,)), jkeras.Input((8,))
distance = ops.sum(ops.square(encoder(left) - encoder(right)), axis=-1, keepdims=True)
pair = jkeras.Model([left, right], distance, name="pair", seed=0)
print("weights of the pair:", pair.count_params(), "as many as of the encoder")
pair.compile("adam", "mse")
pair.fit([numbers, numbers[::-1]], np.abs(price - price[::-1]), epochs=1, verbose=2)

# -- a picture of the model

jkeras.utils.plot_model(model, args.output / "offers.svg", show_shapes=True, show_layer_names=True)
print(f"wrote a picture of the model to {args.output}")
