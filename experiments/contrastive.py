"""Contrastive learning without labels: codes of two views of a digit are similar.

    python experiments/contrastive.py
    python experiments/contrastive.py --temperature 0.1
    python experiments/contrastive.py --tiny

A custom training step: it draws two views of every image, encodes both, and classifies for each
view which of the others is its partner (the NT-Xent loss of SimCLR, Chen et al. 2020,
arXiv:2002.05709). The net, the optimizer and the rest of the workflow are the library's. At the
end, labels test the codes: a digit gets the label of its nearest neighbor.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras.callbacks import CSVLogger
from jkeras.layers import Dense, Flatten
from jkeras.models import Chain
from jkeras.optimizers import Adam, apply_updates
from jkeras.training import TrainState, step_key

OPTIMIZER = Adam(1e-3)
LARGEST_SHIFT = 3


def encoder() -> Chain:
    """The network from images to codes of 32 numbers."""
    return Chain((Flatten(), Dense(256, activation="relu"), Dense(32)), name="encoder")


def view(key: Any, image: Any) -> Any:
    """An image moved by a few pixels, with noise and another contrast."""
    shift_key, noise_key, contrast_key = jax.random.split(key, 3)
    shift = jax.random.randint(shift_key, (2,), -LARGEST_SHIFT, LARGEST_SHIFT + 1)
    noise = 0.1 * jax.random.normal(noise_key, image.shape)
    contrast = jax.random.uniform(contrast_key, minval=0.6, maxval=1.4)
    return contrast * jnp.roll(image, shift, axis=(0, 1)) + noise


def unit(codes: Any) -> Any:
    """Codes of length one."""
    return codes / (jnp.linalg.norm(codes, axis=-1, keepdims=True) + 1e-6)


def nt_xent(first: Any, second: Any, temperature: float) -> tuple[Any, Any]:
    """The loss of codes whose rows belong together, `[batch, d]` each, and the share of views
    that are nearest to their partner.
    """
    codes = jnp.concatenate([unit(first), unit(second)])
    count = len(first)
    likeness = codes @ codes.T / temperature - 1e9 * jnp.eye(2 * count)  # not its own partner
    partner = jnp.roll(jnp.arange(2 * count), count)
    log_likely = jax.nn.log_softmax(likeness)[jnp.arange(2 * count), partner]
    return -log_likely.mean(), jnp.mean(likeness.argmax(axis=1) == partner)


def make_step(net: Chain, temperature: float) -> Any:
    """One update of the encoder on two views of every image in a batch."""

    def train_step(train_state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
        keys = jax.random.split(step_key(train_state), (2, len(batch.x)))
        first, second = (jax.vmap(view)(own, batch.x) for own in keys)

        def loss(params: Any) -> tuple[Any, Any]:
            codes, others = (net.apply(params, {}, images)[0] for images in (first, second))
            return nt_xent(codes, others, temperature)

        (value, right), grads = jax.value_and_grad(loss, has_aux=True)(train_state.params)
        updates, slots = OPTIMIZER.update(grads, train_state.opt_state, train_state.params)
        params = apply_updates(train_state.params, updates)
        return train_state.replace(params=params, opt_state=slots), {"loss": value, "right": right}

    return train_step


def neighbor_accuracy(known: np.ndarray, labels: np.ndarray, asked: np.ndarray, y: Any) -> float:
    """The fraction of codes whose nearest known code has the same label."""
    nearest = np.asarray(unit(asked) @ unit(known).T).argmax(axis=1)
    return float((labels[nearest] == y).mean())


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Digits by contrast, without labels.")
    parser.add_argument("--temperature", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/contrastive"))
    parser.add_argument("--tiny", action="store_true", help="little data, two epochs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the encoder without labels, and tests nearest neighbors before and after."""
    args = parse(argv)
    (x, y), (x_test, y_test) = jkeras.datasets.mnist.load_sample()
    if args.tiny:
        x, y, x_test, y_test = x[:256], y[:256], x_test[:100], y_test[:100]
    x, x_test = (images.astype(np.float32) / 255 for images in (x, x_test))

    net = encoder()
    step = make_step(net, args.temperature)
    trainer = jkeras.Trainer(net, train_step=step, seed=args.seed, name="contrastive")
    trainer.compile(optimizer=OPTIMIZER)
    trainer.build(x)

    def accuracy() -> float:
        codes = [trainer.predict(images, batch_size=100, verbose=0) for images in (x, x_test)]
        return neighbor_accuracy(codes[0], y, codes[1], y_test)

    before = accuracy()
    trainer.fit(
        x,
        batch_size=128,
        epochs=2 if args.tiny else args.epochs,
        verbose=2,
        callbacks=[CSVLogger(args.output / "log.csv")],
    )
    print(f"nearest neighbors have the right label: {before:.1%} before, {accuracy():.1%} after")


if __name__ == "__main__":
    main()
