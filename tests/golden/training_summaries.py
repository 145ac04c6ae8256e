"""Models whose `summary()` Keras and jkeras print at every moment of their life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.golden.training_models import CLASSES, Library, images

SUMMARIES: dict[str, Callable[[Any, Library], list[Any]]] = {
    "deferred": lambda layers, k: [
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.Dense(CLASSES),
    ],
    "declared": lambda layers, k: [
        k.Input((12, 12, 1)),
        layers.Flatten(),
        layers.Dense(CLASSES, name="scores"),
    ],
    "convolution": lambda layers, k: [
        layers.Rescaling(0.5, name="half"),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(CLASSES),
    ],
    "sequence": lambda layers, k: [
        k.Input((12, 12)),
        layers.SimpleRNN(6, return_sequences=True),
        layers.SimpleRNN(4),
        layers.Dense(CLASSES, activation="softmax"),
    ],
    "pooled": lambda layers, k: [
        k.Input((12, 12, 1)),
        layers.Conv2D(2, 3, padding="same", use_bias=False),
        layers.GlobalAveragePooling2D(),
        layers.Activation("tanh"),
        layers.Dense(CLASSES),
    ],
    "reshaped": lambda layers, k: [
        layers.Reshape((144,)),
        layers.Softmax(),
        layers.Activation("relu"),
        layers.Dense(CLASSES),
    ],
}


def summaries(k: Library, name: str) -> dict[str, str]:
    """The text of `summary()` at each moment of a model's life."""
    model = k.Sequential(SUMMARIES[name](k.layers, k), name="model")
    x, y = images(8)
    x = x[..., 0] if name == "sequence" else x
    texts = {"new": summary_text(model)}
    model.build((None, *x.shape[1:]))
    texts["built"] = summary_text(model)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    texts["compiled"] = summary_text(model)
    model.fit(x, y, verbose=0)
    texts["fitted"] = summary_text(model)
    model.compile(optimizer=k.optimizers.SGD(momentum=0.9), loss=loss)
    texts["compiled again"] = summary_text(model)
    model.fit(x, y, verbose=0)
    texts["fitted again"] = summary_text(model)
    return texts


def summary_text(model: Any, **options: Any) -> str:
    """What `summary()` prints, 80 columns wide."""
    printed: list[str] = []
    model.summary(
        line_length=80, print_fn=lambda text, line_break=False: printed.append(text), **options
    )
    return "\n".join(line.rstrip() for line in "\n".join(printed).split("\n")).rstrip("\n")
