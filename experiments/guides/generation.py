"""Generation: text that grows by a token at a time, with one compiled program for all lengths.

    python experiments/guides/generation.py --tiny

A program is compiled for each shape. Inputs that grow, `model(text)` for 1, 2, 3, … tokens, are a
new shape and a new program each time. Here the shape stays, in two ways: a fixed length, for
attention that looks back only, and carried state, for recurrent layers.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras import layers, ops

parser = argparse.ArgumentParser(description="Generation of text.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", help="not used: nothing is written")
epochs = 25 if parser.parse_args().tiny else 60
TOKENS, LENGTH, WIDTH = 11, 32, 32

# -- text in which each token follows from the two before

text = np.random.default_rng(0).integers(0, TOKENS, (256, LENGTH + 1))
for place in range(2, LENGTH + 1):
    text[:, place] = (text[:, place - 1] + text[:, place - 2]) % TOKENS
loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)

# -- a block of attention that looks back only

inputs = jkeras.Input((None,), dtype="int32")
places = ops.cumsum(ops.ones_like(inputs), axis=1) - 1
x = layers.Embedding(TOKENS, WIDTH)(inputs) + layers.Embedding(LENGTH, WIDTH)(places)
x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 16)(x, x, use_causal_mask=True))
x = layers.LayerNormalization()(x + layers.Dense(WIDTH)(layers.Dense(64, activation="gelu")(x)))
gpt = jkeras.Model(inputs, layers.Dense(TOKENS)(x), seed=0)
gpt.compile(jkeras.optimizers.Adam(1e-2), loss)
gpt.fit(text[:, :-1], text[:, 1:], epochs=epochs, verbose=0)

# -- a fixed length: whatever stands behind a token changes nothing at it, so zeros may


def next_token(model: Any, tokens: list[int]) -> int:
    """The most probable token behind `tokens`."""
    padded = np.zeros((1, LENGTH), "int32")
    padded[0, : len(tokens)] = tokens
    return int(np.argmax(model(padded)[0, len(tokens) - 1]))


started = time.perf_counter()
tokens = [1, 1]
while len(tokens) < LENGTH:
    tokens.append(next_token(gpt, tokens))
print(f"{LENGTH} tokens at a fixed length: {time.perf_counter() - started:.1f} s, {tokens}")
alone, padded = (gpt(np.array([part])) for part in (tokens[:5], tokens[:5] + [0] * (LENGTH - 5)))
print("padding changes nothing:", bool(np.allclose(alone, padded[:, :5], atol=1e-5)))

# -- the same in one program: the loop runs on the device, and the text is what it carries


@jax.jit
def generate(weights: Any, others: Any, text: jax.Array, start: int) -> jax.Array:
    """The text `[batch, LENGTH]` with the tokens from `start` on replaced by the most probable."""

    def step(place: jax.Array, text: jax.Array) -> jax.Array:
        logits, _ = gpt.stateless_call(weights, others, text)
        return text.at[:, place].set(jnp.argmax(logits[:, place - 1], -1).astype(text.dtype))

    return jax.lax.fori_loop(start, LENGTH, step, text)


values = (
    [v.value for v in part] for part in (gpt.trainable_variables, gpt.non_trainable_variables)
)
begun = jnp.zeros((1, LENGTH), jnp.int32).at[0, :2].set(1)
print("in one program:", generate(*values, begun, 2)[0].tolist() == tokens)

# -- carried state: a recurrent layer needs the last token only, and what it remembers


def recurrent(stateful: bool) -> Any:
    """A model that reads tokens; a stateful one goes on where the last call ended."""
    shape = {"batch_shape": (1, 1)} if stateful else {"shape": (None,)}
    inputs = jkeras.Input(**shape, dtype="int32")
    x = layers.Embedding(TOKENS, WIDTH)(inputs)
    x = layers.GRU(64, return_sequences=True, stateful=stateful)(x)
    return jkeras.Model(inputs, layers.Dense(TOKENS)(x), seed=0)


learner, writer = recurrent(stateful=False), recurrent(stateful=True)
learner.compile(jkeras.optimizers.Adam(1e-2), loss)
learner.fit(text[:, :-1], text[:, 1:], epochs=epochs, verbose=0)
for to, source in zip(writer.trainable_variables, learner.trainable_variables, strict=True):
    to.assign(source)
started = time.perf_counter()
written = [1, 1]
writer(np.array([written[:1]]))
while len(written) < LENGTH:
    written.append(int(np.argmax(writer(np.array([written[-1:]]))[0, -1])))
print(f"{LENGTH} tokens with carried state: {time.perf_counter() - started:.1f} s, {written}")
whole = np.argmax(learner(np.array([written[:-1]]))[0], -1)
print("the state remembers the text:", whole[1:].tolist() == written[2:])
