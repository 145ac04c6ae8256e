"""Policy gradients (REINFORCE): a walker in a corridor learns to reach the far end.

    python experiments/reinforce.py
    python experiments/reinforce.py --length 12
    python experiments/reinforce.py --tiny

The environment is two pure functions, so the training step simulates whole episodes
(`jax.lax.scan`), many in parallel (`jax.vmap`), in one program with the update. There are no data:
`x` only sets the number of episodes, and every batch draws them from its own random key. The
gradient is that of REINFORCE (Williams 1992, doi:10.1007/BF00992696), with the batch's mean return
at each time as the baseline.
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
from jkeras.callbacks import CSVLogger, EarlyStopping
from jkeras.layers import Dense
from jkeras.models import Chain
from jkeras.optimizers import Adam, apply_updates
from jkeras.training import TrainState, make_train_state, step_key

POLICY = Chain((Dense(32, activation="tanh"), Dense(2)))
OPTIMIZER = Adam(5e-3)
DISCOUNT = 0.95
SLIP = 0.1


def begin() -> Any:
    """The initial world: in the middle of the corridor, goal not reached."""
    return {"place": jnp.float32(0), "done": jnp.bool_(False)}


def move(key: Any, world: Any, action: Any, length: int) -> tuple[Any, Any]:
    """The world after an action (0 left, 1 right), which sometimes slips, and the reward: 1 at the
    right end, -0.2 at the left end, where the episode ends; nothing afterwards.
    """
    action = jnp.where(jax.random.uniform(key) < SLIP, 1 - action, action)
    place = world["place"] + jnp.where(action == 1, 1.0, -1.0)
    reward = jnp.where(place >= length, 1.0, jnp.where(place <= -2, -0.2, 0.0))
    reward = jnp.where(world["done"], 0.0, reward)
    done = world["done"] | (place >= length) | (place <= -2)
    return {"place": jnp.where(world["done"], world["place"], place), "done": done}, reward


def log_chances(params: Any, world: Any, length: int) -> Any:
    """The log probabilities of both actions in a world."""
    seen = jnp.stack([world["place"] / length, jnp.float32(1)])
    return jax.nn.log_softmax(POLICY.apply(params, {}, seen[None])[0][0])


def episode(params: Any, key: Any, length: int) -> tuple[Any, Any, Any]:
    """One episode: the log chances of what was done, the rewards, and whether it still ran, each
    `[steps]`.
    """

    def step(world: Any, key: Any) -> tuple[Any, Any]:
        action_key, move_key = jax.random.split(key)
        logs = log_chances(params, world, length)
        action = jax.random.categorical(action_key, logs)
        new, reward = move(move_key, world, action, length)
        return new, (logs[action], reward, ~world["done"])

    return jax.lax.scan(step, begin(), jax.random.split(key, 4 * length))[1]


def returns(rewards: Any) -> Any:
    """The discounted sum of the rewards from each time onwards."""

    def back(later: Any, reward: Any) -> tuple[Any, Any]:
        now = reward + DISCOUNT * later
        return now, now

    return jax.lax.scan(back, jnp.float32(0), rewards, reverse=True)[1]


def init(key: Any) -> TrainState:
    """The initial values of the policy."""
    params, _ = POLICY.init(key, jax.ShapeDtypeStruct((1, 2), jnp.float32))
    return make_train_state(key, params, opt_state=OPTIMIZER.init(params))


def make_step(length: int) -> Any:
    """A step: an update on as many episodes as the batch has rows."""

    def train_step(train_state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
        keys = jax.random.split(step_key(train_state), len(batch.x))

        def loss(params: Any) -> tuple[Any, Any]:
            chances, rewards, runs = jax.vmap(lambda key: episode(params, key, length))(keys)
            found = jax.vmap(returns)(rewards)
            advantage = jax.lax.stop_gradient(found - found.mean(axis=0, keepdims=True))
            return -jnp.mean(jnp.sum(runs * advantage * chances, axis=1)), rewards

        (value, rewards), grads = jax.value_and_grad(loss, has_aux=True)(train_state.params)
        updates, slots = OPTIMIZER.update(grads, train_state.opt_state, train_state.params)
        params = apply_updates(train_state.params, updates)
        logs = {"loss": value, "arrived": jnp.mean(rewards.max(axis=1) > 0)}
        return train_state.replace(params=params, opt_state=slots), logs

    return train_step


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="A walker learns from the returns of episodes.")
    parser.add_argument("--length", type=int, default=6, help="places to the right end")
    parser.add_argument("--epochs", type=int, default=40, help="at most; it may stop earlier")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/reinforce"))
    parser.add_argument("--tiny", action="store_true", help="few episodes, two epochs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and prints how often the walker reaches the goal."""
    args = parse(argv)
    trainer = jkeras.Trainer(
        train_step=make_step(args.length), init=init, seed=args.seed, name="reinforce"
    )
    history = trainer.fit(
        np.zeros(128 if args.tiny else 1_280, np.float32),
        batch_size=64,
        epochs=2 if args.tiny else args.epochs,
        verbose=2,
        callbacks=[
            CSVLogger(args.output / "log.csv"),
            EarlyStopping("arrived", mode="max", patience=8),
        ],
    )
    first, last = history.history["arrived"][0], history.history["arrived"][-1]
    print(f"the walker arrived in {first:.1%} of the first episodes, in {last:.1%} of the last")


if __name__ == "__main__":
    main()
