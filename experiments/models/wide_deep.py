"""Wide & Deep: a linear model of the categories beside a deep network.

    python experiments/models/wide_deep.py --tiny

Source: Cheng et al. 2016, arXiv:1606.07792.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

import jkeras
from jkeras import layers

SIZES = (100_000, 10_000, 1_000, 100, 10)


def build(
    sizes: Sequence[int] = SIZES,
    numbers: int = 13,
    width: int = 32,
    hidden: Sequence[int] = (1024, 512, 256),
) -> Any:
    """The model: the probability of a click.

    Args:
      sizes: the number of categories in each column.
      numbers: the number of numeric columns.
      width: size of a category's embedding.
      hidden: units of the dense layers.
    """
    columns = [jkeras.Input((1,), dtype="int32", name=f"column_{i}") for i in range(len(sizes))]
    measured = jkeras.Input((numbers,), name="measured")
    wide, deep = [], []
    for size, column in zip(sizes, columns, strict=True):
        wide.append(layers.Flatten()(layers.Embedding(size, 1)(column)))
        deep.append(layers.Flatten()(layers.Embedding(size, width)(column)))
    x = layers.Concatenate()([*deep, layers.LayerNormalization()(measured)])
    for units in hidden:
        x = layers.Dense(units, activation="relu")(x)
    logit = layers.Add()([*wide, layers.Dense(1)(x), layers.Dense(1, use_bias=False)(measured)])
    outputs = layers.Activation("sigmoid", name="click")(logit)
    return jkeras.Model([*columns, measured], outputs, name="wide_deep")


def main() -> None:
    """Trains on synthetic clicks, which depend on two categories together and a number."""
    parser = argparse.ArgumentParser(description="Categories and numbers, remembered and learned.")
    parser.add_argument("--tiny", action="store_true", help="few categories, few units")
    parser.add_argument("--output", help="not used: nothing is written")
    tiny = parser.parse_args().tiny
    sizes, rows = ((20, 10), 400) if tiny else (SIZES, 20_000)
    model = build(sizes, 3, 4, (16, 8)) if tiny else build(sizes, 3)
    random = np.random.default_rng(0)
    columns = [random.integers(0, size, (rows, 1)) for size in sizes]
    measured = random.normal(size=(rows, 3)).astype("float32")
    clicks = (columns[0] % 2 == columns[1] % 2) & (measured[:, :1] > -0.5)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "auc"])
    model.fit([*columns, measured], clicks, batch_size=64, epochs=3, verbose=2)
    print(f"{model.name}: {model.count_params():,} weights in {len(model.layers)} layers")


if __name__ == "__main__":
    main()
