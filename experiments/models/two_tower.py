"""Two towers: queries and documents as vectors, from one shared text encoder.

    python experiments/models/two_tower.py --tiny

Documents are encoded once; a query is then compared with them by a product alone.

Source: Yi et al. 2019, doi:10.1145/3298689.3346996.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import jkeras
from jkeras import layers, ops


def encoder(words: int, width: int) -> Any:
    """The text encoder: word ids, 0 for padding, to one vector."""
    tokens = jkeras.Input((None,), dtype="int32", name="tokens")
    embedded = layers.Embedding(words, width, mask_zero=True)(tokens)
    read = layers.Bidirectional(layers.GRU(width))(embedded)
    return jkeras.Model(tokens, layers.Dense(width, activation="tanh")(read), name="encoder")


def tower(x: Any, units: int, name: str) -> Any:
    """The layers of one side, and a vector of length 1."""
    x = layers.Dense(units, activation="relu", name=f"{name}_hidden")(x)
    return layers.UnitNormalization(name=name)(layers.Dense(units, name=f"{name}_vector")(x))


def build(words: int = 30_000, width: int = 128, units: int = 64) -> Any:
    """The model: the similarity, from -1 to 1, of each query and its document.

    Args:
      words: size of the vocabulary, 0 included.
      width: size of the word vectors and of the encoded text.
      units: units of the towers.
    """
    shared = encoder(words, width)
    query = jkeras.Input((None,), dtype="int32", name="query")
    document = jkeras.Input((None,), dtype="int32", name="document")
    age = jkeras.Input((1,), name="age")
    left = tower(shared(query), units, "queries")
    right = tower(layers.Concatenate()([shared(document), age]), units, "documents")
    similar = ops.sum(left * right, axis=-1, keepdims=True)
    return jkeras.Model([query, document, age], similar, name="two_tower")


def main() -> None:
    """Trains on synthetic texts: matching pairs share words, others do not."""
    parser = argparse.ArgumentParser(description="Queries and documents with one encoder.")
    parser.add_argument("--tiny", action="store_true", help="a small vocabulary")
    parser.add_argument("--output", help="not used: nothing is written")
    words, rows = (30, 192) if parser.parse_args().tiny else (1000, 5000)
    model = build(words, 8, 6) if words == 30 else build(words)
    random = np.random.default_rng(0)
    documents = random.integers(1, words, (rows, 7))
    fits = random.random((rows, 1)) < 0.5
    queries = np.where(fits, documents[:, :3], random.integers(1, words, (rows, 3)))
    ages = random.random((rows, 1)).astype("float32")
    model.compile("adam", "hinge", metrics=[jkeras.metrics.BinaryAccuracy(threshold=0.0)])
    model.fit([queries, documents, ages], 2.0 * fits - 1.0, batch_size=32, epochs=3, verbose=2)
    print(
        f"{model.name}: {model.count_params():,} weights, {model.get_layer('encoder').name} shared"
    )


if __name__ == "__main__":
    main()
