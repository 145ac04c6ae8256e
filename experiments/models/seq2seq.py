"""Translation: an LSTM encoder, an LSTM decoder, and attention of the decoder to the encoder.

    python experiments/models/seq2seq.py --tiny

Source: Bahdanau, Cho, Bengio 2014, arXiv:1409.0473; Luong et al. 2015, arXiv:1508.04025.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import jkeras
from jkeras import layers


def build(
    source_words: int = 30_000, target_words: int = 30_000, width: int = 512, units: int = 512
) -> Any:
    """The model: for each step the logits of the next word.

    Args:
      source_words: size of the source vocabulary; 0 is padding.
      target_words: size of the target vocabulary; 0 is padding, 1 the start.
      width: size of the word vectors.
      units: units of each LSTM; the encoder has half of them in each direction.
    """
    source = jkeras.Input((None,), dtype="int32", name="source")
    target = jkeras.Input((None,), dtype="int32", name="target")
    read = layers.Embedding(source_words, width, mask_zero=True)(source)
    reader = layers.LSTM(units // 2, return_sequences=True, return_state=True)
    read, *states = layers.Bidirectional(reader)(read)
    memory = layers.Concatenate()(states[::2])
    carry = layers.Concatenate()(states[1::2])
    written = layers.Embedding(target_words, width, mask_zero=True)(target)
    writer = layers.LSTM(units, return_sequences=True)
    written = writer(written, initial_state=[memory, carry])
    seen = layers.Attention()([written, read])
    x = layers.Dense(units, activation="tanh")(layers.Concatenate()([written, seen]))
    return jkeras.Model([source, target], layers.Dense(target_words)(x), name="seq2seq")


def reversals(rows: int, words: int, length: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Sentences of different lengths; the target is the reversed sentence."""
    random = np.random.default_rng(0)
    sizes = random.integers(2, length + 1, rows)
    source = [random.integers(2, words, size) for size in sizes]
    pad = jkeras.utils.pad_sequences
    answer = pad([sentence[::-1] for sentence in source], maxlen=length, padding="post")
    begun = np.where(answer > 0, np.insert(answer, 0, 1, axis=1)[:, :-1], 0)
    return [pad(source, maxlen=length, padding="post"), begun], answer


def main() -> None:
    """Trains to reverse sentences."""
    parser = argparse.ArgumentParser(description="Sequence to sequence with attention.")
    parser.add_argument("--tiny", action="store_true", help="short sentences, few words")
    parser.add_argument("--output", help="not used: nothing is written")
    words, size, rows = (12, 16, 200) if parser.parse_args().tiny else (50, 128, 5000)
    model = build(words, words, size, size)
    inputs, answer = reversals(rows, words, 6)
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(jkeras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(inputs, answer, batch_size=32, epochs=3, verbose=2)
    print(f"{model.name}: {model.count_params():,} weights in {len(model.layers)} layers")


if __name__ == "__main__":
    main()
