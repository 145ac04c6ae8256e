"""Meta-learning (MAML): initial weights from which a few steps of gradient descent fit a new sine.

    python experiments/maml_sines.py
    python experiments/maml_sines.py --inner-steps 3
    python experiments/maml_sines.py --tiny

An example is a whole task: ten points of a sine with its own amplitude and phase, half of them for
fitting and half for testing. The custom step runs gradient descent on the first half
(`jax.lax.scan` over updates) and takes the gradient of the error on the second half through these
updates, for all tasks of the batch in parallel (`jax.vmap`) (MAML, Finn et al. 2017,
arXiv:1703.03400).
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
from jkeras.layers import Dense
from jkeras.models import Chain
from jkeras.optimizers import Adam, apply_updates
from jkeras.training import TrainState, make_train_state

NET = Chain((Dense(40, activation="tanh"), Dense(40, activation="tanh"), Dense(1)))
OPTIMIZER = Adam(2e-3)
INNER_RATE = 0.05
POINTS = 10


def tasks(count: int, seed: int) -> np.ndarray:
    """Points (x, y) of many sines, `[count, 10, 2]`."""
    rng = np.random.default_rng(seed)
    where = rng.uniform(-5, 5, size=(count, POINTS))
    amplitude, phase = rng.uniform(0.5, 3, (count, 1)), rng.uniform(0, np.pi, (count, 1))
    return np.stack([where, amplitude * np.sin(where + phase)], axis=2).astype(np.float32)


def error(params: Any, points: Any) -> Any:
    """The mean squared error on points `[n, 2]`."""
    outputs, _ = NET.apply(params, {}, points[:, :1])
    return jnp.mean((outputs - points[:, 1:]) ** 2)


def adapted(params: Any, points: Any, steps: int) -> Any:
    """The params after some steps of gradient descent on these points."""

    def descend(params: Any, _: Any) -> tuple[Any, None]:
        grads = jax.grad(error)(params, points)
        return jax.tree.map(lambda p, g: p - INNER_RATE * g, params, grads), None

    return jax.lax.scan(descend, params, length=steps)[0]


def task_errors(params: Any, points: Any, steps: int) -> tuple[Any, Any]:
    """The error of one task on its test points, before and after adaptation."""
    fitted, asked = points[: POINTS // 2], points[POINTS // 2 :]
    return error(params, asked), error(adapted(params, fitted, steps), asked)


def mean_errors(params: Any, batch: Any, steps: int) -> tuple[Any, Any]:
    """The mean errors of all tasks in a batch, before and after adaptation."""
    before, after = jax.vmap(lambda points: task_errors(params, points, steps))(batch)
    return before.mean(), after.mean()


def init(key: Any, x: Any) -> TrainState:
    """The initial weights of all tasks."""
    params, _ = NET.init(key, jax.ShapeDtypeStruct((1, 1), x.dtype))
    return make_train_state(key, params, opt_state=OPTIMIZER.init(params))


def make_steps(inner_steps: int) -> dict[str, Any]:
    """The training step, and the evaluation step."""

    def train_step(train_state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
        def loss(params: Any) -> tuple[Any, Any]:
            before, after = mean_errors(params, batch.x, inner_steps)
            return after, before

        (after, before), grads = jax.value_and_grad(loss, has_aux=True)(train_state.params)
        updates, slots = OPTIMIZER.update(grads, train_state.opt_state, train_state.params)
        params = apply_updates(train_state.params, updates)
        logs = {"loss": after, "unadapted": before}
        return train_state.replace(params=params, opt_state=slots), logs

    def eval_step(params: Any, state: Any, batch: Any) -> dict[str, Any]:
        del state
        before, after = mean_errors(params, batch.x, inner_steps)
        return {"loss": after, "unadapted": before}

    return {"train_step": train_step, "eval_step": eval_step}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Weights that adapt to a sine in a few steps.")
    parser.add_argument("--inner-steps", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/maml_sines"))
    parser.add_argument("--tiny", action="store_true", help="few tasks, two epochs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains on some sines, and tests the adaptation to others."""
    args = parse(argv)
    count = 128 if args.tiny else 10_000
    steps = make_steps(args.inner_steps)
    trainer = jkeras.Trainer(init=init, **steps, seed=args.seed, name="maml")
    held_out = tasks(count // 4, args.seed + 1)
    trainer.fit(
        tasks(count, args.seed),
        batch_size=32,
        epochs=2 if args.tiny else args.epochs,
        validation_data=(held_out, None),
        verbose=2,
        callbacks=[CSVLogger(args.output / "log.csv")],
    )
    after, before = trainer.evaluate(held_out, batch_size=32, verbose=0)
    print(
        f"new sines: error {before:.3f}, and {after:.3f} after {args.inner_steps} steps on 5 points"
    )


if __name__ == "__main__":
    main()
