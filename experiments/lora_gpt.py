"""A LoRA fine-tune of a small GPT: 1 weight in 20 learns a new rule of the same language.

    python experiments/lora_gpt.py             # a minute
    python experiments/lora_gpt.py --tiny

The model of `models/gpt.py` learns texts in which each token is the sum of the two before; then its
dense layers and tables get thin trained factors, everything else is frozen, and it learns texts in
which each token is their difference. The file that is written holds the sums, for any program.

Source: Hu et al. 2021, arXiv:2106.09685.
"""

from __future__ import annotations

import argparse
import runpy
from pathlib import Path
from typing import Any

import numpy as np

import jkeras

TOKENS = 11


def texts(count: int, length: int, sign: int, seed: int) -> np.ndarray:
    """Texts in which each token follows from the two before."""
    text = np.random.default_rng(seed).integers(0, TOKENS, (count, length + 1))
    for place in range(2, length + 1):
        text[:, place] = (text[:, place - 1] + sign * text[:, place - 2]) % TOKENS
    return text


def accuracy(model: Any, text: np.ndarray) -> float:
    """The share of tokens that are told right, without the first two of a text."""
    found = model.predict(text[:, :-1], verbose=0).argmax(-1)
    return float((found[:, 1:] == text[:, 2:]).mean())


def train(model: Any, text: np.ndarray, rate: float, epochs: int) -> None:
    """Some epochs on texts."""
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(jkeras.optimizers.AdamW(rate), loss)
    model.fit(text[:, :-1], text[:, 1:], batch_size=32, epochs=epochs, verbose=0)


def main() -> None:
    """Trains, adapts, and writes the model."""
    parser = argparse.ArgumentParser(description="A LoRA fine-tune of a small GPT.")
    parser.add_argument("--tiny", action="store_true", help="little data, a small model")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/lora_gpt"))
    args = parser.parse_args()
    jkeras.utils.set_random_seed(args.seed)
    width, length, count, epochs = (16, 8, 64, 2) if args.tiny else (128, 16, 4096, 8)
    gpt = runpy.run_path(str(Path(__file__).parent / "models" / "gpt.py"))
    model = gpt["build"](TOKENS, length, width, 2, 2, 0.0)

    sums, differences = (texts(count, length, sign, args.seed) for sign in (1, -1))
    train(model, sums, 2e-3, epochs)
    print(f"trained on sums: {accuracy(model, sums):.3f} of the tokens are right")
    print(f"on differences:  {accuracy(model, differences):.3f}")

    for layer in model.layers:
        layer.trainable = hasattr(layer, "enable_lora")
        if layer.trainable:
            layer.enable_lora(args.rank)
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    print(f"LoRA of rank {args.rank}: {trained:,} of {model.count_params():,} weights are trained")
    train(model, differences, 5e-3, 2 * epochs)
    print(f"adapted to differences: {accuracy(model, differences):.3f}")
    args.output.mkdir(parents=True, exist_ok=True)
    model.save(args.output / "model.keras")


if __name__ == "__main__":
    main()
