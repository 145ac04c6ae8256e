"""A GAN: two networks with opposite losses, two optimizers and a gradient penalty.

    python experiments/gan.py
    python experiments/gan.py --penalty 0       # without the penalty some spots are lost
    python experiments/gan.py --tiny

The data are points around eight spots on a circle. The generator maps noise to points, the critic
classifies points as real or generated. One custom step trains both, each with its own optimizer;
`fit` shuffles, draws the progress bar and collects the logs as usual. The penalty (R1) is the
squared gradient of the critic with respect to its inputs: a gradient inside a gradient.
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
from jkeras.training import TrainState, make_train_state, step_key

NOISE = 8
SPOTS = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
NETS = {
    "generator": Chain((Dense(64, activation="relu"), Dense(64, activation="relu"), Dense(2))),
    "critic": Chain((Dense(64, activation="relu"), Dense(64, activation="relu"), Dense(1))),
}
OPTIMIZERS = {
    "generator": Adam(1e-3, beta_1=0.5),
    "critic": Adam(2e-3, beta_1=0.5),
}


def points(count: int, seed: int) -> np.ndarray:
    """Points around the spots, `[count, 2]`."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(scale=0.05, size=(count, 2))
    return (SPOTS[rng.integers(8, size=count)] + noise).astype(np.float32)


def init(key: Any, x: Any) -> TrainState:
    """The values of both networks, and the state of each optimizer."""
    specs = {"generator": jnp.zeros((1, NOISE)), "critic": x}
    keys = dict(zip(NETS, jax.random.split(key), strict=True))
    params = {name: net.init(keys[name], specs[name])[0] for name, net in NETS.items()}
    slots = {name: OPTIMIZERS[name].init(params[name]) for name in NETS}
    return make_train_state(key, params, opt_state=slots)


def made(params: Any, key: Any, count: int) -> Any:
    """Points from the generator, for noise."""
    noise = jax.random.normal(key, (count, NOISE))
    return NETS["generator"].apply(params["generator"], {}, noise)[0]


def score(params: Any, x: Any) -> Any:
    """The critic's score of each point, `[count]`; high for real points."""
    return NETS["critic"].apply(params["critic"], {}, x)[0][:, 0]


def critic_loss(params: Any, real: Any, key: Any, penalty: float) -> tuple[Any, Any]:
    """The loss for scores of real and generated points plus the penalty, and the accuracy."""
    fake = made(params, key, len(real))
    real_score, fake_score = score(params, real), score(params, fake)
    loss = jnp.mean(jax.nn.softplus(-real_score) + jax.nn.softplus(fake_score))
    slopes = jax.grad(lambda x: score(params, x).sum())(real)
    told_apart = 0.5 * (jnp.mean(real_score > 0) + jnp.mean(fake_score < 0))
    return loss + 0.5 * penalty * jnp.mean(jnp.sum(slopes**2, axis=1)), told_apart


def generator_loss(params: Any, key: Any, count: int) -> Any:
    """The loss for low scores of generated points."""
    return jnp.mean(jax.nn.softplus(-score(params, made(params, key, count))))


def updated(train_state: TrainState, name: str, grads: Any) -> TrainState:
    """The state after an update of one network; the other network is unchanged."""
    params, slots = train_state.params, train_state.opt_state
    updates, own = OPTIMIZERS[name].update(grads[name], slots[name], params[name])
    return train_state.replace(
        params={**params, name: apply_updates(params[name], updates)},
        opt_state={**slots, name: own},
    )


def make_step(penalty: float) -> Any:
    """A step of both: first the critic, then the generator against the new critic."""

    def train_step(train_state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
        critic_key, generator_key = jax.random.split(step_key(train_state))
        value_and_grad = jax.value_and_grad(critic_loss, has_aux=True)
        (critic, told_apart), grads = value_and_grad(
            train_state.params, batch.x, critic_key, penalty
        )
        train_state = updated(train_state, "critic", grads)
        generator, grads = jax.value_and_grad(generator_loss)(
            train_state.params, generator_key, len(batch.x)
        )
        logs = {"critic": critic, "generator": generator, "told_apart": told_apart}
        return updated(train_state, "generator", grads), logs

    return train_step


def spots_found(x: np.ndarray) -> tuple[int, float]:
    """The number of spots with at least a fortieth of the points; the share of points near one."""
    distances = np.linalg.norm(x[:, None] - SPOTS[None], axis=2)
    near = distances.min(axis=1) < 0.25
    shares = np.bincount(distances.argmin(axis=1)[near], minlength=8) / len(x)
    return int((shares >= 1 / 40).sum()), float(near.mean())


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="A GAN on eight spots, with two optimizers.")
    parser.add_argument("--penalty", type=float, default=0.2, help="weight of the R1 penalty")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results/gan"))
    parser.add_argument("--tiny", action="store_true", help="little data, two epochs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains both networks, and counts the spots that the generator covers."""
    args = parse(argv)
    x = points(512 if args.tiny else 20_000, args.seed)
    trainer = jkeras.Trainer(
        train_step=make_step(args.penalty), init=init, seed=args.seed, name="gan"
    )
    trainer.fit(
        x,
        batch_size=128,
        epochs=2 if args.tiny else args.epochs,
        verbose=2,
        callbacks=[CSVLogger(args.output / "log.csv")],
    )
    x = np.asarray(made(trainer.params, jax.random.key(args.seed + 1), 2_000))
    found, near = spots_found(x)
    print(f"the generator found {found} of 8 spots; {near:.1%} of its points lie near one")


if __name__ == "__main__":
    main()
