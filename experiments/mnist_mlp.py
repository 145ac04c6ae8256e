"""MNIST with a small dense network: collect, preprocess, define, compile, fit, evaluate, predict.

    python experiments/mnist_mlp.py                      # 5 epochs of plain gradient descent
    python experiments/mnist_mlp.py --optimizer adam --epochs 10
    python experiments/mnist_mlp.py --tiny               # a few seconds, no download

The first run downloads MNIST (11 MB); without a network it uses the digits that ship with jkeras.
Figures and weights are written to `results/mnist_mlp`, or to the folder of `--output`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import jkeras
from jkeras import display
from jkeras.layers import Dense, Flatten

OPTIMIZERS = {
    "adam": jkeras.optimizers.Adam,
    "adamw": jkeras.optimizers.AdamW,
    "rmsprop": jkeras.optimizers.RMSprop,
    "sgd": jkeras.optimizers.SGD,
}
Pair = tuple[np.ndarray, np.ndarray]


def collect(data_dir: Path | None) -> tuple[Pair, Pair]:
    """The whole of MNIST, or the sample in the package if the download fails."""
    try:
        return jkeras.datasets.mnist.load_data(data_dir=data_dir)
    except jkeras.datasets.NoNetwork:
        print("MNIST cannot be downloaded here: using the 10,000 digits that ship with jkeras.")
        return jkeras.datasets.mnist.load_sample()


def tiny_sample() -> tuple[Pair, Pair]:
    """A few hundred digits, for a quick check."""
    (x_train, y_train), (x_test, y_test) = jkeras.datasets.mnist.load_sample()
    return (x_train[:320], y_train[:320]), (x_test[:100], y_test[:100])


def scaled(images: np.ndarray) -> np.ndarray:
    """Pixels scaled from 0..255 to 0..1, in the precision of the network."""
    return images.astype(np.float32) / 255


def define(seed: int) -> jkeras.Sequential:
    """A network: images as rows of 784 pixels, a hidden layer, ten probabilities."""
    model = jkeras.Sequential(name="mnist_mlp", seed=seed)
    model.add(jkeras.Input((28, 28)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    return model


def optimizer_of(name: str, learning_rate: float | None) -> jkeras.optimizers.Optimizer:
    """The optimizer of this name, with its default learning rate unless another is set."""
    kind = OPTIMIZERS[name]
    return kind() if learning_rate is None else kind(learning_rate=learning_rate)


def print_predictions(probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Prints the predicted class and the ten probabilities of each digit."""
    print("label  predicted  probability of 0, 1, ... 9")
    for row, label in zip(probabilities, labels, strict=True):
        print(f"{label:5}  {row.argmax():9}  {' '.join(f'{p:.3f}' for p in row)}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="MNIST with a small dense network.")
    parser.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="sgd")
    parser.add_argument("--learning-rate", type=float, help="default: the optimizer's own")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--data-dir", type=Path, help="folder of prepared datasets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/mnist_mlp"))
    parser.add_argument("--tiny", action="store_true", help="little data, one epoch, no download")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The whole workflow, from the data to the files."""
    args = parse(argv)
    (x_train, y_train), (x_test, y_test) = tiny_sample() if args.tiny else collect(args.data_dir)
    print(f"training on {len(x_train)} digits, testing on {len(x_test)}")
    x_train, x_test = scaled(x_train), scaled(x_test)

    model = define(args.seed)
    model.compile(
        optimizer=optimizer_of(args.optimizer, args.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.summary()

    # The test set is also the validation set: its scores are shown, no choice depends on them.
    history = model.fit(
        x_train,
        y_train,
        batch_size=args.batch_size,
        epochs=1 if args.tiny else args.epochs,
        validation_data=(x_test, y_test),
    )

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
    probabilities = model.predict(x_test, verbose=0)
    print_predictions(probabilities[:6], y_test[:6])

    model.save(args.output / "model.keras")
    display.learning_curves(history.history, args.output / "learning_curves.png")
    display.prediction_grid(x_test, y_test, probabilities, path=args.output / "predictions.png")
    display.confusion_matrix_plot(
        (y_test, probabilities), path=args.output / "confusion_matrix.png"
    )
    print(f"wrote the model and three figures to {args.output}")


if __name__ == "__main__":
    main()
