"""U-Net: an encoder and a decoder of images with skip connections.

    python experiments/models/unet.py --tiny

Source: Ronneberger, Fischer, Brox 2015, arXiv:1505.04597; here with padding, so that the mask has
the size of the image.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import jkeras
from jkeras import layers


def twice(x: Any, filters: int) -> Any:
    """Two 3 × 3 convolutions."""
    for _ in range(2):
        x = layers.Conv2D(filters, (3, 3), padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
    return x


def build(size: int = 256, channels: int = 3, filters: int = 64, depth: int = 4) -> Any:
    """The model: for every pixel the probability that it belongs to the object.

    Args:
      size: height and width of the images, in pixels, a multiple of 2 ** depth.
      channels: channels of the images.
      filters: channels at full size; each step down doubles them.
      depth: number of halvings of the image.
    """
    inputs = jkeras.Input((size, size, channels), name="image")
    x, handed = inputs, []
    for step in range(depth):
        x = twice(x, filters * 2**step)
        handed.append(x)
        x = layers.MaxPooling2D((2, 2))(x)
    x = twice(x, filters * 2**depth)
    for step in reversed(range(depth)):
        x = layers.Conv2DTranspose(filters * 2**step, (2, 2), strides=(2, 2))(x)
        x = twice(layers.Concatenate()([handed[step], x]), filters * 2**step)
    outputs = layers.Conv2D(1, (1, 1), activation="sigmoid", name="mask")(x)
    return jkeras.Model(inputs, outputs, name="unet")


def disks(count: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of a bright disk, and its mask."""
    random = np.random.default_rng(seed)
    places = random.uniform(0.3, 0.7, (count, 2, 1, 1)) * size
    rows, columns = np.mgrid[:size, :size]
    distance = np.hypot(rows - places[:, 0], columns - places[:, 1])
    masks = (distance < size / 4)[..., None].astype("float32")
    return masks + random.normal(0, 0.5, (count, size, size, 3)).astype("float32"), masks


def main() -> None:
    """Trains on noisy disks."""
    parser = argparse.ArgumentParser(description="Segmentation of images.")
    parser.add_argument("--tiny", action="store_true", help="small images, few channels")
    parser.add_argument("--output", help="not used: nothing is written")
    size, filters, depth = (16, 4, 2) if parser.parse_args().tiny else (64, 16, 4)
    model = build(size, 3, filters, depth)
    images, masks = disks(32, size)
    overlap = jkeras.metrics.BinaryIoU(target_class_ids=(1,), name="overlap")
    model.compile("adam", "binary_crossentropy", metrics=[overlap])
    model.fit(images, masks, batch_size=8, epochs=3, verbose=2)
    print(f"{model.name}: {model.count_params():,} weights in {len(model.layers)} layers")


if __name__ == "__main__":
    main()
