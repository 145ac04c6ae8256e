"""Gradients of a trained model: per example, clipped, their noise, and the curvature.

    python experiments/inspect_gradients.py
    python experiments/inspect_gradients.py --clip 0.5
    python experiments/inspect_gradients.py --tiny

A model is a description and its values, and the loss is a pure function of these. So `jax.grad`,
`jax.vmap` and `jax.jvp` apply to a model that `fit` has trained: the gradient of every example, the
clipped mean of private training (Abadi et al. 2016, arXiv:1607.00133), the noise scale that
estimates a useful batch size (McCandlish et al. 2018, arXiv:1812.06162), and the largest curvature,
from Hessian-vector products without the Hessian itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras.layers import Dense, Flatten


def trained_model(x: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> jkeras.Sequential:
    """A small network for digits, trained by `fit`."""
    model = jkeras.Sequential(
        [Flatten(input_shape=(28, 28)), Dense(32, activation="relu"), Dense(10)],
        seed=seed,
        name="inspected",
    )
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, verbose=2)
    return model


def loss_fn(model: jkeras.Sequential) -> Callable[[Any, Any, Any], Any]:
    """The loss as a pure function of (params, x, y), for any number of examples."""
    net, state = model.net, model.state

    def loss(params: Any, x: Any, y: Any) -> Any:
        logits, _ = net.apply(params, state, x)
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(y)), y])

    return loss


def example_gradients(loss: Any, params: Any, x: Any, y: Any) -> Any:
    """The gradient of each example: the structure of params, with a leading axis of examples."""
    return jax.vmap(jax.grad(lambda p, a, b: loss(p, a[None], b[None])), (None, 0, 0))(params, x, y)


def norms(gradients: Any) -> Any:
    """The norm of each example's gradient, `[examples]`."""
    squares = jax.tree.map(lambda g: jnp.sum(g.reshape(len(g), -1) ** 2, axis=1), gradients)
    return jnp.sqrt(sum(jax.tree.leaves(squares)))


def clipped_mean(gradients: Any, most: float) -> Any:
    """The mean of the gradients, each scaled to a norm of at most `most`."""
    factors = jnp.minimum(1, most / (norms(gradients) + 1e-12))
    return jax.tree.map(lambda g: jnp.tensordot(factors, g, 1) / len(g), gradients)


def noise_scale(gradients: Any) -> Any:
    """The variance of the gradients over the square of their mean: about the batch size up to
    which larger batches are worth their cost.
    """
    count = len(jax.tree.leaves(gradients)[0])
    mean = jax.tree.map(lambda g: g.mean(axis=0), gradients)
    apart = jax.tree.map(lambda g, m: g - m[None], gradients, mean)
    variance = jnp.sum(norms(apart) ** 2) / (count - 1)
    return variance / jnp.maximum(length(mean) ** 2 - variance / count, 1e-12)


def length(tree: Any) -> Any:
    """The norm of all numbers in a tree as one vector."""
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def hessian_product(loss: Any, params: Any, direction: Any, x: Any, y: Any) -> Any:
    """The Hessian of the loss times a direction: the derivative of the gradient along it."""
    return jax.jvp(lambda p: jax.grad(loss)(p, x, y), (params,), (direction,))[1]


def steepest_curvature(loss: Any, params: Any, key: Any, x: Any, y: Any, steps: int) -> Any:
    """The eigenvalue of the Hessian with the largest absolute value, by the power method."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    start = [jax.random.normal(own, leaf.shape) for own, leaf in zip(keys, leaves, strict=True)]

    def turn(direction: Any, _: Any) -> tuple[Any, Any]:
        size = length(direction)
        direction = jax.tree.map(lambda d: d / size, direction)
        product = hessian_product(loss, params, direction, x, y)
        along = jax.tree.map(lambda a, b: jnp.sum(a * b), direction, product)
        return product, sum(jax.tree.leaves(along))

    return jax.lax.scan(turn, jax.tree.unflatten(structure, start), length=steps)[1][-1]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="The gradients of a trained model.")
    parser.add_argument("--clip", type=float, default=1.0, help="the longest gradient that counts")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/inspect_gradients"))
    parser.add_argument("--tiny", action="store_true", help="little data, one epoch")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, analyzes the gradients, and writes the norm of each into a file."""
    args = parse(argv)
    (x, y), _ = jkeras.datasets.mnist.load_sample()
    x, y = (x[:256], y[:256]) if args.tiny else (x, y)
    x = x.astype(np.float32) / 255
    model = trained_model(x, y, 1 if args.tiny else args.epochs, args.seed)

    loss, params = loss_fn(model), model.params
    few_x, few_y = jnp.asarray(x[:256]), jnp.asarray(y[:256])
    gradients = jax.jit(example_gradients, static_argnums=0)(loss, params, few_x, few_y)
    lengths = np.asarray(norms(gradients))
    print(f"gradients of {len(few_x)} examples: median length {np.median(lengths):.3f}")
    print(f"  the longest, {lengths.max():.3f}, is that of a {few_y[lengths.argmax()]}")
    clipped = clipped_mean(gradients, args.clip)
    over = np.mean(lengths > args.clip)
    print(
        f"clipped at {args.clip}: {over:.1%} of them; their mean has length {length(clipped):.3f}"
    )
    print(f"noise scale: batches of about {noise_scale(gradients):.0f} examples pay")
    curvature = jax.jit(steepest_curvature, static_argnums=(0, 5))
    steepest = curvature(
        loss, params, jax.random.key(args.seed), few_x, few_y, 5 if args.tiny else 30
    )
    print(f"steepest curvature: {steepest:.1f}")

    args.output.mkdir(parents=True, exist_ok=True)
    np.savetxt(args.output / "lengths.csv", lengths, header="length of each gradient")


if __name__ == "__main__":
    main()
