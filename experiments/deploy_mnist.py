"""From data to a page: a digit reader, trained here, for servers, phones and browsers.

    python experiments/deploy_mnist.py
    python experiments/deploy_mnist.py --runtime onnxruntime-web-1.30.0.tgz   # without a network
    python experiments/deploy_mnist.py --tiny                                 # a few seconds

    python -m http.server --directory results/deploy_mnist/page               # draw a digit

New compared with `mnist_cnn.py`: the trained model is exported as StableHLO, ONNX and LiteRT, in
full size and in int8; each file is read again and tested; a page with the model inside is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import jkeras
from jkeras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Rescaling

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
    return (x_train[:256], y_train[:256]), (x_test[:100], y_test[:100])


def define(seed: int) -> jkeras.Sequential:
    """Two blocks of convolution and pooling, then a dense classifier; pixels are scaled inside."""
    return jkeras.Sequential(
        [
            jkeras.Input((28, 28, 1), dtype="uint8", name="digit"),
            Rescaling(1 / 255),
            Conv2D(32, (3, 3), activation="relu"),
            MaxPooling2D((2, 2)),
            Conv2D(64, (3, 3), activation="relu"),
            MaxPooling2D((2, 2)),
            Flatten(),
            Dropout(0.25),
            Dense(128, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ],
        name="digits",
        seed=seed,
    )


def accuracy(predict: Callable[[np.ndarray], Any], x: np.ndarray, y: np.ndarray) -> float:
    """The share of digits that a model reads right."""
    return float((np.asarray(predict(x)).argmax(-1) == y).mean())


def export_all(model: jkeras.Sequential, folder: Path, examples: np.ndarray) -> list[Path]:
    """Writes the model for JAX, ONNX Runtime and LiteRT; the two last ones in int8, too."""
    small = {"quantize": "int8", "representative_data": examples}
    files: dict[str, dict[str, Any]] = {
        "digits.stablehlo": {},
        "digits.onnx": {},
        "digits_int8.onnx": small,
        "digits.tflite": {},
        "digits_int8.tflite": small,
    }
    for name, options in files.items():
        model.export(folder / name, **options)
    return [folder / name for name in files]


def export_page(model: jkeras.Sequential, folder: Path, runtime: Path | None) -> None:
    """Writes the page, unless the runtime for browsers is not to be had."""
    try:
        model.export(folder, "web", runtime=runtime, title="Handwritten digits")
    except OSError as error:
        print(f"no page: {error}")
    else:
        print(f"draw a digit: python -m http.server --directory {folder}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="From data to a page that reads digits.")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data-dir", type=Path, help="folder of prepared datasets")
    parser.add_argument("--runtime", type=Path, help="the npm package onnxruntime-web")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/deploy_mnist"))
    parser.add_argument("--tiny", action="store_true", help="little data, one epoch, no download")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The whole way, from the data to the page."""
    args = parse(argv)
    (x_train, y_train), (x_test, y_test) = tiny_sample() if args.tiny else collect(args.data_dir)
    x_train, x_test = x_train[..., None], x_test[..., None]  # convolutions need a channel axis

    model = define(args.seed)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = 1 if args.tiny else args.epochs
    model.fit(x_train, y_train, batch_size=args.batch_size, epochs=epochs)
    args.output.mkdir(parents=True, exist_ok=True)
    model.save(args.output / "digits.keras")

    files = export_all(model, args.output, x_train[:500])
    reference = accuracy(lambda x: model.predict(x, verbose=0), x_test, y_test)
    print(f"\n{'file':20}{'bytes':>12}{'accuracy':>10}")
    print(f"{'the model itself':20}{'':>12}{reference:>10.2%}")
    for file in files:
        read = jkeras.load_exported(file)
        share = accuracy(read.predict, x_test, y_test)
        print(f"{file.name:20}{file.stat().st_size:>12,}{share:>10.2%}")

    export_page(model, args.output / "page", args.runtime)


if __name__ == "__main__":
    main()
