"""The networks of the premade estimators: linear, deep, and the sum of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras import layers
from jkeras.estimators.columns import FEW, Column
from jkeras.trainer import Model


def embedding_width(categories: int) -> int:
    """How many numbers stand for a category, of so many.

    Source: fastai's rule, min(600, 1.6 · n^0.56).
    """
    return int(min(600, round(1.6 * categories**0.56)))


def network(
    columns: Sequence[Column],
    numbers: int,
    outputs: int,
    *,
    linear: bool,
    hidden_units: Sequence[int] | None,
    activation: Any,
    dropout: float | None,
    batch_norm: bool,
    output_activation: str | None,
    name: str,
) -> Model:
    """A model of the arrays that `columns.encode` makes.

    Args:
      columns: what was learned of each column.
      numbers: how many numbers a row has.
      outputs: how many numbers the model gives.
      linear: whether outputs have a linear part.
      hidden_units: the sizes of the deep part's layers; None for no deep part.
      activation, dropout, batch_norm: of the deep part's layers.
      output_activation: of the outputs.
      name: of the model.
    """
    sizes = [len(column.categories) + 1 for column in columns if column.kind == "category"]
    inputs = {"numbers": layers.Input((numbers,), name="numbers")} if numbers else {}
    if sizes:
        inputs["categories"] = layers.Input((len(sizes),), dtype="int32", name="categories")
    parts = []
    if linear:
        parts.append(_linear(inputs, sizes, outputs))
    if hidden_units is not None:
        x = _features(inputs, sizes)
        for i, units in enumerate(hidden_units):
            x = layers.Dense(units, name=f"hidden_{i}")(x)
            x = layers.BatchNormalization(name=f"normalized_{i}")(x) if batch_norm else x
            x = layers.Activation(activation, name=f"activation_{i}")(x)
            x = layers.Dropout(dropout, name=f"dropout_{i}")(x) if dropout else x
        parts.append(layers.Dense(outputs, name="deep")(x))
    total = layers.Add(name="sum")(parts) if len(parts) > 1 else parts[0]
    return Model(inputs, layers.Activation(output_activation, name="outputs")(total), name=name)


def _linear(inputs: dict[str, Any], sizes: Sequence[int], outputs: int) -> Any:
    """One weight for each number and each category; a bias where there are numbers."""
    parts = []
    if "numbers" in inputs:
        parts.append(layers.Dense(outputs, name="linear")(inputs["numbers"]))
    for i, size in enumerate(sizes):
        weights = layers.Embedding(
            size, outputs, embeddings_initializer="zeros", name=f"linear_category_{i}"
        )
        parts.append(weights(inputs["categories"][:, i]))
    return layers.Add(name="linear_sum")(parts) if len(parts) > 1 else parts[0]


def _features(inputs: dict[str, Any], sizes: Sequence[int]) -> Any:
    """The numbers, and each category one-hot or embedded, side by side."""
    parts = [inputs["numbers"]] if "numbers" in inputs else []
    for i, size in enumerate(sizes):
        ids = inputs["categories"][:, i]
        if size <= FEW + 1:
            encoding = layers.CategoryEncoding(size, "one_hot", name=f"category_{i}")
            parts.append(encoding(inputs["categories"][:, i : i + 1]))
        else:
            embedding = layers.Embedding(size, embedding_width(size), name=f"embedding_{i}")
            parts.append(embedding(ids))
    return layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
