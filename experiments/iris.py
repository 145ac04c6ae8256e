"""Iris: classification of a small table of numbers into three species.

    python experiments/iris.py
    python experiments/iris.py --epochs 400 --seed 7
    python experiments/iris.py --tiny

Unlike images, a table needs columns on a common scale. Their means and deviations are those of the
training flowers alone, so no information about the test flowers leaks into the training.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import jkeras
from jkeras import display
from jkeras.callbacks import EarlyStopping, LambdaCallback
from jkeras.datasets import iris
from jkeras.layers import Dense

TEST_FLOWERS = 30


def collect(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The 150 flowers in a random order; the file has one block per species."""
    x, y = iris.load_data()
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order], y[order]


def standardized(x_train: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both parts in units of the training part: every column has mean 0 and deviation 1 there."""
    mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
    return (x_train - mean) / deviation, (x_test - mean) / deviation


def define(seed: int) -> jkeras.Sequential:
    """A network from four measurements to three probabilities."""
    return jkeras.Sequential(
        [
            jkeras.Input((4,)),
            Dense(16, activation="relu"),
            Dense(len(iris.CLASSES), activation="softmax"),
        ],
        name="iris",
        seed=seed,
    )


def print_progress(epoch: int, logs: dict[str, float]) -> None:
    """Prints one line every 20 epochs, instead of two hundred progress bars."""
    if epoch % 20 == 0:
        values = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"epoch {epoch + 1:3}: {values}")


def print_confusion(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    """Prints the confusion matrix, and the accuracy for each species."""
    counts = display.confusion_counts(y_true, y_pred, num_classes=len(iris.CLASSES))
    columns = "".join(f"{name:>12}" for name in iris.CLASSES)
    print(f"{'true / predicted':<16}{columns}{'accuracy':>12}")
    for species, name in enumerate(iris.CLASSES):
        row, right = counts[species], counts[species, species]
        cells = "".join(f"{count:12}" for count in row)
        print(f"{name:<16}{cells}{right / max(row.sum(), 1):12.3f}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Three species of iris from four measurements.")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=200, help="at most; it may stop earlier")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/iris"))
    parser.add_argument("--tiny", action="store_true", help="three epochs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The whole workflow, from the table to the confusion matrix."""
    args = parse(argv)
    x, labels = collect(args.seed)
    x_train, x_test = standardized(x[:-TEST_FLOWERS], x[-TEST_FLOWERS:])
    y = jkeras.utils.to_categorical(labels, num_classes=len(iris.CLASSES))
    y_train, y_test = y[:-TEST_FLOWERS], y[-TEST_FLOWERS:]

    model = define(args.seed)
    model.compile(
        optimizer=jkeras.optimizers.Adam(learning_rate=0.01),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.summary()

    history = model.fit(
        x_train,
        y_train,
        batch_size=args.batch_size,
        epochs=3 if args.tiny else args.epochs,
        validation_split=0.2,
        callbacks=[
            LambdaCallback(on_epoch_end=print_progress),
            EarlyStopping(monitor="val_loss", patience=30, restore_best_weights=True),
        ],
        verbose=0,
    )
    print(f"trained for {len(history.epoch)} epochs")

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f} on {len(x_test)} flowers")
    probabilities = model.predict(x_test, verbose=0)
    print_confusion(y_test, probabilities)

    display.learning_curves(history.history, args.output / "learning_curves.png")
    display.confusion_matrix_plot(
        (y_test, probabilities), iris.CLASSES, path=args.output / "confusion_matrix.png"
    )
    print(f"wrote two figures to {args.output}")


if __name__ == "__main__":
    main()
