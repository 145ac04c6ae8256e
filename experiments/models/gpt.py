"""A GPT: blocks of causal attention that predict the next token.

    python experiments/models/gpt.py --tiny

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the default
sizes are those of the smallest GPT-2, 124 million weights.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import jkeras
from jkeras import layers, ops


def block(x: Any, width: int, heads: int, dropout: float) -> Any:
    """Causal attention, then two dense layers, each with a residual connection."""
    normal = layers.LayerNormalization(epsilon=1e-5)(x)
    attention = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
    x = x + layers.Dropout(dropout)(attention(normal, normal, use_causal_mask=True))
    fed = layers.Dense(4 * width, activation="gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
    return x + layers.Dropout(dropout)(layers.Dense(width)(fed))


def build(
    tokens: int = 50_257,
    context: int = 1024,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    dropout: float = 0.1,
) -> Any:
    """The model: the logits of the next token at each position.

    Args:
      tokens: size of the vocabulary.
      context: the longest text, in tokens.
      width: size of the vectors between the blocks.
      depth: number of blocks.
      heads: number of attention heads, a divisor of `width`.
      dropout: the fraction that is dropped in training.
    """
    inputs = jkeras.Input((None,), dtype="int32", name="tokens")
    table = layers.ReversibleEmbedding(tokens, width, name="token_table")
    places = ops.cumsum(ops.ones_like(inputs), axis=1) - 1
    x = table(inputs) + layers.Embedding(context, width, name="place_table")(places)
    x = layers.Dropout(dropout)(x)
    for _ in range(depth):
        x = block(x, width, heads, dropout)
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    return jkeras.Model(inputs, table(x, reverse=True), name="gpt")


def main() -> None:
    """Trains on text in which each token follows from the two before."""
    parser = argparse.ArgumentParser(description="A language model.")
    parser.add_argument("--tiny", action="store_true", help="two blocks, eleven tokens")
    parser.add_argument("--output", help="not used: nothing is written")
    tiny = parser.parse_args().tiny
    model = build(11, 16, 16, 2, 2, 0.0) if tiny else build(11, 64, 128, 4, 4)
    length = 16 if tiny else 64
    text = np.random.default_rng(0).integers(0, 11, (128, length + 1))
    for place in range(2, length + 1):
        text[:, place] = (text[:, place - 1] + text[:, place - 2]) % 11
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(jkeras.optimizers.AdamW(3e-3), loss, metrics=["accuracy"])
    model.fit(text[:, :-1], text[:, 1:], batch_size=16, epochs=3, verbose=2)
    print(f"{model.name}: {model.count_params():,} weights in {len(model.layers)} layers")


if __name__ == "__main__":
    main()
