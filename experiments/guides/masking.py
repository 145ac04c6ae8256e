"""Masking: sequences of different lengths in one array.

    python experiments/guides/masking.py --tiny

A mask marks the real steps. It is passed beside the values, from the layer that makes it to the
layers and losses that use it.
"""

from __future__ import annotations

import argparse

import jax
import numpy as np

import jkeras
from jkeras import layers
from jkeras.utils import pad_sequences

parser = argparse.ArgumentParser(description="Masking.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", help="not used: nothing is written")
rows = 96 if parser.parse_args().tiny else 4000

# -- padding gives all sequences the same length

random = np.random.default_rng(0)
sentences = [random.integers(1, 20, random.integers(1, 9)).tolist() for _ in range(rows)]
tokens = pad_sequences(sentences, maxlen=8, padding="post")
print(tokens[:2])

# -- `mask_zero` makes a mask of the padding, and the LSTM skips masked steps

inputs = jkeras.Input((None,), dtype="int32")
embedded = layers.Embedding(20, 8, mask_zero=True)(inputs)
steps = layers.LSTM(8, return_sequences=True)(embedded)
model = jkeras.Model(inputs, layers.Dense(3, activation="softmax")(steps), seed=0)

short, long = tokens[:1, :3], np.pad(tokens[:1, :3], ((0, 0), (0, 5)))
model.build((None, 8))
alone, padded = (np.asarray(model(part))[0, 2] for part in (short, long))
print("padding changes nothing:", bool(np.allclose(alone, padded, atol=1e-6)))

# -- losses and metrics ignore padded steps

tags = tokens % 3
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(tokens, tags, epochs=3, verbose=2)
nonsense = np.where(tokens > 0, tags, 2)  # other tags at padded steps
same = [model.evaluate(tokens, y, verbose=0)[0] for y in (tags, nonsense)]
print("tags of padding change nothing:", same[0] == same[1])

# -- Masking makes a mask of numbers; pooling averages over real steps only

series = random.normal(size=(rows, 8, 2)).astype("float32") * (tokens > 0)[..., None]
mean = jkeras.Sequential([layers.Masking(0.0), layers.GlobalAveragePooling1D()])
mean.build((None, 8, 2))
means = np.asarray(mean(series[:1]))[0]
print("mean of the real steps:", np.allclose(means, series[0, : len(sentences[0])].mean(0)))

# -- as pure functions: a mask is an argument and a return value

net = model.net
outputs, _, mask = net.apply_with_mask(model.params, model.state, tokens[:2])
print("outputs and their mask:", outputs.shape, mask.shape, mask.dtype)
jitted = jax.jit(lambda params, x: net.apply_with_mask(params, model.state, x)[2].sum())
print("real steps in ten sentences:", int(jitted(model.params, tokens[:10])))
