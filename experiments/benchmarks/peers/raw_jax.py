"""The models hand-written in JAX and optax.

`raw-step` makes one jitted call a step with batches from the host, `raw-scan` one scan an epoch
over data on the device.
"""

from __future__ import annotations

import argparse
import functools
import time
from typing import Any

import common

start = time.perf_counter()  # the imports below are what is timed, so they stand below
import jax  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
import raw_models  # noqa: E402
from jax import lax  # noqa: E402

imports = time.perf_counter() - start


class RawLoop(common.Loop):
    """A training loop over (params, state, optimizer state, key)."""

    def __init__(
        self,
        model: raw_models.Model,
        data: common.Data,
        optimizer: str,
        batch_size: int,
        *,
        scans: bool,
    ) -> None:
        self.model, shapes, state_shapes = model
        self.scans, self.size = scans, batch_size
        self.optimizer = optax.sgd(0.01) if optimizer == "sgd" else optax.adam(1e-3)
        keys = jax.random.split(jax.random.key(0))
        params, state = jax.jit(
            lambda key: (raw_models.init(shapes, key), raw_models.init(state_shapes, key))
        )(keys[0])
        self.carry: Any = params, state, self.optimizer.init(params), keys[1]
        self.weights = sum(leaf.size for leaf in jax.tree.leaves((params, state)))
        self.device = jax.devices()[0].device_kind
        self.data = common.Data(*map(jax.device_put, data)) if self.scans else data
        self.rng = np.random.default_rng(0)

    def step(self, carry: Any, batch: Any) -> Any:
        """One update, with the loss and the accuracy that a user would watch."""
        params, state, moments, key = carry
        key, own = jax.random.split(key)

        def loss_fn(params: Any) -> Any:
            scores, new = self.model(params, state, batch[0], own, True)
            losses = optax.softmax_cross_entropy_with_integer_labels(scores, batch[1])
            return losses.mean(), (scores, new)

        (loss, (scores, state)), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
        updates, moments = self.optimizer.update(grads, moments, params)
        accuracy = (scores.argmax(-1) == batch[1]).mean()
        return (optax.apply_updates(params, updates), state, moments, key), (loss, accuracy)

    @functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
    def one_step(self, carry: Any, batch: Any) -> Any:
        """A step as a program."""
        return self.step(carry, batch)

    @functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
    def scan_epoch(self, carry: Any, key: jax.Array, x: Any, y: Any) -> Any:
        """An epoch as a program."""
        steps = len(x) // self.size
        order = jax.random.permutation(key, len(x))[: steps * self.size].reshape(steps, -1)
        return lax.scan(lambda c, i: self.step(c, (x[i], y[i])), carry, order)

    @functools.partial(jax.jit, static_argnums=0)
    def correct(self, params: Any, state: Any, x: Any, y: Any) -> jax.Array:
        """The number of examples that are classified correctly."""
        scores, _ = self.model(params, state, x, None, False)
        return (scores.argmax(-1) == y).sum()

    def first_step(self) -> None:
        """One batch."""
        x, y = self.data.x[: self.size], self.data.y[: self.size]
        self.train(x, y)
        jax.block_until_ready(self.carry)

    def epoch(self) -> float:
        """An epoch and its validation."""
        self.train(self.data.x, self.data.y)
        correct = functools.partial(self.correct, *self.carry[:2])
        return common.share(correct, self.data.x_test, self.data.y_test)

    def train(self, x: Any, y: Any) -> None:
        """An epoch over these examples."""
        if self.scans:
            key = jax.random.key(self.rng.integers(1 << 31))
            self.carry, _ = self.scan_epoch(self.carry, key, x, y)
            return
        for index in common.batches(self.rng, len(x), self.size):
            self.carry, _ = self.one_step(self.carry, (x[index], y[index]))


def build(args: argparse.Namespace, data: common.Data) -> RawLoop:
    """The loop that the command line asks for."""
    model = raw_models.find(args.model, args.depth)
    scans = args.peer == "raw-scan"
    return RawLoop(model, data, args.optimizer, args.batch_size, scans=scans)


if __name__ == "__main__":
    common.measure(common.options(), imports, build)
