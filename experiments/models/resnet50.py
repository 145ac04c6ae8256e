"""ResNet-50: fifty convolutional layers, in blocks with residual connections.

    python experiments/models/resnet50.py --tiny

Source: He et al. 2015, arXiv:1512.03385; the sizes are those of `keras.applications.ResNet50`.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import jkeras
from jkeras import layers

DEPTHS = (3, 4, 6, 3)


def convolved(x: Any, filters: int, size: int, strides: int = 1) -> Any:
    """A convolution and its batch normalization."""
    padding = "same" if size == 3 else "valid"
    window, step = (size, size), (strides, strides)
    x = layers.Conv2D(filters, window, strides=step, padding=padding)(x)
    return layers.BatchNormalization(epsilon=1.001e-5)(x)


def block(x: Any, filters: int, strides: int, first: bool) -> Any:
    """A bottleneck block; the first block of a stage projects its residual connection."""
    shortcut = convolved(x, 4 * filters, 1, strides) if first else x
    x = layers.ReLU()(convolved(x, filters, 1, strides))
    x = layers.ReLU()(convolved(x, filters, 3))
    return layers.ReLU()(layers.Add()([shortcut, convolved(x, 4 * filters, 1)]))


def build(
    size: int = 224, classes: int = 1000, filters: int = 64, depths: tuple[int, ...] = DEPTHS
) -> Any:
    """The model.

    Args:
      size: height and width of the images, in pixels.
      classes: number of classes.
      filters: channels of the first convolution; each stage doubles them.
      depths: number of blocks in each stage.
    """
    inputs = jkeras.Input((size, size, 3))
    x = layers.ZeroPadding2D(((3, 3), (3, 3)))(inputs)
    x = layers.ReLU()(convolved(x, filters, 7, strides=2))
    x = layers.ZeroPadding2D(((1, 1), (1, 1)))(x)
    x = layers.MaxPooling2D((3, 3), strides=(2, 2))(x)
    for stage, depth in enumerate(depths):
        for number in range(depth):
            first = number == 0
            strides = 2 if first and stage > 0 else 1
            x = block(x, filters * 2**stage, strides, first)
    x = layers.GlobalAveragePooling2D()(x)
    return jkeras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="resnet50")


def main() -> None:
    """Trains on synthetic images: the class is the brightest channel."""
    parser = argparse.ArgumentParser(description="A residual network for images.")
    parser.add_argument("--tiny", action="store_true", help="small images, one block a stage")
    parser.add_argument("--output", help="not used: nothing is written")
    tiny = parser.parse_args().tiny
    model = build(16, 3, 4, (1, 1)) if tiny else build(64, 3)
    random = np.random.default_rng(0)
    images = random.random((32, *model.input_shape[1:]), "float32")
    labels = images.mean((1, 2)).argmax(-1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=8, epochs=2, verbose=2)
    print(f"{model.name}: {model.count_params():,} weights in {len(model.layers)} layers")


if __name__ == "__main__":
    main()
