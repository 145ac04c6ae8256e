"""Sentiment of film reviews, from raw strings to one file that takes strings.

    python experiments/sentiment.py
    python experiments/sentiment.py --data-dir aclImdb      # the folder of the IMDB reviews
    python experiments/sentiment.py --tiny

The layer that makes ids of words is a part of the model: `fit`, `evaluate`, `predict` and the saved
model take strings. It runs on the host, before the compiled program. Without the folder of the
reviews (https://ai.stanford.edu/~amaas/data/sentiment/, with train/pos, train/neg, test/…), reviews
of a few sentences are made up; their words leave no doubt, so the accuracy is near 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import jkeras
from jkeras import layers
from jkeras.callbacks import EarlyStopping
from jkeras.saving import load_model
from jkeras.utils import text_dataset_from_directory

GOOD = "wonderful touching brilliant funny superb delightful gripping lovely".split()
BAD = "dull clumsy boring awful tedious wooden predictable hollow".split()
THINGS = "film plot cast camera music ending script scene".split()
FRAMES = ["The {0} is {1}.", "What a {1} {0}!", "I found the {0} {1}...", "{1}, this {0}."]
NEW = ["A superb film with a touching ending!", "The script is dull, the cast wooden."]


def made_up(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Reviews of two to six sentences, most of which say what the label says."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    texts = np.empty(count, object)
    for i, label in enumerate(labels):
        sentences = []
        for _ in range(rng.integers(2, 7)):
            words = GOOD if (rng.random() < 0.85) == bool(label) else BAD
            frame = FRAMES[rng.integers(len(FRAMES))]
            sentences.append(frame.format(rng.choice(THINGS), rng.choice(words)))
        texts[i] = " ".join(sentences)
    return texts, labels.astype(np.float32)


def collect(folder: Path | None, part: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The reviews of a part, "train" or "test", and their labels: 1 for good ones."""
    if folder is None or not (folder / part / "pos").is_dir():
        return made_up(count, seed)
    data = text_dataset_from_directory(
        folder / part, class_names=["neg", "pos"], batch_size=512, shuffle=False, verbose=False
    )
    texts, labels = zip(*data, strict=True)
    return np.concatenate(texts), np.concatenate(labels).astype(np.float32)


def define(texts: np.ndarray, words: int, length: int, seed: int) -> jkeras.Sequential:
    """A network from strings to the chance that a review is good."""
    vectorize = layers.TextVectorization(max_tokens=words, output_sequence_length=length)
    return jkeras.Sequential(
        [
            jkeras.Input((1,), dtype="string"),
            vectorize.adapt(texts),
            layers.Embedding(words, 16, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
        seed=seed,
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Good and bad reviews, from raw strings.")
    parser.add_argument("--data-dir", type=Path, default=None, help="the folder aclImdb")
    parser.add_argument("--words", type=int, default=10_000, help="of the vocabulary, at most")
    parser.add_argument("--length", type=int, default=200, help="words of a review, at most")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/sentiment"))
    parser.add_argument("--tiny", action="store_true", help="few reviews, two epochs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The whole workflow, from strings to a file that is loaded again."""
    args = parse(argv)
    count = 200 if args.tiny else 4000
    x_train, y_train = collect(args.data_dir, "train", count, args.seed)
    x_test, y_test = collect(args.data_dir, "test", count // 4, args.seed + 1)

    model = define(x_train, args.words, args.length, args.seed)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(
        x_train,
        y_train,
        epochs=2 if args.tiny else args.epochs,
        validation_split=0.1,
        callbacks=[EarlyStopping(patience=2, restore_best_weights=True)],
        verbose=2,
    )
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f} on {len(x_test)} reviews")

    args.output.mkdir(parents=True, exist_ok=True)
    model.save(args.output / "sentiment.keras")
    loaded = load_model(args.output / "sentiment.keras")
    for text, chance in zip(NEW, loaded.predict(NEW, verbose=0)[:, 0], strict=True):
        print(f"{chance:.2f}  {text}")
    print(f"wrote {args.output / 'sentiment.keras'}, which takes strings")


if __name__ == "__main__":
    main()
