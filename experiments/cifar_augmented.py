"""Small color images with random augmentation inside of the model, and with MixUp.

    python experiments/cifar_augmented.py
    python experiments/cifar_augmented.py --epochs 20
    python experiments/cifar_augmented.py --tiny          # a few seconds, no download

New compared with `mnist_cnn.py`: random layers stand in front of the network. They run on the
device, as a part of every training step, are inactive in `evaluate` and `predict`, and are saved
with the model. MixUp mixes images with their labels, so it stands in front of `fit`, in a data set
that mixes each batch anew. Without CIFAR-10 the images are drawn: ten kinds of colored shapes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import jkeras
from jkeras import display, layers

Pair = tuple[np.ndarray, np.ndarray]
SIDE = 32


def drawn(count: int, seed: int) -> Pair:
    """Images of noise with a disc, ring, square, cross or stripes, in one of two colors."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    y, x = np.mgrid[:SIDE, :SIDE]
    middle = rng.integers(10, SIDE - 10, (count, 2, 1, 1))
    dx, dy = np.abs(x - middle[:, 0]), np.abs(y - middle[:, 1])
    radius = rng.integers(6, 10, (count, 1, 1))
    distance = np.hypot(dx, dy)
    shapes = [
        distance < radius,
        np.abs(distance - radius) < 2,
        np.maximum(dx, dy) < radius,
        (np.minimum(dx, dy) < 2) & (np.maximum(dx, dy) < radius),
        (np.maximum(dx, dy) < radius) & ((x + y) % 6 < 3),
    ]
    shape = np.choose((labels % 5)[:, None, None], shapes)
    colors = np.array([[220, 80, 60], [60, 120, 220]])[labels // 5]
    images = rng.integers(0, 120, (count, SIDE, SIDE, 3))
    images = np.where(shape[..., None], colors[:, None, None] + images // 4, images)
    return images.clip(0, 255).astype("uint8"), labels


def collect(tiny: bool) -> tuple[Pair, Pair]:
    """CIFAR-10, or drawn images where it cannot be downloaded."""
    if tiny:
        return drawn(256, 0), drawn(64, 1)
    try:
        (x, y), (x_test, y_test) = jkeras.datasets.cifar10.load_data()
        return (x, y.ravel()), (x_test, y_test.ravel())
    except jkeras.datasets.NoNetwork:
        print("CIFAR-10 cannot be downloaded here: drawing 10,000 images.")
        return drawn(8_000, 0), drawn(2_000, 1)


class MixedBatches(jkeras.utils.PyDataset):
    """Batches in which images and their labels are mixed, other ones in every epoch.

    Args:
      x: images.
      y: ids of classes.
      batch_size: images in a batch.
      seed: of the order of the images.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int, seed: int) -> None:
        super().__init__()
        self.x, self.y = x, jkeras.utils.to_categorical(y, 10)
        self.batch_size, self.rng = batch_size, np.random.default_rng(seed)
        self.mix = layers.MixUp(alpha=0.2, seed=seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.x) // self.batch_size

    def __getitem__(self, index: int) -> Pair:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        mixed = self.mix({"images": self.x[rows], "labels": self.y[rows]}, training=True)
        return np.asarray(mixed["images"]), np.asarray(mixed["labels"])

    def on_epoch_end(self) -> None:
        """Another order for the next epoch."""
        self.order = self.rng.permutation(len(self.x))


def define(seed: int) -> jkeras.Sequential:
    """Augmentation, then three blocks of convolution and pooling."""
    return jkeras.Sequential(
        [
            jkeras.Input((SIDE, SIDE, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomRotation(0.05),
            layers.RandomZoom(0.1),
            layers.RandomContrast((0.2, 0.2)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, (3, 3), padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, (3, 3), padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, (3, 3), padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ],
        name="augmented",
        seed=seed,
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="CIFAR-10 with augmentation and MixUp.")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/cifar_augmented"))
    parser.add_argument("--tiny", action="store_true", help="little data, one epoch, no download")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The whole workflow, from the data to the files."""
    args = parse(argv)
    (x, y), (x_test, y_test) = collect(args.tiny)
    args.output.mkdir(parents=True, exist_ok=True)
    policy = layers.RandomFlip() if args.tiny else layers.RandAugment(factor=0.3, seed=args.seed)
    augmented = policy(x[:9], training=True)
    display.prediction_grid(
        np.asarray(augmented) / 255, y[:9], path=args.output / "rand_augment.png"
    )

    model = define(args.seed)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    batches = MixedBatches(x, y, min(args.batch_size, len(x) // 2), args.seed)
    labels = jkeras.utils.to_categorical(y_test, 10)
    epochs = 1 if args.tiny else args.epochs
    history = model.fit(batches, epochs=epochs, validation_data=(x_test, labels))
    loss, accuracy = model.evaluate(x_test, labels, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")

    model.save(args.output / "model.keras")
    again = jkeras.models.load_model(args.output / "model.keras")
    same = np.allclose(again.predict(x_test[:8], verbose=0), model.predict(x_test[:8], verbose=0))
    print(f"the file predicts the same: {same}")
    display.learning_curves(history.history, args.output / "learning_curves.png")
    print(f"wrote the model and the figures to {args.output}")


if __name__ == "__main__":
    main()
