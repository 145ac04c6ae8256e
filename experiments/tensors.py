"""One workflow for tensors of every rank: scalars, vectors, sentences, images and video.

    python experiments/tensors.py
    python experiments/tensors.py --tiny

Axis 0 of the data is the axis of examples. The rank of an example determines the layers: Dense for
vectors, SimpleRNN for sentences, Conv2D for images, Conv3D for video, whose first axis is time. The
data are small and synthetic, with a rule that can be learned. Compile, fit and evaluate are the
same for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jkeras
from jkeras import display
from jkeras.layers import (
    Conv2D,
    Conv3D,
    Dense,
    Embedding,
    Flatten,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    Layer,
    MaxPooling2D,
    Reshape,
    SimpleRNN,
)

WORDS = ("the", "film", "was", "it", "is", "very", "so", "and", "not", "good")
NOT, GOOD = WORDS.index("not"), WORDS.index("good")
MOVES = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])  # up, down, left, right


class Task(NamedTuple):
    """Data, layers for their rank, and the metric of the result."""

    x: np.ndarray
    y: np.ndarray
    layers: Sequence[Layer]
    loss: str = "sparse_categorical_crossentropy"
    metric: str = "accuracy"


def scalars(n: int, rng: np.random.Generator) -> Task:
    """A sine wave of single numbers; Dense needs an axis of features, so Reshape adds one."""
    x = rng.uniform(-1, 1, n).astype(np.float32)
    layers = [Reshape((1,)), Dense(32, activation="tanh"), Dense(32, activation="tanh"), Dense(1)]
    return Task(x, np.sin(4 * x), layers, "mse", "mae")


def vectors(n: int, rng: np.random.Generator) -> Task:
    """A number from four, with a product that no linear model can fit."""
    x = rng.uniform(-1, 1, (n, 4)).astype(np.float32)
    y = x @ np.array([1, -2, 3, 0], np.float32) + 2 * x[:, 0] * x[:, 3]
    return Task(
        x, y, [Dense(32, activation="relu"), Dense(32, activation="relu"), Dense(1)], "mse", "mae"
    )


def sentences(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Eight word ids each, and whether "not" stands before "good"; both occur once."""
    ids = rng.integers(0, NOT, (n, 8))
    places = rng.permuted(np.tile(np.arange(8), (n, 1)), axis=1)
    ids[np.arange(n), places[:, 0]] = NOT
    ids[np.arange(n), places[:, 1]] = GOOD
    return ids.astype(np.int32), (places[:, 0] < places[:, 1]).astype(np.int32)


def word_ids(n: int, rng: np.random.Generator) -> Task:
    """Sentences as ids: Embedding looks up a vector for each word."""
    ids, y = sentences(n, rng)
    return Task(ids, y, [Embedding(len(WORDS), 8), SimpleRNN(32), Dense(2, activation="softmax")])


def word_vectors(n: int, rng: np.random.Generator) -> Task:
    """The same sentences with each word already a vector: one-hot rows."""
    ids, y = sentences(n, rng)
    x = jkeras.utils.to_categorical(ids, num_classes=len(WORDS))
    return Task(x, y, [SimpleRNN(32), Dense(2, activation="softmax")])


def grey_images(n: int, rng: np.random.Generator) -> Task:
    """The brightest quadrant of a noisy image; Conv2D needs channels, so Reshape adds one."""
    x, y = rng.uniform(0, 1, (n, 12, 12)), rng.integers(0, 4, n)
    quadrant = np.kron(np.arange(4).reshape(2, 2), np.ones((6, 6)))
    x += 0.3 * (quadrant == y[:, None, None])
    layers = [Reshape((12, 12, 1)), Conv2D(8, (3, 3), activation="relu"), MaxPooling2D()]
    return Task(x.astype(np.float32), y, [*layers, Flatten(), Dense(4, activation="softmax")])


def rgb_images(n: int, rng: np.random.Generator) -> Task:
    """The color of a small square, red, green or blue, somewhere on a noisy background."""
    x, y = rng.uniform(0, 0.6, (n, 12, 12, 3)), rng.integers(0, 3, n)
    for image, color, (row, column) in zip(x, y, rng.integers(0, 9, (n, 2)), strict=True):
        image[row : row + 3, column : column + 3, color] = 1
    layers = [
        Conv2D(8, (3, 3), activation="relu"),
        GlobalMaxPooling2D(),
        Dense(3, activation="softmax"),
    ]
    return Task(x.astype(np.float32), y, layers)


def videos(n: int, rng: np.random.Generator) -> Task:
    """The direction of a moving dot, which no single frame shows."""
    x, y = np.zeros((n, 4, 10, 10, 1), np.float32), rng.integers(0, 4, n)
    start = rng.integers(3, 7, (n, 2))
    for frame in range(4):
        rows, columns = (start + frame * MOVES[y]).T
        x[np.arange(n), frame, rows, columns] = 1
    layers = [Conv3D(16, (2, 3, 3), activation="relu"), GlobalMaxPooling3D()]
    return Task(x, y, [*layers, Dense(4, activation="softmax")])


TASKS: dict[str, Callable[[int, np.random.Generator], Task]] = {
    "scalars": scalars,
    "vectors": vectors,
    "word ids": word_ids,
    "word vectors": word_vectors,
    "grey images": grey_images,
    "RGB images": rgb_images,
    "videos": videos,
}


def run(name: str, task: Task, epochs: int, seed: int, output: Path) -> str:
    """Trains on four fifths and tests on the rest; returns the task's line of the table."""
    cut = len(task.x) * 4 // 5
    example = task.x.shape[1:]
    model = jkeras.Sequential([jkeras.Input(example, dtype=task.x.dtype), *task.layers], seed=seed)
    model.compile(jkeras.optimizers.Adam(0.005), task.loss, metrics=[task.metric])
    before = model.evaluate(task.x[cut:], task.y[cut:], verbose=0, return_dict=True)
    history = model.fit(task.x[:cut], task.y[:cut], epochs=epochs, validation_split=0.1, verbose=0)
    after = model.evaluate(task.x[cut:], task.y[cut:], verbose=0, return_dict=True)
    file = output / f"{name.replace(' ', '_')}.png"
    display.learning_curves(history.history, file, title=f"{name} {example}")
    change = f"{before[task.metric]:8.3f} -> {after[task.metric]:.3f}"
    return f"{name:<14}{len(example):>4}  {example!s:<18}{task.metric:<10}{change}"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="One workflow for tensors of every rank.")
    parser.add_argument("--examples", type=int, default=2000, help="of each kind")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/tensors"))
    parser.add_argument("--tiny", action="store_true", help="little data, one epoch")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains one model for each kind of tensor, then prints their results."""
    args = parse(argv)
    examples, epochs = (80, 1) if args.tiny else (args.examples, args.epochs)
    lines = []
    for name, make in TASKS.items():
        task = make(examples, np.random.default_rng(args.seed))
        print(f"training on {name}: {task.x.dtype} {task.x.shape}", flush=True)
        lines.append(run(name, task, epochs, args.seed, args.output))
    print(f"\n{'what':<14}rank  {'one example':<18}{'metric':<10}  before -> after")
    print("\n".join(lines))
    print(f"\nwrote the learning curves to {args.output}")


if __name__ == "__main__":
    main()
